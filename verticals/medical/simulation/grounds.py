"""Whole scans that stand for patients: real CTs without nodules, warps of them, phantoms; and nodules put into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ....core.progress import track
from ....core.random import numpy_generator
from ....core.types import Volume
from ..data import backgrounds_in
from .cases import Case, populated
from .indications import Indications
from .patches import Background, background_of
from .phantom import draw_chest
from .shapes import Shape
from .warp import warped

SCALES = (0.85, 1.0, 1.2)  # a real background stands for patients of other sizes too


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """A background with the scan it was made of; `drawn` says that it is a phantom."""

    name: str
    volume: Volume
    background: Background
    drawn: bool


def real_grounds(data: Path, scales: Sequence[float] = SCALES) -> list[Ground]:
    """Every CT in the folder, at several patient sizes."""
    found = []
    for name, volume in backgrounds_in(data):
        for scale in scales:
            sized = Volume(voxels=volume.voxels, affine=volume.affine @ np.diag([scale, scale, scale, 1.0]))
            found += _ground(name, sized, drawn=False)
    return found


def warped_grounds(data: Path, seeds: Sequence[int]) -> list[Ground]:
    """Every CT in the folder as other patients, one a seed."""
    found = []
    for name, volume in backgrounds_in(data):
        for seed in track(seeds, f"warps of {name}", len(seeds)):
            found += _ground(f"{name} warped {seed}", warped(volume, seed), drawn=False)
    return found


def drawn_grounds(seeds: Sequence[int]) -> list[Ground]:
    """Phantoms."""
    found = []
    for seed in track(seeds, "phantoms", len(seeds)):
        found += _ground(f"phantom {seed}", draw_chest(seed), drawn=True)
    return found


def _ground(name: str, volume: Volume, *, drawn: bool) -> list[Ground]:
    """The scan as a background; none where it shows no lung."""
    background = background_of(volume)
    return [] if background is None else [Ground(name=name, volume=volume, background=background, drawn=drawn)]


def scans(
    grounds: Sequence[Ground], shapes: Sequence[Shape], words: Indications, *, count: int, seed: int
) -> Iterator[Case]:
    """Whole scans in turn over the backgrounds, each with its words: one in four without a nodule, else 1 to 6."""
    for number in track(range(count), "scans", count):
        generator = numpy_generator(seed, f"scan/{number}")
        ground = grounds[number % len(grounds)]
        some = 0 if generator.random() < 0.25 else int(generator.integers(1, 7))
        drawn = [shapes[int(generator.integers(len(shapes)))] for _ in range(some)]
        case = populated(f"{ground.name} with {some}", ground.volume, ground.background, drawn, generator=generator)
        pool = words.nodule if case.truths else words.plain
        text = pool[int(generator.integers(len(pool)))]
        yield Case(name=case.name, volume=case.volume, labels=case.labels, truths=case.truths, indication=text)


def crowded(
    grounds: Sequence[Ground], shapes: Sequence[Shape], words: Indications, *, count: int, nodules: int, seed: int
) -> Iterator[Case]:
    """Whole scans in turn over the backgrounds with many nodules each, for the judge: much to learn from one look."""
    for number in track(range(count), "crowded scans", count):
        generator = numpy_generator(seed, f"dense/{number}")
        ground = grounds[number % len(grounds)]
        drawn = [shapes[int(generator.integers(len(shapes)))] for _ in range(nodules)]
        case = populated(ground.name, ground.volume, ground.background, drawn, generator=generator)
        pool = words.nodule if case.truths else words.plain
        yield replace(case, indication=pool[int(generator.integers(len(pool)))])
