"""What the surface looks like around each point: fast point feature histograms at several scales, whatever the pose.

Three angles between the normals of a point and of each neighbour fall into eleven bins each; the histograms of the
neighbours are added, weighted by one over the squared distance. Larger neighbourhoods contain the smaller ones, so each
pair is measured once for all scales. It knows nothing of parts, memories or defects.
Source: Rusu et al., "Fast Point Feature Histograms (FPFH) for 3D registration", 2009 (as in the Point Cloud Library).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from ....core.errors import ConfigError
from ....core.types import Array

BINS = 11
WIDTH = 3 * BINS  # numbers a scale
PAIRS = 16_384  # measured at once: what they need stays in the processor's cache
FLAT = 1e-7  # below it two directions count as parallel


def nearest(points: Array, count: int, *, workers: int = 1) -> tuple[Array, Array]:
    """Squared distances and indices `[point, count]` of the nearest points, itself first.

    Points in Morton order are found twice as fast.
    """
    count = min(count, len(points))
    tree = cKDTree(points, leafsize=32, balanced_tree=False, compact_nodes=False)
    distance, near = tree.query(points, k=range(1, count + 1), workers=workers)
    return (distance**2).astype(np.float32), near.astype(np.int32)


def fpfh(points: Array, normals: Array, scales: Sequence[int], *, found: tuple[Array, Array] | None = None) -> Array:
    """Histograms `[point, 33 * scale]`, float32: at each scale of so many nearest points, itself among them.

    Every third of a scale's numbers adds up to about 200. Normals should agree on which side is outside. `found` is
    what `nearest` gave for at least the largest scale.

    Raises:
        ConfigError: the scales do not rise, or are below three points.
    """
    if not scales or list(scales) != sorted(set(scales)) or scales[0] < 3:
        raise ConfigError(f"scales are rising numbers of neighbours of at least 3, got {tuple(scales)}")
    squares, near = found if found is not None else nearest(points, scales[-1])
    ends = [min(scale, near.shape[1]) for scale in scales]
    simple = _simple(points, normals, near, ends)
    return np.concatenate([_weighted(squares[:, :end], near[:, :end], simple[i]) for i, end in enumerate(ends)], axis=1)


def _simple(points: Array, normals: Array, near: Array, ends: Sequence[int]) -> Array:
    """Histograms `[scale, point, 33]` of the angles between each point and its neighbours, 100 a feature."""
    x, y, z, u, v, w = (np.ascontiguousarray(each, np.float32) for each in (*(points - points[0]).T, *normals.T))
    counts = np.zeros((len(ends), len(points), WIDTH), np.float32)
    rows = max(1, PAIRS // ends[-1])
    for start in range(0, len(points), rows):
        stop = min(start + rows, len(points))
        other = near[start:stop, 1 : ends[-1]]
        here = slice(start, stop)
        offset = [axis[other] - axis[here, None] for axis in (x, y, z)]
        bins = _angles(offset, [axis[here, None] for axis in (u, v, w)], [axis[other] for axis in (u, v, w)])
        place = (np.arange(stop - start) * WIDTH)[:, None]
        before, total = 0, np.zeros((stop - start) * WIDTH)
        for scale, end in enumerate(ends):
            for number, each in enumerate(bins):
                index = (each[:, before : end - 1] + (place + BINS * number)).ravel()
                total += np.bincount(index, minlength=len(total))
            counts[scale, here] = (total * (100.0 / max(end - 1, 1))).reshape(-1, WIDTH)
            before = end - 1
    return counts


def _angles(offset: Sequence[Array], own: Sequence[Array], theirs: Sequence[Array]) -> tuple[Array, Array, Array]:
    """Bins 0..10 `[point, neighbour]` of the three angles of each pair, in the frame of Darboux.

    The pair is read from the end whose normal lies nearer to the line between them; written out in cosines, that
    needs no copy of either normal: swapping the ends turns (a, b) into (-b, -a) and leaves the rest.
    """
    length = np.sqrt(_dot(offset, offset))
    scale = 1 / np.maximum(length, 1e-12)
    a, b, c = _dot(own, offset) * scale, _dot(theirs, offset) * scale, _dot(own, theirs)
    cross = [
        offset[1] * own[2] - offset[2] * own[1],
        offset[2] * own[0] - offset[0] * own[2],
        offset[0] * own[1] - offset[1] * own[0],
    ]
    triple = _dot(cross, theirs) * scale
    swapped = np.abs(a) < np.abs(b)
    third = np.where(swapped, -b, a)
    rest = np.where(swapped, -a, b)
    sine = np.sqrt(np.maximum(1 - third * third, 0))
    known = (sine > FLAT) & (length > 0)
    second = np.where(known, triple / np.maximum(sine, FLAT), 0)
    first = np.where(known, np.arctan2(rest - third * c, c * sine), 0)
    third = np.where(known, third, 0)
    return _bin(first * np.float32(1 / (2 * np.pi))), _bin(second * np.float32(0.5)), _bin(third * np.float32(0.5))


def _bin(share: Array) -> Array:
    """The bin of a number in -0.5..0.5."""
    return np.clip((BINS * (share + np.float32(0.5))).astype(np.int32), 0, BINS - 1)


def _dot(one: Sequence[Array], two: Sequence[Array]) -> Array:
    return one[0] * two[0] + one[1] * two[1] + one[2] * two[2]


def _weighted(squares: Array, near: Array, simple: Array) -> Array:
    """Each point's own histogram and those of its neighbours, the latter scaled to 100 a feature."""
    from scipy.sparse import csr_array

    count, reach = near.shape
    with np.errstate(divide="ignore"):
        weights = np.where(squares > 0, 1 / squares, 0).astype(np.float32)
    rows = np.arange(0, count * reach + 1, reach)
    added = csr_array((weights.ravel(), near.ravel(), rows), shape=(count, count)) @ simple
    thirds = added.reshape(count, 3, BINS)
    totals = thirds.sum(axis=2, keepdims=True)
    scaled = thirds * (100 / np.maximum(totals, 1e-12))
    return np.asarray(scaled.reshape(count, WIDTH) + simple, np.float32)
