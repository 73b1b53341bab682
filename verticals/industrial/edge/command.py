"""`colonnade shrink industrial/inspection`: from an inspector and good units to a folder for the edge.

Good units are dealt once: three fifths teach, a fifth calibrates and chooses, a fifth measures. Defects are planted in
them as `fit` does; with the recipe "demonstration" units are generated, and measured units come from a seed of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ....core import digest
from ....core.errors import InputError, UnknownName
from ....core.progress import say
from ....core.random import numpy_generator
from ..inspection.model import Inspector
from ..inspection.pipeline import InspectionPipeline
from ..records import Unit
from .making import Material, make
from .recipe import Recipe
from .rows import SENSES, Rows, generated, observe, planted

RECIPES = ("good-units", "demonstration")
LEAST = 30  # good units with photograph and recording
WANTED = 1_600  # rows that teach, planted ones among them
LARGEST = 12  # planted versions of one unit
SEED_OF_TESTS = 904_117  # generated units that only measure: never those of a seed that taught or was looked at


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Good and defective units, generated: to teach, to calibrate, to measure."""

    train: tuple[int, int] = (1_000, 1_000)
    held: tuple[int, int] = (300, 250)
    test: tuple[int, int] = (400, 420)


def run(checkpoint: Path | None, data: Path, out: Path, words: Mapping[str, Any]) -> dict[str, Any]:
    """Shrink the inspector; the answer as the command prints it. `words`: recipe, seed.

    Raises:
        UnknownName: no such recipe.
        InputError: the inspector has not learned both senses, or there are too few good units.
    """
    name, seed = words.get("recipe") or RECIPES[0], int(words.get("seed") or 0)
    if name not in RECIPES:
        raise UnknownName("recipe of the edge inspector", name, RECIPES)
    teacher = InspectionPipeline.from_pretrained(checkpoint)
    if not set(SENSES) <= set(teacher.senses):
        raise InputError(
            f"this inspector has learned {' and '.join(teacher.senses)}: an edge inspector needs one that has learned "
            "image and sound"
        )
    if name == "demonstration":
        material = demonstration(teacher.inspector, data, seed=seed)
    else:
        material = of_units(teacher.inspector, data, seed=seed)
    steps = make(teacher.inspector, material, recipe=Recipe(), out=out, seed=seed)
    return {
        "task": teacher.task.name,
        "folder": str(out),
        "ladder": [each.to_dict() for each in steps],
        "made_of": dict(material.told),
    }


def demonstration(teacher: Inspector, folder: Path, *, seed: int, counts: Counts = Counts()) -> Material:
    """Generated units of the part whose `nominal.stl` lies in the folder."""
    from ..inspection.recipes import sample_part
    from ..simulate.sensors import rig

    made = rig(sample_part(folder))

    def rows(purpose: str, count: tuple[int, int], seed: int) -> Rows:
        good, bad = count
        return observe(teacher, generated(made, good=good, bad=bad, seed=seed, purpose=purpose), count=good + bad)

    return Material(
        train=rows("edge train", counts.train, seed),
        held=rows("edge held", counts.held, seed),
        test=rows("edge test", counts.test, SEED_OF_TESTS),
        unit=next(iter(generated(made, good=1, bad=0, seed=seed, purpose="edge time"))),
        told={"recipe": "demonstration", "seed": seed, "nominal": digest.of_file(folder / "nominal.stl")},
    )


def of_units(teacher: Inspector, folder: Path, *, seed: int) -> Material:
    """Good units of a folder that `fit` reads, with defects planted in them."""
    from ..inspection.data import read_parts
    from ..inspection.recipes import READERS, trainable

    units = [unit for unit in trainable(read_parts(folder)) if set(SENSES) <= set(unit.given)]
    if len(units) < LEAST:
        raise InputError(
            f"{folder} has {len(units)} good units with both photograph and recording: at least {LEAST} are needed"
        )
    order = numpy_generator(seed, "deal of the edge").permutation(len(units))
    first, second = round(0.6 * len(units)), round(0.8 * len(units))
    versions = min(LARGEST, max(1, WANTED // first - 1))
    say(f"{first} good units teach ({versions} planted versions of each), {second - first} calibrate")
    dealt = [units[index] for index in order]

    def read(unit: Unit) -> dict[str, Any]:
        return {sense: READERS[sense](unit.given[sense]) for sense in SENSES}

    def rows(some: Sequence[Unit], versions: int, salt: int) -> Rows:
        shown = planted([read(unit) for unit in some], versions=versions, seed=seed + salt)
        return observe(teacher, shown, count=len(some) * (1 + versions))

    return Material(
        train=rows(dealt[:first], versions, 0),
        held=rows(dealt[first:second], 2, 1),
        test=rows(dealt[second:], 2, 2),
        unit=next(islice(planted([read(dealt[0])], versions=1, seed=seed), 1)),
        told={"recipe": "good-units", "seed": seed, "good units": len(units), "data": digest.of_file(folder)},
    )
