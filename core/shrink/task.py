"""Any task made smaller: its own way where it has one, else weights of few bits, scored by the task itself.

The ladder of a task without its own: as it is, weights in eight bits, weights in four (scored; an ONNX file holds no
four bits here). Each step is evaluated on the user's data with the task's own metrics, among them its calibration and
coverage where it has them, and exported with its parity proven. It knows nothing of any field.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..result import Evaluation, dumps, plain, whole_folder
from ..vertical import Task
from .weights import is_weight, rounded

if TYPE_CHECKING:
    from ..pipeline import Pipeline

TOLERATED = 0.01  # of the first metric, from which a step is not kept
HONESTY = ("ece", "coverage", "brier")
NAMES = {0: "as it is", 8: "weights in 8 bits", 4: "weights in 4 bits"}


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One step: the program's size and times (None where none is written) and the task's own metrics."""

    name: str
    megabytes: float | None
    milliseconds: Mapping[str, float]
    parity: float | None
    metric: str
    score: float
    interval: tuple[float, float] | None
    honesty: Mapping[str, float]
    held: bool


def shrink(task: Task, checkpoint: Path | None, data: Path, out: Path, words: Mapping[str, Any]) -> dict[str, Any]:
    """Write the smaller model and the ladder into a folder; what each step cost.

    Raises:
        InputError: the task has no weights that rounding would shrink, or no such recipe.
    """
    if task.shrinking is not None:
        return task.shrinking()(checkpoint, data, out, words)
    if words.get("recipe"):
        raise InputError(f"{task.name} has one way to shrink and no recipes, got {words['recipe']!r}")
    pipeline = task.pipeline().from_pretrained(checkpoint)
    whole, seed = pipeline.to_checkpoint(), int(words.get("seed") or 0)
    if not any(is_weight(name, np.asarray(value)) for name, value in whole.tensors.items()):
        raise InputError(
            f"{task.name} is made of trees, counts and small tables here: it has no weights that fewer bits would make "
            "smaller"
        )
    with whole_folder(out) as aside, tempfile.TemporaryDirectory() as scratch:
        steps = [_step(pipeline, 0, data, Path(scratch), None, seed)]
        for bits in (8, 4):
            smaller, _ = rounded(whole, bits=bits)
            made = type(pipeline).from_checkpoint(smaller)
            steps.append(_step(made, bits, data, Path(scratch), steps[0], seed))
            if bits == 8 and steps[-1].held:
                smaller.save(aside / "checkpoint")
        kept = 8 if steps[1].held else 0
        shutil.copytree(Path(scratch) / str(kept), aside / "onnx")
        answer = {
            "task": task.name,
            "folder": str(out),
            "kept": NAMES[kept],
            "ladder": [plain(each) for each in steps],
        }
        (aside / "ladder.json").write_text(dumps(answer), encoding="utf-8")
        (aside / "ladder.md").write_text(table(steps) + "\n", encoding="utf-8")
    return answer


def _step(pipeline: Pipeline, bits: int, data: Path, scratch: Path, first: Kept | None, seed: int) -> Kept:
    """Evaluate, and export where a file can hold it."""
    from ..engine.folder import describe
    from ..export import write

    found = pipeline.evaluate(data, seed=seed)
    metric, score = next(iter(found.metrics.items()))
    megabytes, parity, spent = None, None, {}
    if bits != 4:
        folder = scratch / str(bits)
        made = write(pipeline.program(), task=pipeline.task.name, out=folder, packed=bits == 8)
        spent = dict(describe(folder).milliseconds)
        megabytes, parity = (folder / "model.onnx").stat().st_size / 1e6, max(made.parity.values())
    return Kept(
        name=NAMES[bits],
        megabytes=megabytes,
        milliseconds=spent,
        parity=parity,
        metric=metric,
        score=float(score),
        interval=found.intervals.get(metric),
        honesty=_honesty(found),
        held=first is None or abs(score - first.score) <= TOLERATED,
    )


def _honesty(found: Evaluation) -> dict[str, float]:
    """Calibration and coverage, by whatever of these names the task measures."""
    return {name: value for name, value in found.metrics.items() if any(each in name for each in HONESTY)}


def table(steps: Sequence[Kept]) -> str:
    """Markdown: a row a step."""
    honesty = list(steps[0].honesty)
    head = ["step", "MB", "ms by engine (one row)", "parity", steps[0].metric, "95 %", *honesty, "held"]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for each in steps:
        size = "no file" if each.megabytes is None else f"{each.megabytes:.2f}"
        spent = ", ".join(f"{name} {value:.2f}" for name, value in each.milliseconds.items())
        span = "" if each.interval is None else f"{each.interval[0]:.4f} to {each.interval[1]:.4f}"
        parity = "" if each.parity is None else f"{each.parity:.1e}"
        cells = [each.name, size, spent, parity, f"{each.score:.4f}", span]
        cells += [f"{each.honesty.get(name, float('nan')):.4f}" for name in honesty]
        lines.append(f"| {' | '.join([*cells, 'yes' if each.held else 'no'])} |")
    return "\n".join(lines)
