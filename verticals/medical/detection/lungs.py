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
    where = np.argwhere(region)
    margin = 2
    low = np.floor(grid.to_source(where.min(axis=0) - margin)).astype(int)
    high = np.ceil(grid.to_source(where.max(axis=0) + margin)).astype(int) + 1
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
    index = np.arange(1, count + 1)
    sizes = ndimage.sum_labels(np.ones_like(labels), labels, index) * voxel
    middle = np.array([np.inf if size < SMALLEST / 2 else 0 for size in sizes])
    sides = np.unique(np.concatenate([labels[[0, -1]].ravel(), labels[:, [0, -1]].ravel()]))
    keep = []
    for label in index[middle == 0]:
        inner = values[labels == label]
        typical = float(np.median(inner))
        if typical < -945 or (label in sides and typical < -925):
            continue
        if float(((inner > -960) & (inner < -500)).mean()) < 0.3:
            continue
        if sizes[label - 1] >= SMALLEST:
            keep.append(int(label))
    if not keep:
        return None
    air = np.isin(labels, keep)
    return ndimage.binary_opening(air, iterations=1) if air.sum() * voxel > 500 else air


def _closed(air: Array) -> Array:
    """The region with holes filled in each axial slice and gaps of `CLOSING` mm bridged."""
    width = int(np.ceil(CLOSING / STEP))
    padded = np.pad(air, width, mode="edge")
    away = ndimage.distance_transform_edt(~padded, sampling=STEP)
    grown = away <= CLOSING
    shrunk = ndimage.distance_transform_edt(grown, sampling=STEP) > CLOSING - STEP
    region = shrunk[tuple(slice(width, -width) for _ in range(3))] | ndimage.binary_dilation(air)
    for k in range(region.shape[2]):
        region[:, :, k] = ndimage.binary_fill_holes(region[:, :, k])
    return region
