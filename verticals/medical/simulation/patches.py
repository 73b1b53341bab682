"""What the detector learns from: patches cut from backgrounds, with LIDC shapes inserted and scanner physics on top.

Every patch is a function of (seed, epoch, number). Backgrounds are phantoms drawn from seeds, and given CTs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ....core.random import numpy_generator
from ....core.types import Array, Volume
from ..detection.detect import region_on
from ..detection.detector import STEP, windowed
from ..detection.lungs import find_lungs
from ..studies.geometry import regrid
from .shapes import Shape
from .simulate import Placed, insert, lesion_of, scanned

SIZE = 64  # voxels a side, as the windows of prediction: norms and attention must see the same amount of chest
LESIONS = (0.2, 0.35, 0.3, 0.15)  # the share of patches with 0, 1, 2 and 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Background:
    """Lungs on the working grid, where a nodule may be (`room`), and places to put one: at the pleura, at a vessel,
    elsewhere. `hard` are places that a detector took for nodules: patches lie around them, lesions are put elsewhere.
    """

    values: Array
    room: Array
    places: tuple[Array, ...]
    low: Array  # where the grid begins in the volume, and
    ratio: Array  # its step, in voxels of the volume
    truth: Array | None = None  # real nodules, where the scan came with labels
    hard: Array | None = None


def background_of(volume: Volume, *, labels: Array | None = None) -> Background | None:
    """A canonical volume as a background, or None without lungs. Real nodules in `labels` are kept free."""
    lungs = find_lungs(volume)
    if lungs is None:
        return None
    margin = np.ceil(12 / np.array(volume.spacing)).astype(int)
    low = np.maximum(lungs.low - margin, 0)
    high = np.minimum(lungs.high + margin, volume.voxels.shape)
    grid = regrid(volume, STEP, low=low, high=high)
    room, depth = room_of(grid.values, region_on(lungs, grid))
    truth = None
    if labels is not None:
        soft = regrid(Volume(voxels=(labels > 0).astype(np.float32), affine=volume.affine), STEP, low=low, high=high)
        truth = soft.values > 0.5
        room &= ~ndimage.binary_dilation(truth, iterations=6)
    vessel = ndimage.binary_dilation(room & (grid.values > -500) & (depth > 5), iterations=2)
    air = room & (grid.values < -700)
    near = air & (depth < 5)
    beside = air & vessel & ~near
    places = [np.argwhere(part)[::7] for part in (near, beside, air & ~near & ~beside)]
    return Background(
        values=grid.values.astype(np.float32),
        room=room,
        places=tuple(each.astype(np.int16) for each in places if len(each) > 20),
        low=grid.low,
        ratio=grid.ratio,
        truth=truth,
    )


def room_of(values: Array, region: Array) -> tuple[Array, Array]:
    """Lung and the vessels in it (air closed by 4 mm), and the depth below its surface in mm."""
    air = region & (values < -400)
    reach = 4.0
    away = ndimage.distance_transform_edt(~np.pad(air, 4, mode="edge"), sampling=STEP)
    room = (ndimage.distance_transform_edt(away <= reach, sampling=STEP) > reach)[4:-4, 4:-4, 4:-4] | air
    return room, ndimage.distance_transform_edt(np.pad(room, 1, mode="edge"), sampling=STEP)[1:-1, 1:-1, 1:-1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Patch:
    """Hounsfield units, truth and loss weight `[i, j, k]`, and the lesions inside."""

    values: Array
    truth: Array
    weight: Array
    placed: tuple[Placed, ...]


def draw_patch(
    backgrounds: Sequence[Background],
    shapes: Sequence[Shape],
    generator: np.random.Generator,
    *,
    size: int = SIZE,
    margin: int = 9,
) -> Patch:
    """A patch with 0 to 3 lesions, the first at least `margin` voxels inside.

    Where a background knows hard places, every third patch lies around one of them.
    """
    background = backgrounds[int(generator.integers(len(backgrounds)))]
    places, hard = background.places[int(generator.integers(len(background.places)))], False
    if background.hard is not None and len(background.hard) and generator.random() < 1 / 3:
        places, hard = background.hard, True
    anchor = places[int(generator.integers(len(places)))].astype(int)
    corner = anchor - generator.integers(margin, size - margin, 3)
    values = cut_patch(background.values, corner, -1000.0, size).astype(np.float32)
    room, truth = cut_patch(background.room, corner, False, size), cut_patch(background.truth, corner, False, size)
    placed = []
    for number in range(int(generator.choice(len(LESIONS), p=LESIONS))):
        found = _put(values, room, None if number or hard else anchor - corner, shapes, generator)
        if found is not None:
            placed.append(found)
    values, thickness = scanned(values, STEP, generator)
    weight = np.ones(values.shape, np.float32)
    for each in placed:
        box = tuple(slice(a, a + n) for a, n in zip(each.low, each.mask.shape, strict=True))
        truth[box] |= each.mask
        seen = each.diameter > 0.6 * thickness
        weight[box][each.mask] = float(np.clip(200 / each.mask.sum(), 0.3, 8)) if seen else 0.0
    patch = Patch(values=values, truth=truth, weight=weight, placed=tuple(placed))
    return _turned(patch, generator)


def _put(
    values: Array, room: Array, at: Array | None, shapes: Sequence[Shape], generator: np.random.Generator
) -> Placed | None:
    """One lesion at `at` or at a random place with room."""
    for _ in range(4):
        shape = shapes[int(generator.integers(len(shapes)))]
        centre = at
        if centre is None:
            free = np.argwhere(room[6:-6:3, 6:-6:3, 6:-6:3]) * 3 + 6
            if not len(free):
                return None
            centre = free[int(generator.integers(len(free)))]
        lesion = lesion_of(shape, generator)
        found = insert(values, np.full(3, STEP), lesion, np.asarray(centre, float), room=room, generator=generator)
        if found is not None:
            return found
    return None


def cut_patch(values: Array | None, corner: Array, fill: float, size: int = SIZE) -> Array:
    """A cube, filled where it leaves the picture."""
    cube = np.full((size, size, size), fill, bool if isinstance(fill, bool) else np.float32)
    if values is None:
        return cube
    low, high = np.maximum(corner, 0), np.minimum(corner + size, values.shape)
    source = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    goal = tuple(slice(a - c, b - c) for a, b, c in zip(low, high, corner, strict=True))
    cube[goal] = values[source]
    return cube


def _turned(patch: Patch, generator: np.random.Generator) -> Patch:
    """Mirrored along any axis."""
    axes = tuple(int(axis) for axis in np.flatnonzero(generator.random(3) < 0.5))
    turned = [np.ascontiguousarray(np.flip(each, axes)) for each in (patch.values, patch.truth, patch.weight)]
    return Patch(values=turned[0], truth=turned[1], weight=turned[2], placed=patch.placed)


@dataclass(frozen=True, kw_only=True, eq=False)
class Patches:
    """Called with an epoch it gives that epoch's batches `(voxels, truth, weight)`, drawn when asked for."""

    backgrounds: Sequence[Background]
    shapes: Sequence[Shape]
    size: int = 2
    batches: int = 100
    seed: int = 0

    def __call__(self, epoch: int) -> PatchEpoch:
        return PatchEpoch(self, epoch)

    def batch(self, epoch: int, number: int) -> tuple[Tensor, Tensor, Tensor]:
        generator = numpy_generator(self.seed, f"patches/{epoch}/{number}")
        drawn = [draw_patch(self.backgrounds, self.shapes, generator) for _ in range(self.size)]
        values = torch.from_numpy(np.stack([each.values for each in drawn])[:, None])
        truth = torch.from_numpy(np.stack([each.truth for each in drawn])[:, None].astype(np.float32))
        return windowed(values), truth, torch.from_numpy(np.stack([each.weight for each in drawn])[:, None])


class PatchEpoch(Sequence[tuple[Tensor, Tensor, Tensor]]):
    """One epoch of `Patches`."""

    def __init__(self, patches: Patches, epoch: int) -> None:
        self._patches, self._epoch = patches, epoch

    def __len__(self) -> int:
        return self._patches.batches

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._patches.batch(self._epoch, index)
