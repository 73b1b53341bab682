"""Makes the folder of an edge inspector: every rung taught, exported, timed and judged; the better int8 one is kept."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ....core.engine import Engine
from ....core.engine.door import installed
from ....core.errors import InputError
from ....core.export import write
from ....core.export.program import Program
from ....core.progress import say
from ....core.result import dumps, plain, whole_folder
from ....core.shrink.ladder import Honest, Step, judge, ratio, table, timed
from ....core.types import Array
from ..inspection.model import Inspector
from .inspector import CARD, PROGRAM
from .processing import processing
from .recipe import TASK, Recipe, Rung, better, calibrated, engine_scores, exported, program_of, rungs
from .rows import Rows, Shown
from .teacher import weight_of

LADDER = "ladder.md"


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """Rows that teach, that calibrate and choose, and that only measure; `unit` is one to time the teacher with."""

    train: Rows
    held: Rows
    test: Rows
    unit: Shown
    told: Mapping[str, Any] = field(default_factory=dict)


class Made(NamedTuple):
    """A rung after export: where it lies, its engine, and what it says of held and test rows."""

    rung: Rung
    program: Program
    folder: Path
    engine: Engine
    held: Array
    test: Array


def make(teacher: Inspector, material: Material, *, recipe: Recipe, out: Path, seed: int) -> list[Step]:
    """Climb the ladder and write the folder, whole or not at all; the steps, teacher first."""
    assert teacher.experts.sounds is not None
    said = processing(teacher.experts.sounds)
    with whole_folder(out) as aside, tempfile.TemporaryDirectory() as scratch:
        made = []
        for number, rung in enumerate(rungs(material.train, recipe, seed=seed)):
            try:
                made.append(_climb(rung, material, Path(scratch) / str(number), said, seed))
            except InputError as error:
                if not rung.quantise:  # what nobody rehearsed may be too coarse; the rehearsed one goes on
                    raise
                say(f"{rung.name} is left out: {error}")
        steps = _judged(teacher, material, made, seed)
        whole = [each for each in made if each.rung.name.startswith("int8")]
        kept = better(material.held, {each.rung.name: each.held for each in whole})
        chosen = next(each for each in whole if each.rung.name == kept)
        say(f"kept: {kept}")
        shutil.copytree(chosen.folder, aside / PROGRAM)
        if installed("openvino") and not chosen.rung.quantise:
            exported(chosen.program, chosen.rung, aside / "openvino", format="openvino")
        if teacher.experts.points is not None:
            from .points import points_program

            write(points_program(teacher.experts.points.reader), task=TASK, out=aside / "points")
        card = _card(teacher, material, chosen, steps, said)
        (aside / CARD).write_text(dumps(card), encoding="utf-8")
        (aside / LADDER).write_text(table(steps) + "\n", encoding="utf-8")
    return steps


def _climb(rung: Rung, material: Material, folder: Path, said: Mapping[str, Any], seed: int) -> Made:
    program = program_of(rung, material.train, material.held, said, seed=seed)
    engine = exported(program, rung, folder)
    held, test = engine_scores(engine, material.held), engine_scores(engine, material.test)
    return Made(rung, program, folder, engine, held, test)


def _judged(teacher: Inspector, material: Material, made: Sequence[Made], seed: int) -> list[Step]:
    """Every step with its calibration redone; times of all in turns, on one thread."""
    runs, labels = _runs(teacher, material, made), material.test.bad
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        spent = timed(runs, rounds=5)
    finally:
        torch.set_num_threads(threads)
    first = calibrated(material.held.teacher, material.held)["image+sound"]
    megabytes, parameters = weight_of(teacher)
    steps = [
        Step(
            name="teacher",
            megabytes=megabytes,
            parameters=parameters,
            milliseconds=min(spent["teacher"]),
            ratio=ratio(spent["eager"], spent["teacher"]),
            **judge(material.test.teacher[:, 0], labels, first, first, seed=seed),
        )
    ]
    start: Honest | None = None
    for each in made:
        by = calibrated(each.held, material.held)["image+sound"]
        start = start or by
        steps.append(
            Step(
                name=each.rung.name,
                megabytes=_size(each.folder),
                parameters=_count(each.rung.network),
                milliseconds=min(spent[each.rung.name]),
                ratio=ratio(spent["eager"], spent[each.rung.name]),
                engine=each.engine.name,
                **judge(each.test[:, 0], labels, by, start, seed=seed),
            )
        )
    return steps


def _runs(teacher: Inspector, material: Material, made: Sequence[Made]) -> dict[str, Callable[[], Any]]:
    """What is timed: the teacher on a read unit, the distilled network in eager f32, each rung on its engine."""
    record = {"image": material.unit.photo, "sound": material.unit.sound}
    first = made[0].program
    row = tuple(each[:1] for each in first.example)
    arrays = {name: each.contiguous().numpy() for name, each in zip(first.inputs, row, strict=True)}
    runs: dict[str, Callable[[], Any]] = {
        "teacher": lambda: teacher.score(teacher.experts.look(record)),
        "eager": lambda: first.eager(row),
    }
    for each in made:
        runs[each.rung.name] = lambda engine=each.engine: engine.run(arrays)  # type: ignore[misc]
    return runs


def _card(
    teacher: Inspector, material: Material, chosen: Made, steps: Sequence[Step], said: Mapping[str, Any]
) -> dict[str, Any]:
    experts = teacher.experts
    assert experts.sounds is not None
    assert experts.camera is not None
    return {
        "task": TASK,
        "kept": chosen.rung.name,
        "calibration": {
            name: {"platt": asdict(by.platt), "limit": by.limit, "promised": by.promised, "held": by.held}
            for name, by in calibrated(chosen.held, material.held).items()
        },
        "quality": asdict(experts.camera.quality),
        "machine": asdict(experts.sounds.machine),
        "shaft": experts.sounds.shaft,
        "features": said["sound"]["features"],
        "made of": plain(dict(material.told)),
        "ladder": [each.to_dict() for each in steps],
    }


def _size(folder: Path) -> float:
    """Megabytes of the program alone: fixtures are its proof, not part of it."""
    kept = json.loads((folder / "program.json").read_text(encoding="utf-8"))["program"]
    return (folder / kept).stat().st_size / 1e6


def _count(network: torch.nn.Module) -> int:
    """Weights of the network: parameters, or the whole numbers that took their place."""
    whole = sum(each.numel() for name, each in network.named_buffers() if name.endswith((".whole", ".offset")))
    return whole + sum(each.numel() for each in network.parameters())
