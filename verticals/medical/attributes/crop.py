"""A nodule's surroundings on an even grid of 1 mm: Hounsfield units and mask, whatever the voxels of its scan.

It knows nothing of what is measured there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.types import Array, Volume
from ..detection.detect import cut
from ..studies.geometry import regrid

GRID = 1.0  # mm
SIDE = 48  # voxels a side


@dataclass(frozen=True, kw_only=True, eq=False)
class Crop:
    """Hounsfield units (int16) and mask `[SIDE, SIDE, SIDE]` around the middle of a mask, air beyond the scan."""

    values: Array
    mask: Array


def crop_of(volume: Volume, low: Array, mask: Array) -> Crop:
    """The crop of a canonical volume around a mask whose first voxel is `low`.

    A mask too small for the grid keeps its nearest voxel; one wider than the crop is cut.
    """
    low, spacing, shape = np.asarray(low, int), np.array(volume.spacing), np.array(volume.voxels.shape)
    middle = low + np.argwhere(mask).mean(axis=0)
    reach = np.ceil((SIDE / 2 + 1) * GRID / spacing).astype(int)
    first = np.maximum(np.floor(middle).astype(int) - reach, 0)
    last = np.minimum(np.ceil(middle).astype(int) + reach + 1, shape)
    around = np.zeros(last - first, np.float32)
    begin, end = np.maximum(low, first), np.minimum(low + mask.shape, last)
    inside = tuple(slice(a, b) for a, b in zip(begin - low, end - low, strict=True))
    around[tuple(slice(a, b) for a, b in zip(begin - first, end - first, strict=True))] = mask[inside]
    box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    here = Volume(voxels=volume.voxels[box], affine=volume.affine)
    size = np.array(here.voxels.shape)
    values = regrid(here, GRID, low=np.zeros(3), high=size)
    soft = regrid(Volume(voxels=around, affine=volume.affine), GRID, low=np.zeros(3), high=size)
    centre = values.from_source(middle - first)
    drawn = cut(soft.values, centre, SIDE)
    kept = drawn > 0.5 if (drawn > 0.5).any() else drawn >= max(float(drawn.max()), 1e-6)
    kept = kept if kept.any() else _middle()
    return Crop(values=np.clip(cut(values.values, centre, SIDE), -1024, 3071).astype(np.int16), mask=kept)


def _middle() -> Array:
    mask = np.zeros((SIDE, SIDE, SIDE), bool)
    mask[SIDE // 2, SIDE // 2, SIDE // 2] = True
    return mask
