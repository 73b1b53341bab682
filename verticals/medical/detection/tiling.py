"""Where windows lie over a region, so that few do: slab by slab, each only as far as the region goes there.

It knows arrays of truth values and boxes; nothing of lungs or networks. A grid over the region's box asks the network
about many windows that hold a corner of it: for two lungs a quarter of them can go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from ....core.types import Array

Box = tuple[slice, ...]


def tiled(region: Array, size: Sequence[int], *, overlap: int, margin: int) -> list[Box]:
    """Boxes of `size` voxels that cover `region`, in rising order of their corners.

    Neighbours in a row share at least `overlap` voxels, and the region's edge lies `margin` voxels inside a box where
    the picture goes on so far. Slabs are cut along one axis, bars along the next, boxes along the last: of the six
    orders the one that needs the fewest. A box whose voxels of the region all lie well inside others is left out.

    Args:
        region: Truth values `[x, y, z]`, at least as large as a box along each axis.
    """
    ways = (list(_divided(region, size, axes, overlap=overlap, margin=margin)) for axes in permutations(range(3)))
    return sorted(_needed(region, min(ways, key=len), inside=overlap // 3), key=_corner)


def _divided(region: Array, size: Sequence[int], axes: Sequence[int], *, overlap: int, margin: int) -> Iterator[Box]:
    """The boxes of one order of the axes."""
    axis, *rest = axes
    line = np.flatnonzero(region.any(axis=tuple(other for other in range(3) if other != axis)))
    if not len(line):
        return
    end = region.shape[axis]
    low, high = max(int(line[0]) - margin, 0), min(int(line[-1]) + 1 + margin, end)
    for start in _starts(low, high, end=end, size=size[axis], overlap=overlap):
        part = slice(start, start + size[axis])
        if not rest:
            yield tuple(part if other == axis else slice(0, n) for other, n in enumerate(region.shape))
            continue
        around = tuple(part if other == axis else slice(None) for other in range(3))
        for box in _divided(region[around], size, rest, overlap=overlap, margin=margin):
            yield tuple(part if other == axis else each for other, each in enumerate(box))


def _starts(low: int, high: int, *, end: int, size: int, overlap: int) -> list[int]:
    """Where windows of `size` begin that cover `low` to `high` of a line of `end` voxels."""
    if high - low <= size:
        return [min(max((low + high - size) // 2, 0), end - size)]
    count = int(np.ceil((high - low - overlap) / (size - overlap)))
    return [round(float(each)) for each in np.linspace(low, high - size, count)]


def _needed(region: Array, boxes: list[Box], *, inside: int) -> list[Box]:
    """The boxes without those whose voxels others hold more than `inside` voxels from their sides.

    A voxel that no box holds so is wanted from every box that has it.
    """
    holding = np.zeros(region.shape, np.int16)
    for box in boxes:
        holding[_inner(box, inside, region.shape)] += 1
    kept = []
    for box in sorted(boxes, key=lambda each: (np.count_nonzero(region[each]), _corner(each))):
        inner = _inner(box, inside, region.shape)
        holding[inner] -= 1
        if ((holding[box] < 1) & region[box]).any():
            holding[inner] += 1
            kept.append(box)
    return kept


def _inner(box: Box, inside: int, shape: tuple[int, ...]) -> Box:
    """The box without its rim; where the picture ends there is nothing beyond that a rim would be seen without."""
    return tuple(
        slice(part.start + (inside if part.start else 0), part.stop - (inside if part.stop < n else 0))
        for part, n in zip(box, shape, strict=True)
    )


def _corner(box: Box) -> tuple[int, ...]:
    return tuple(part.start for part in box)
