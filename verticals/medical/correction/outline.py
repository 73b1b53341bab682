"""One outline in a volume, and the cube of even voxels around it that a network looks at. It knows no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ....core.types import Array, Volume

SIZE = 32  # voxels a side of a cube
STEP = 0.75  # mm, where the nodule fits into the cube
MARGIN = 5.0  # mm about it


@dataclass(frozen=True, kw_only=True, eq=False)
class Outline:
    """Voxels of a canonical volume: the low corner of a box, and the mask in it. An empty box is no outline."""

    low: Array
    mask: Array

    @classmethod
    def of(cls, where: Array) -> Outline:
        """The outline of voxels `[voxel, 3]`."""
        if not len(where):
            return cls(low=np.zeros(3, int), mask=np.zeros((0, 0, 0), bool))
        low = where.min(axis=0)
        mask = np.zeros(np.ptp(where, axis=0) + 1, bool)
        mask[tuple((where - low).T)] = True
        return cls(low=low, mask=mask)

    @property
    def where(self) -> Array:
        """Its voxels `[voxel, 3]`, in the order of the volume."""
        return np.argwhere(self.mask) + self.low

    def distance(self, index: Array, spacing: Sequence[float]) -> float:
        """From a point (voxels of the volume) to its nearest voxel in mm: 0 inside, infinite where it is empty."""
        away = (np.abs(self.where - index) - 0.5).clip(min=0) * spacing
        return float(np.sqrt((away**2).sum(axis=1)).min()) if len(away) else float("inf")

    def on(self, low: Array, high: Array) -> Array:
        """The mask on another box of the volume."""
        found = np.zeros(tuple(high - low), bool)
        begin, end = np.maximum(low, self.low), np.minimum(high, self.low + self.mask.shape)
        if (end > begin).all():
            goal = tuple(slice(a, b) for a, b in zip(begin - low, end - low, strict=True))
            found[goal] = self.mask[tuple(slice(a, b) for a, b in zip(begin - self.low, end - self.low, strict=True))]
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Cube:
    """Where a cube of `SIZE` voxels of `step` mm lies: its corner in voxels of the volume, `ratio` of them a voxel."""

    corner: Array
    ratio: Array
    step: float

    @classmethod
    def around(cls, low: Array, high: Array, spacing: Sequence[float], *, margin: float = MARGIN) -> Cube:
        """The cube around a box (voxels of the volume), no finer than `STEP`, with `margin` mm about it."""
        extent = float(((high - low) * spacing).max()) + 2 * margin
        step = max(STEP, extent / (SIZE - 2))
        ratio = step / np.asarray(spacing)
        return cls(corner=(low + high) / 2 - ratio * (SIZE - 1) / 2, ratio=ratio, step=step)

    def values(self, volume: Volume) -> Array:
        """Hounsfield units in the cube, smoothed where it is coarser than the volume; air beyond the volume."""
        sigma = np.where(self.ratio > 1.2, 0.4 * np.sqrt(np.maximum(self.ratio**2 - 1, 0)), 0.0)
        low = np.maximum(np.floor(self.corner - 3 * sigma - 1), 0).astype(int)
        high = np.ceil(self.corner + self.ratio * SIZE + 3 * sigma + 1).astype(int)
        high = np.maximum(np.minimum(high, volume.voxels.shape), low + 1)
        box = volume.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        box = ndimage.gaussian_filter(box, sigma, truncate=2.5) if sigma.any() else box
        return sampled(box, [self.corner[axis] + np.arange(SIZE) * self.ratio[axis] - low[axis] for axis in range(3)])

    def lines(self, shape: Sequence[int]) -> tuple[Array, list[Array]]:
        """The voxels of a volume that lie in the cube: their low corner, and for each axis their places in the cube."""
        low = np.maximum(np.ceil(self.corner), 0).astype(int)
        high = np.minimum(np.floor(self.corner + self.ratio * (SIZE - 1)).astype(int) + 1, shape)
        high = np.maximum(high, low)
        return low, [(np.arange(low[axis], high[axis]) - self.corner[axis]) / self.ratio[axis] for axis in range(3)]

    def shown(self, outline: Outline) -> Array:
        """An outline in the cube; one that is finer than the cube keeps at least its fullest voxel."""
        reach = np.maximum(self.ratio / 2, 0.5)
        low, high = (
            outline.low - np.ceil(reach).astype(int),
            outline.low + outline.mask.shape + np.ceil(reach).astype(int),
        )
        if not outline.mask.any():
            return np.zeros((SIZE,) * 3, bool)
        soft = outline.on(low, high).astype(np.float32)
        soft = ndimage.uniform_filter(soft, np.maximum(np.round(self.ratio), 1).astype(int), mode="constant")
        lines = [self.corner[axis] + np.arange(SIZE) * self.ratio[axis] - low[axis] for axis in range(3)]
        found = sampled(soft, lines, beyond=0.0)
        return (found >= 0.5) | ((found >= found.max()) & (found > 0))


def sampled(values: Array, lines: Sequence[Array], *, beyond: float = -1000.0) -> Array:
    """Linear interpolation at the crossings of three lines of indices; `beyond` outside."""
    for axis, where in enumerate(lines):
        last = values.shape[axis] - 1
        lower = np.clip(np.floor(where).astype(int), 0, last)
        weight = (
            np.clip(where - lower, 0, 1).astype(np.float32).reshape([-1 if each == axis else 1 for each in range(3)])
        )
        first = np.take(values, lower, axis)
        values = first + (np.take(values, np.minimum(lower + 1, last), axis) - first) * weight
        outside = (where < -0.5) | (where > last + 0.5)
        if outside.any():
            values[tuple(outside if each == axis else slice(None) for each in range(3))] = beyond
    return values
