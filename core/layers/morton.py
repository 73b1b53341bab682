"""Points in an order that keeps neighbours near: the Morton (Z) curve, and the k nearest points. NumPy, no module."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ..errors import FormatError
from ..types import Array

_BITS = 20


def codes(points: Array, *, cell: float, shift: int = 0) -> Array:
    """The Morton code of each point `[point, xyz]` on a grid of `cell`, `shift` cells above its origin.

    Raises:
        FormatError: the cloud spans more than 2**20 cells.
    """
    place = np.floor((points - points.min(axis=0)) / cell) + shift
    if place.max() >= 2**_BITS:
        raise FormatError(
            f"the cloud spans {place.max():.0f} cells of {cell} mm: drop stray points or take larger cells"
        )
    bits = place.astype(np.uint64)
    spread = sum(_spread(bits[:, axis]) << np.uint64(2 - axis) for axis in range(3))
    return np.asarray(spread).astype(np.int64)


def sort(points: Array, *, cell: float, thin: bool = False, shift: int = 0) -> Array:
    """Indices that put points into Morton order; with `thin`, only the first point of each cell.

    Points of one cell go by their coordinates, so that the order in which they were scanned does not matter.
    """
    code = codes(points, cell=cell, shift=shift)
    order = np.lexsort((points[:, 2], points[:, 1], points[:, 0], code))
    if thin:
        order = order[np.diff(code[order], prepend=-1) != 0]
    return order


def nearest(points: Array, count: int) -> Array:
    """Indices `[point, count]` of the nearest points, itself first; a small cloud repeats the point itself.

    Points should come in Morton order: the search is then twice as fast.
    """
    have = min(count, len(points))
    found = cKDTree(points).query(points, k=range(1, have + 1))[1].astype(np.int64)
    return np.concatenate([found, np.repeat(np.arange(len(points))[:, None], count - have, axis=1)], axis=1)


def inverse(order: Array) -> Array:
    """The permutation that undoes `order`."""
    undo = np.empty_like(order)
    undo[order] = np.arange(len(order))
    return undo


def _spread(bits: Array) -> Array:
    """Twenty bits with two zeros after each."""
    for shift, keep in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        bits = (bits | (bits << np.uint64(shift))) & np.uint64(keep)
    return bits
