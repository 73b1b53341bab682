"""Where time and memory go when a task answers: import, load, and every stage of the pipeline, with what follows.

The calls of this package are timed from outside (`sys.setprofile`, so nothing in a pipeline has to help): a stage is a
function that takes a share worth naming and whose time its own callees of this package do not explain. A second pass
takes the memory at the edges of the stages. The advice names a measure that exists, and `check` applies it and tells
what it brought. It knows no task.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from .errors import ColonnadeError, InputError
from .result import plain

if TYPE_CHECKING:
    from .pipeline import Pipeline
    from .vertical import Task

ROOT = str(Path(__file__).resolve().parents[1])
SMALL, LARGE = 0.04, 0.25  # of the time: a stage worth a line, a stage worth a word
EXPLAINED = 0.6  # of a function's time by its callees: they are the stages, not it
ONCE, EACH = "once", "each answer"
ROUNDS = 3
NETWORK = ("compute", "run", "infer")  # what engines call it


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the way to an answer: seconds, share of one answer, MiB that it added, and how often it ran."""

    name: str
    seconds: float
    share: float
    added_mib: float
    calls: int = 1
    when: str = EACH


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do about a stage, by how much an answer gets faster at most, and by how much it did when it was tried."""

    stage: str
    says: str
    at_most: float
    measured: float | None = None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Where one answer's time goes. `cold` counts from the start of a process, `warm` is one more answer."""

    task: str
    cold_seconds: float
    warm_seconds: float
    peak_memory_mib: int
    threads: int
    stages: tuple[Stage, ...]
    advice: tuple[Advice, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return plain(dataclasses.asdict(self))


def profile(
    task: Task, *, given: Mapping[str, Any] | None = None, checkpoint: Path | None = None, check: bool = False
) -> Profile:
    """Answer from cold and then again, with a stop-watch on every stage. Without inputs, the task's sample.

    Raises:
        InputError: no input, and the task has no sample.
    """
    from .training.account import forget_peak, peak_memory, resident

    given = {name: value for name, value in (given or {}).items() if value is not None}
    if not given:
        if task.sample is None:
            raise InputError(f"{task.name} has no sample: give an input to profile")
        given = dict(task.sample())
    forget_peak()
    stages = []
    before = resident()
    kind = task.pipeline()
    stages.append(_once("import", _import_seconds(task), before))
    before, started = resident(), time.perf_counter()
    pipeline = kind.from_pretrained(checkpoint)
    stages.append(_once("load", time.perf_counter() - started, before))
    before = resident()
    first = _seconds(lambda: _answer(pipeline, given))
    added = _mib(resident() - before)
    warm = min(_seconds(lambda: _answer(pipeline, given)) for _ in range(ROUNDS))
    stages.append(Stage(name="first answer, beyond later ones", seconds=round(max(first - warm, 0), 4), share=0.0,
                        added_mib=added, when=ONCE))  # fmt: skip
    found = _stages(pipeline, given, warm)
    cold = stages[0].seconds + stages[1].seconds + first
    return Profile(
        task=task.name, cold_seconds=round(cold, 3), warm_seconds=round(warm, 4),
        peak_memory_mib=round(peak_memory() / 2**20), threads=_threads(), stages=(*stages, *found),
        advice=tuple(advised(pipeline, given, (*stages, *found), times=(cold, warm), check=check)),
    )  # fmt: skip


def advised(
    pipeline: Pipeline, given: Mapping[str, Any], stages: tuple[Stage, ...], *, times: tuple[float, float], check: bool
) -> list[Advice]:
    """What follows from the stages, the largest gain first; with `check`, tried."""
    cold, warm = times
    once = sum(stage.seconds for stage in stages if stage.when == ONCE)
    advice = []
    if once > LARGE * cold:
        advice.append(Advice(
            stage="import and load",
            says=f"{once:.1f} s pass before the first answer and only once: answer many in one process "
            f"(colonnade serve {pipeline.task.name}, or one pipeline in Python)",
            at_most=round(cold / max(warm, 1e-9), 1), measured=round(cold / max(warm, 1e-9), 1),
        ))  # fmt: skip
    network = min(sum(stage.share for stage in stages if stage.name.endswith("(network)")), 1.0)
    if network > LARGE:
        gain, said = _engine_gain(pipeline) if check else (None, "")
        bound = 1 / max(1 - network, 0.01)
        measured = None if gain is None else round(1 / (1 - network + network / gain), 2)
        advice.append(Advice(
            stage="network",
            says=f"{network:.0%} of an answer is the network: export it and let OpenVINO or ONNX Runtime run it "
            f"(colonnade export {pipeline.task.name} --format openvino){said}",
            at_most=round(bound, 2), measured=measured,
        ))  # fmt: skip
    advice += _threading(pipeline, given, warm, check=check)
    for stage in stages:
        if (
            stage.when == EACH
            and stage.share > LARGE
            and stage.name != "all else"
            and not stage.name.endswith("(network)")
        ):
            advice.append(
                Advice(stage=stage.name, says=_about(stage), at_most=round(1 / max(1 - stage.share, 0.01), 2))
            )
    return sorted(advice, key=lambda each: -(each.measured or each.at_most))


def _about(stage: Stage) -> str:
    if stage.name == "read the inputs":
        return (
            f"{stage.share:.0%} of an answer is reading its files: keep them on a local disk, uncompressed, and cropped"
        )
    if stage.name == "report":
        return f"the page takes {stage.share:.0%} of answer and page: without --out (or report.html()) none is drawn"
    if stage.name.startswith("knowledge.figures"):
        return (
            f"{stage.share:.0%} of an answer is drawing pictures: smaller ones, or none where nobody looks, save that"
        )
    return f"{stage.share:.0%} of an answer is here: this is the place to make faster"


def _threading(pipeline: Pipeline, given: Mapping[str, Any], warm: float, *, check: bool) -> list[Advice]:
    """Whether fewer or more threads of torch answer sooner: always a guess until it is tried."""
    torch = sys.modules.get("torch")
    if torch is None or not check:
        return []
    from os import cpu_count

    usual = torch.get_num_threads()
    spent = {usual: warm}
    try:
        for count in {1, cpu_count() or 1} - {usual}:
            torch.set_num_threads(count)
            spent[count] = min(_seconds(lambda: _answer(pipeline, given)) for _ in range(ROUNDS))
    finally:
        torch.set_num_threads(usual)
    best = min(spent, key=spent.__getitem__)
    gain = spent[usual] / max(spent[best], 1e-9)
    if gain < 1.1:
        return []
    says = f"{best} threads answer sooner than {usual} here: set OMP_NUM_THREADS={best}"
    return [Advice(stage="threads", says=says, at_most=round(gain, 2), measured=round(gain, 2))]


def _engine_gain(pipeline: Pipeline) -> tuple[float | None, str]:
    """How much faster the exported network runs than torch does, on its own example, and on which engine."""
    import torch

    from .engine.door import open_engine
    from .export import write
    from .export.program import evaluating

    program = pipeline.program()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            write(program, task=pipeline.task.name, out=Path(scratch) / "edge", format="onnx", int8=False)
            engine = open_engine(Path(scratch) / "edge")
        except ColonnadeError as error:
            return None, f"; it could not be tried here: {error}"
        arrays = {name: tensor.numpy() for name, tensor in zip(program.inputs, program.example, strict=True)}
        engine.run(arrays)
        ratios = []
        with evaluating(program.module), torch.no_grad():
            program.module(*program.example)
            for _ in range(2 * ROUNDS):  # in turns: the machine is noisy
                eager = _seconds(lambda: program.module(*program.example))
                ratios.append(eager / max(_seconds(lambda: engine.run(arrays)), 1e-9))
    gain = sorted(ratios)[len(ratios) // 2]
    return gain, f"; {engine.name} ran it {gain:.1f} times as fast as torch here"


def _stages(pipeline: Pipeline, given: Mapping[str, Any], warm: float) -> tuple[Stage, ...]:
    """One answer and its page by stage, the longest first; shares are of the answer alone."""
    tree = Tree()
    with tree:
        result = _answer(pipeline, given)
    whole = max(tree.root.seconds, 1e-9)
    leaves = list(_leaves(tree.root, whole))
    memory = _memory({leaf.code for leaf in leaves}, lambda: _answer(pipeline, given))
    named: dict[str, list[float]] = {}
    for leaf in leaves:
        row = named.setdefault(_name(leaf.code), [0.0, 0.0, 0.0])
        row[0], row[1] = row[0] + leaf.seconds, row[1] + leaf.calls
        row[2] = max(row[2], memory.get(leaf.code, 0.0))
    found = [
        Stage(name=name, seconds=round(s / whole * warm, 4), share=round(s / whole, 4), added_mib=_mib(m), calls=int(n))
        for name, (s, n, m) in named.items()
    ]  # fmt: skip
    rest = 1 - sum(leaf.seconds for leaf in leaves) / whole
    if rest > 0.01:
        found.append(Stage(name="all else", seconds=round(rest * warm, 4), share=round(rest, 4), added_mib=0.0))
    if result.report is not None:
        spent = _seconds(result.report.html)
        share = spent / (warm + spent)
        found.append(Stage(name="report", seconds=round(spent, 4), share=round(share, 4), added_mib=0.0))
    return tuple(sorted(found, key=lambda stage: -stage.seconds))


@dataclass
class Node:
    """A function as it was called from there: seconds with all it calls, and how often."""

    code: CodeType
    seconds: float = 0.0
    calls: int = 0
    callees: dict[CodeType, Node] = field(default_factory=dict)


class Tree:
    """Inside, this package's calls are timed as a tree; libraries' time is that of the function that calls them."""

    def __init__(self) -> None:
        self.root = Node(code=Tree.__init__.__code__)
        self._stack: list[tuple[Node, float]] = []
        self._ours: dict[CodeType, bool] = {}

    def __enter__(self) -> Tree:
        self._stack = [(self.root, time.perf_counter())]
        sys.setprofile(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self.root.seconds = time.perf_counter() - self._stack[0][1]

    def _watch(self, frame: FrameType, event: str, _: Any) -> None:
        if event not in ("call", "return"):
            return
        code = frame.f_code
        ours = self._ours.get(code)
        if ours is None:
            ours = self._ours[code] = _is_ours(code)
        if not ours:
            return
        if event == "call":
            node = self._stack[-1][0].callees.get(code)
            if node is None:
                node = self._stack[-1][0].callees[code] = Node(code=code)
            self._stack.append((node, time.perf_counter()))
        elif len(self._stack) > 1 and self._stack[-1][0].code is code:
            node, begun = self._stack.pop()
            node.seconds += time.perf_counter() - begun
            node.calls += 1


def _is_ours(code: CodeType) -> bool:
    """Whether a stage may be called so: a function of this package with a name, but not this file's."""
    file = code.co_filename
    inside = file.startswith(ROOT) and "site-packages" not in file[len(ROOT) :]
    return inside and not code.co_name.startswith("<") and file != __file__


def _leaves(node: Node, whole: float) -> Iterator[Node]:
    """The functions whose own callees do not explain their time; a network is one, whatever it is made of."""
    inside = [each for each in node.callees.values() if each.seconds >= SMALL * whole]
    for each in inside:
        deeper = sum(callee.seconds for callee in each.callees.values() if callee.seconds >= SMALL * whole)
        if _is_network(each.code) or deeper < EXPLAINED * each.seconds:
            yield each
        else:
            yield from _leaves(each, whole)


def _memory(codes: set[CodeType], answer: Callable[[], object]) -> dict[CodeType, float]:
    """The most that resident memory grew from the start to the end of a call of each of these functions."""
    from .training.account import resident

    begun: dict[int, int] = {}
    grown: dict[CodeType, float] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if frame.f_code not in codes:
            return
        if event == "call":
            begun[id(frame)] = resident()
        elif event == "return" and id(frame) in begun:
            grown[frame.f_code] = max(grown.get(frame.f_code, 0.0), resident() - begun.pop(id(frame)))

    sys.setprofile(watch)
    try:
        answer()
    finally:
        sys.setprofile(None)
    return grown


def _name(code: CodeType) -> str:
    """`detection.detect look`, with a word on what a network or an engine runs."""
    if code.co_name in ("read", "_record") and code.co_filename.endswith("pipeline.py"):
        return "read the inputs"
    parts = Path(code.co_filename).relative_to(ROOT).with_suffix("").parts
    return f"{'.'.join(parts[-2:])} {code.co_name}{' (network)' if _is_network(code) else ''}"


def _is_network(code: CodeType) -> bool:
    return code.co_name == "forward" or (code.co_name in NETWORK and "/engine/" in code.co_filename)


def _answer(pipeline: Pipeline, given: Mapping[str, Any]) -> Any:
    return pipeline.predict(**given)


def _import_seconds(task: Task) -> float:
    """Seconds that a new process takes to import the pipeline."""
    package = __name__.rsplit(".core.", 1)[0]
    code = f"from {package}.core.vertical import find; find({task.name!r}).pipeline()"
    known = _seconds(lambda: subprocess.run([sys.executable, "-c", code], capture_output=True, check=False))
    return max(known, 0.0)


def _once(name: str, seconds: float, before: int) -> Stage:
    from .training.account import resident

    return Stage(name=name, seconds=round(seconds, 4), share=0.0, added_mib=_mib(resident() - before), when=ONCE)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _threads() -> int:
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch is not None else 1


def _mib(size: float) -> float:
    return round(max(size, 0) / 2**20, 1)
