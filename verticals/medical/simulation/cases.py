"""Whole scans with known nodules, for judge and benchmarks: LIDC shapes put into a background, in its own frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....core.types import Array, Volume
from ..measure import measure
from ..studies.geometry import to_world
from .patches import Background, background_of
from .shapes import Shape
from .simulate import Placed, insert, lesion_of, scanned


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """One nodule that is there: centre in RAS mm, radius in mm, label in the label map, mean axial diameter in mm.

    `texture` is the readers' mean rating, 1 (ground glass) to 5 (solid), where it is known.
    """

    centre: Array
    radius: float
    label: int
    diameter: float
    texture: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A canonical scan, its label map and its nodules. Marks on those `aside` count neither as found nor as false.

    Without `outlined` the labels are spheres of the size that is known: they say where, and nothing of an outline.
    """

    name: str
    volume: Volume
    labels: Array
    truths: tuple[Truth, ...]
    indication: str | None = None
    aside: tuple[Truth, ...] = ()
    outlined: bool = True

    def asked(self, centres: Array) -> Array:
        """Which points (RAS mm `[point, 3]`) do not lie on a nodule that is set aside."""
        asked = np.ones(len(centres), bool)
        for truth in self.aside:
            asked &= np.linalg.norm(centres - truth.centre, axis=-1) > truth.radius
        return asked


def populate(
    name: str, volume: Volume, shapes: Sequence[Shape], *, generator: np.random.Generator, physics: bool = True
) -> Case | None:
    """A canonical background with one lesion a shape, as far as there is room; None without lungs.

    `physics` adds slice thickness and noise (for phantoms, which have none).
    """
    background = background_of(volume)
    if background is None:
        return None
    return populated(name, volume, background, shapes, generator=generator, physics=physics)


def populated(
    name: str,
    volume: Volume,
    background: Background,
    shapes: Sequence[Shape],
    *,
    generator: np.random.Generator,
    physics: bool = True,
) -> Case:
    """The same with the background prepared."""
    voxels, spacing = volume.voxels.copy(), np.array(volume.spacing)
    labels = np.zeros(voxels.shape, np.uint8)
    room = _native(background, volume)
    taken = np.zeros_like(room)
    placed: list[Placed] = []
    for shape in shapes:
        for _ in range(6):
            spots = background.places[int(generator.integers(len(background.places)))]
            centre = background.low + spots[int(generator.integers(len(spots)))] * background.ratio
            lesion = lesion_of(shape, generator)
            found = insert(voxels, spacing, lesion, centre, room=room & ~taken, generator=generator)
            if found is not None:
                placed.append(found)
                box = tuple(slice(a, a + n) for a, n in zip(found.low, found.mask.shape, strict=True))
                labels[box][found.mask] = len(placed)
                far = tuple(slice(max(s.start - 8, 0), s.stop + 8) for s in box)
                taken[far] = True
                break
    if physics:
        voxels, _ = scanned(voxels, float(spacing[0]), generator)
    scan = Volume(voxels=voxels, affine=volume.affine)
    truths = tuple(
        replace(each, texture=placed[each.label - 1].lesion.shape.ratings["texture"])
        for each in truths_of(labels, scan)
    )
    return Case(name=name, volume=scan, labels=labels, truths=truths)


def truths_of(labels: Array, volume: Volume) -> tuple[Truth, ...]:
    """The nodules of a label map: one a value above 0."""
    from scipy import ndimage

    found = []
    for index, box in enumerate(ndimage.find_objects(labels.astype(np.int32)), start=1):
        if box is None:
            continue
        mask = labels[box] == index
        centre = np.argwhere(mask).mean(axis=0) + [each.start for each in box]
        sizes = measure(mask, volume.spacing)
        radius = max((3 / (4 * np.pi) * sizes.volume_mm3) ** (1 / 3), 2.0)
        world = to_world(volume.affine, centre)
        found.append(Truth(centre=world, radius=radius, label=index, diameter=sizes.diameter_mm))
    return tuple(found)


def _native(background: Background, volume: Volume) -> Array:
    """The background's room on the volume's own grid, by nearest neighbour along each axis."""
    room = background.room
    for axis, size in enumerate(volume.voxels.shape):
        where = np.round((np.arange(size) - background.low[axis]) / background.ratio[axis]).astype(int)
        legal = (where >= 0) & (where < room.shape[axis])
        room = np.take(room, np.clip(where, 0, room.shape[axis] - 1), axis)
        room = room & legal.reshape([-1 if each == axis else 1 for each in range(3)])
    return room


def inside_of(case: Case, index: Array) -> Array:
    """Which nodule's mask each point lies in, or -1; a voxel beside it counts."""
    found = np.full(len(index), -1)
    number = {truth.label: n for n, truth in enumerate(case.truths)}
    for row, point in enumerate(np.round(index).astype(int)):
        low = np.maximum(point - 1, 0)
        near = case.labels[low[0] : point[0] + 2, low[1] : point[1] + 2, low[2] : point[2] + 2]
        if near.any():
            found[row] = number[int(np.bincount(near[near > 0]).argmax())]
    return found
