"""Nodules to learn attributes from: LIDC shapes put into chests on a fine grid, found and outlined by the detector.

Each comes twice: with the mask that the detector draws, as it will be met, and with the true one. What the readers said
is kept as the share of them who said so. It knows nothing of measurements or models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import ndimage

from ....core.progress import track
from ....core.random import numpy_generator
from ....core.types import Array, Volume
from ..detection.detect import candidates_in, slide, windows_over
from ..detection.detector import STEP, Detector
from ..detection.findings import mask_of
from ..measure import measure
from ..simulation.patches import SIZE, Background, cut_patch
from ..simulation.shapes import Nodule, Shape
from ..simulation.simulate import insert, lesion_of, scanned
from ..studies.geometry import regrid
from .crop import Crop, crop_of
from .describe import CLASSES

FINE = 0.8  # mm: about the pixels of a chest CT, so that a surface is as sharp as in one
TOGETHER = 3  # lesions that are tried in one window
EDGE = 10  # voxels of FINE at the rim of a window that hold no lesion's centre
TRIES = 8


class Known(NamedTuple):
    """A nodule of LIDC: who drew what, and the shape that they agree on."""

    nodule: Nodule
    shape: Shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """One mask of one inserted nodule. `diameter` and `volume` are measured on this mask (mm, mm3),
    `size` and `true_volume` on the true one.

    `votes` are, by attribute, the shares of its readers for each class; `rating` is their mean suspicion, 1 to 5.
    """

    crop: Crop
    drawn: Literal["detector", "truth"]
    patient: str
    number: int
    diameter: float
    size: float
    votes: Mapping[str, tuple[float, ...]]
    rating: float
    ratings: Mapping[str, float]
    volume: float
    true_volume: float


def votes_of(nodule: Nodule) -> dict[str, tuple[float, ...]]:
    """The share of readers for each class; a reader in the middle of a scale of two classes counts half for each.

    Texture 1 or 2 is ground-glass, 3 part-solid, 4 or 5 solid; margin 4 or 5 sharp, 1 or 2 ill-defined; spiculation and
    lobulation 1 or 2 none, 3 to 5 marked; calcification 6 none, 1 to 5 (popcorn to central) present.
    """
    read = {name: np.array([drawing.ratings[name] for drawing in nodule.drawings]) for name in CLASSES}
    sharp = float(((read["margin"] > 3) + 0.5 * (read["margin"] == 3)).mean())
    glass, solid = float((read["texture"] < 3).mean()), float((read["texture"] > 3).mean())
    found = {"texture": (solid, 1 - solid - glass, glass), "margin": (sharp, 1 - sharp)}
    for name in ("spiculation", "lobulation"):
        marked = float((read[name] >= 3).mean())
        found[name] = (1 - marked, marked)
    calcified = float((read["calcification"] < 6).mean())
    return found | {"calcification": (1 - calcified, calcified)}


def gather_examples(
    detector: Detector, backgrounds: Sequence[Background], known: Sequence[Known], *, rounds: int, seed: int,
    outline: float,
) -> list[Example]:  # fmt: skip
    """Every nodule put in `rounds` times, where there is room; `outline` is that of the operating point."""
    generator = numpy_generator(seed, "attributes/order")
    queue = [known[row] for _ in range(rounds) for row in generator.permutation(len(known))]
    windows = -(-len(queue) // TOGETHER)
    found: list[Example] = []
    for number in track(range(windows), "attributes", windows):
        some = queue[number * TOGETHER : (number + 1) * TOGETHER]
        scene = _draw(backgrounds, some, numpy_generator(seed, f"attributes/{number}"))
        found += _described(detector, scene, outline)
    return found


class _Scene(NamedTuple):
    volume: Volume
    labels: Array
    inside: list[Known]  # of label 1, 2, ...


def _draw(backgrounds: Sequence[Background], some: Sequence[Known], generator: np.random.Generator) -> _Scene:
    """A window of a chest on the fine grid with some nodules, as scanned."""
    ground = backgrounds[int(generator.integers(len(backgrounds)))]
    places = ground.places[int(generator.integers(len(ground.places)))]
    corner = places[int(generator.integers(len(places)))].astype(int) - generator.integers(16, SIZE - 16, 3)
    affine = np.diag([STEP, STEP, STEP, 1.0])
    coarse = Volume(voxels=cut_patch(ground.values, corner, -1000.0), affine=affine)
    values = regrid(coarse, FINE, low=np.zeros(3), high=np.full(3, SIZE)).values
    soft = Volume(voxels=cut_patch(ground.room, corner, False).astype(np.float32), affine=affine)
    room = regrid(soft, FINE, low=np.zeros(3), high=np.full(3, SIZE)).values > 0.5
    labels, inside = np.zeros(values.shape, np.uint8), []
    for each in some:
        lesion = lesion_of(each.shape, generator)
        for _ in range(TRIES):
            free = np.argwhere(room[EDGE:-EDGE:4, EDGE:-EDGE:4, EDGE:-EDGE:4]) * 4 + EDGE
            if not len(free):
                break
            centre = free[int(generator.integers(len(free)))].astype(float)
            placed = insert(values, np.full(3, FINE), lesion, centre, room=room, generator=generator)
            if placed is not None:
                inside.append(each)
                box = tuple(slice(a, a + n) for a, n in zip(placed.low, placed.mask.shape, strict=True))
                labels[box][placed.mask] = len(inside)
                room[tuple(slice(max(each.start - 6, 0), each.stop + 6) for each in box)] = False
                break
    values, _ = scanned(values, FINE, generator)
    return _Scene(Volume(voxels=values, affine=np.diag([FINE, FINE, FINE, 1.0])), labels, inside)


def _described(detector: Detector, scene: _Scene, outline: float) -> list[Example]:
    """The examples of a window: each nodule's true mask, and the detector's where it found it."""
    volume, labels = scene.volume, scene.labels
    if not scene.inside:
        return []
    grid = regrid(volume, STEP, low=np.zeros(3), high=np.array(labels.shape))
    heat = slide(detector, grid.values, windows_over(np.ones(grid.values.shape, bool)))
    drawn: dict[int, tuple[Array, Array]] = {}
    near = ndimage.maximum_filter(labels, 3)
    for candidate in candidates_in(heat, grid.values):
        where = np.clip(np.round(grid.to_source(candidate.centre)).astype(int), 0, np.array(labels.shape) - 1)
        label = int(near[tuple(where)])
        if label and label not in drawn:
            drawn[label] = mask_of(heat, grid, candidate, volume, outline=outline)
    found = []
    for label, each in enumerate(scene.inside, start=1):
        where = np.argwhere(labels == label)
        if not len(where):
            continue
        low = where.min(axis=0)
        true = np.zeros(np.ptp(where, axis=0) + 1, bool)
        true[tuple((where - low).T)] = True
        truth = measure(true, volume.spacing)
        masks: list[tuple[Literal["detector", "truth"], Array, Array]] = [("truth", low, true)]
        if label in drawn:
            masks.append(("detector", *drawn[label]))
        votes = votes_of(each.nodule)
        for name, corner, mask in masks:
            box = tuple(slice(a, a + n) for a, n in zip(corner, mask.shape, strict=True))
            own = measure(mask, volume.spacing, volume.voxels[box])
            found.append(
                Example(
                    crop=crop_of(volume, corner, mask), drawn=name, patient=each.nodule.patient,
                    number=each.nodule.number, diameter=own.diameter_mm, size=truth.diameter_mm, votes=votes,
                    rating=each.shape.ratings["malignancy"], ratings=each.shape.ratings, volume=own.volume_mm3,
                    true_volume=truth.volume_mm3,
                )
            )  # fmt: skip
    return found
