"""Where the lungs are: air inside the body, closed so that nodules at the pleura and vessels at the hilum lie inside.

Thresholds and morphology on a coarse grid (after Hu et al. 2001); no learning. It knows nothing of nodules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ....core.types import Array, Volume
from ..studies.geometry import Grid, regrid

STEP = 2.5  # mm
AIR = -400.0
SMALLEST = 60.0  # mL that a lung, or the part of it in the field of view, must have
CLOSING = 10.0  # mm
FAR = 180  # squared voxels: more than any distance that is asked for, and no overflow when a step is added
IN_SLICE = ndimage.generate_binary_structure(2, 1)[:, :, None] & np.array([False, True, False])  # in-plane neighbours


@dataclass(frozen=True, kw_only=True, eq=False)
class Lungs:
    """The lung region on the coarse grid, the part of it that is air, and its box in voxels of the canonical volume."""

    region: Grid
    air: Array
    low: Array
    high: Array
    millilitres: float

    def inside(self, index: Array) -> Array:
        """Whether points (indices of the canonical volume `[point, 3]`) lie in the region."""
        where = np.round(self.region.from_source(index)).astype(int)
        last = np.array(self.region.values.shape) - 1
        legal = ((where >= 0) & (where <= last)).all(axis=-1)
        where = np.clip(where, 0, last)
        return legal & (self.region.values[tuple(where.T)] > 0)


def find_lungs(volume: Volume) -> Lungs | None:
    """The lungs of a canonical volume, or None where there is no lung in it."""
    shape = np.array(volume.voxels.shape)
    grid = regrid(volume, STEP, low=np.zeros(3, int), high=shape)
    voxel = STEP**3 / 1000
    air = _air_inside(grid.values, voxel)
    if air is None:
        return None
    region = _closed(air)
    first, last = _ends(region)
    margin = 2
    low = np.floor(grid.to_source(first - margin)).astype(int)
    high = np.ceil(grid.to_source(last + margin)).astype(int) + 1
    return Lungs(
        region=Grid(values=region.astype(np.uint8), low=grid.low, ratio=grid.ratio),
        air=air,
        low=np.clip(low, 0, shape - 1),
        high=np.clip(high, 1, shape),
        millilitres=float(air.sum() * voxel),
    )


def _air_inside(values: Array, voxel: float) -> Array | None:
    """Air that is large enough to be lung, and neither the room around the body nor gas in the bowel.

    Room air touches the side of the picture and is emptier than lung; a crop's lungs touch the side and are not.
    """
    labels, count = ndimage.label(values < AIR)
    if not count:
        return None
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * voxel
    sides = set(np.unique(np.concatenate([labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel()])).tolist())
    keep = np.zeros(count + 1, bool)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if sizes[label] < SMALLEST:
            continue
        inner = values[box][labels[box] == label]
        typical = float(np.median(inner))
        if typical < -945 or (label in sides and typical < -925):
            continue
        keep[label] = float(((inner > -960) & (inner < -500)).mean()) >= 0.3
    if not keep.any():
        return None
    air = keep[labels]
    return ndimage.binary_opening(air, iterations=1) if air.sum() * voxel > 500 else air


def _closed(air: Array) -> Array:
    """The region with holes filled in each axial slice and gaps of `CLOSING` mm bridged.

    Only the box of the air is looked at, with a margin in which nothing can close.
    """
    width = int(np.ceil(CLOSING / STEP))
    first, last = _ends(air)
    low, high = np.maximum(first - width, 0), np.minimum(last + width + 1, air.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    grown = _within(np.pad(air[box], width, mode="edge"), CLOSING / STEP)
    shrunk = ~_within(~grown, CLOSING / STEP - 1)
    found = shrunk[tuple(slice(width, -width) for _ in range(3))] | ndimage.binary_dilation(air[box])
    region = np.zeros_like(air)
    region[box] = _filled(found)
    return region


def _within(mask: Array, reach: float) -> Array:
    """Which voxels lie at most `reach` voxels (below 8) from one of the mask; exact, axis by axis."""
    away = np.where(mask, 0, FAR).astype(np.uint8)  # squared distance, as far as it matters
    for axis in range(3):
        source, away = away, away.copy()
        for step in range(1, int(reach) + 1):
            one = tuple(slice(step, None) if each == axis else slice(None) for each in range(3))
            other = tuple(slice(None, -step) if each == axis else slice(None) for each in range(3))
            np.minimum(away[one], source[other] + np.uint8(step**2), out=away[one])
            np.minimum(away[other], source[one] + np.uint8(step**2), out=away[other])
    return away <= reach**2


def _filled(region: Array) -> Array:
    """With every hole of an axial slice filled: background that does not reach the sides of the slice."""
    labels, count = ndimage.label(~region, structure=IN_SLICE)
    outside = np.zeros(count + 1, bool)
    outside[np.concatenate([labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel()])] = True
    outside[0] = False
    return np.asarray(~outside[labels])


def _ends(region: Array) -> tuple[Array, Array]:
    """The first and last index of a region along each axis."""
    lines = [np.flatnonzero(region.any(axis=tuple(each for each in range(3) if each != axis))) for axis in range(3)]
    return np.array([line[0] for line in lines]), np.array([line[-1] for line in lines])
