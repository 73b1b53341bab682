"""Voxels onto an even grid that is coarser or finer along each axis: low-pass and linear interpolation in one product.

The low-pass (a Gaussian) and the interpolation of one axis are one sparse matrix, so that only the voxels of the new
grid are ever computed. Memory is read once, in the order in which it lies. It knows no millimetres.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy import sparse

from ....core.types import Array

TRUNCATE = 2.5  # standard deviations
WORKERS = 2  # the products wait for memory: more gain nothing


def resampled(values: Array, ratio: Array) -> Array:
    """The box `values` with `ratio` old voxels to a new one along each axis, from its first voxel on; float32."""
    values = values.astype(np.float32, copy=False)
    maps = [_map(size, float(each)) for size, each in zip(values.shape, ratio, strict=True)]
    backwards = tuple(axis for axis, stride in enumerate(values.strides) if stride < 0)
    values = np.flip(values, backwards)
    maps = [each[:, ::-1].tocsr() if axis in backwards else each for axis, each in enumerate(maps)]
    order = sorted(range(3), key=lambda axis: -values.strides[axis])
    slowest, middle, quickest = (maps[axis] for axis in order)
    slabs = values.transpose(order)

    def shrunk(slab: Array) -> Array:
        return np.asarray(quickest @ np.ascontiguousarray((middle @ np.ascontiguousarray(slab)).T))

    with ThreadPoolExecutor(WORKERS) as pool:
        planes = np.stack(list(pool.map(shrunk, slabs)))
    found = (slowest @ planes.reshape(len(planes), -1)).reshape(-1, *planes.shape[1:])
    turned = [order[0], order[2], order[1]]  # the axes of `found`
    return np.ascontiguousarray(found.transpose(np.argsort(turned)), np.float32)


def _map(size: int, ratio: float) -> Any:
    """The sparse matrix `[new voxel, old voxel]` of one axis; beyond its ends the picture is mirrored."""
    count = max(int(np.floor((size - 1) / ratio)) + 1, 1)
    where = np.arange(count) * ratio
    low = np.clip(np.floor(where).astype(int), 0, size - 1)
    high = np.minimum(low + 1, size - 1)
    share = np.clip(where - low, 0, 1)
    kernel = _kernel(0.4 * np.sqrt(max(ratio**2 - 1, 0.0)) if ratio > 1.2 else 0.0)
    taps = np.arange(len(kernel)) - len(kernel) // 2
    ends = np.stack([low, high], axis=1)[:, :, None] + taps
    weights = np.stack([1 - share, share], axis=1)[:, :, None] * kernel
    mirrored = np.mod(ends, 2 * size)
    columns = np.where(mirrored < size, mirrored, 2 * size - 1 - mirrored)
    rows = np.broadcast_to(np.arange(count)[:, None, None], columns.shape)
    entries = (weights.astype(np.float32).ravel(), (rows.ravel(), columns.ravel()))
    return sparse.csr_matrix(entries, shape=(count, size), dtype=np.float32)


def _kernel(sigma: float) -> Array:
    """A Gaussian of unit sum, cut at `TRUNCATE` standard deviations; a single one without blur."""
    radius = int(TRUNCATE * sigma + 0.5)
    line = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2) if radius else np.ones(1)
    return np.asarray(line / line.sum())
