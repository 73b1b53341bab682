"""What the surface of good parts looks like, without a nominal part: a memory of shapes, learned from a few good scans.

Points are thinned to one density, described by FPFH at several scales, averaged over their surroundings; a coreset of
what good scans show is kept, and the anomaly of a place is its distance to the nearest kept shape. Nothing is trained.
It follows Simple3D (2026: multi-scale FPFH, local aggregation, coreset), with a grid in the place of farthest points.
It needs no registration and knows nothing of tolerances: it sees what looks strange, not what is out of place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from ....core.errors import ConfigError, InputError
from ....core.random import numpy_generator
from ....core.types import Array
from ..records import Scan
from .features import fpfh, nearest
from .normals import oriented, plane_normals
from .thinning import cell_for, thin

FEWEST = 200  # thinned points


@dataclass(frozen=True, kw_only=True)
class ShapeConfig:
    """`points` is about how many are kept of a scan, `groups` how many places are judged.

    `scales` are the FPFH's neighbours, `plane` those of the normals; each group is the mean of `gathered` neighbours;
    the `top` share of the groups makes the score of a scan. At most `bank` shapes are remembered.
    """

    points: int = 12_000
    groups: int = 4_000
    scales: tuple[int, ...] = (40, 80, 120)
    plane: int = 20
    gathered: int = 128
    bank: int = 4_000
    top: float = 0.01

    def __post_init__(self) -> None:
        if min(self.points, self.groups, self.bank, self.gathered, self.plane) < 1 or not 0 < self.top <= 1:
            raise ConfigError(f"counts are positive and top is a share in 0..1, got {self}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Likeness:
    """`anomaly` of each of the `points [point, xyz]` (the scan, thinned, in its own place), and of the whole scan."""

    points: Array
    anomaly: Array
    score: float

    def at(self, places: Array) -> Array:
        """The anomaly at other places `[place, xyz]`, such as the scan's own points: that of the nearest point."""
        return np.asarray(self.anomaly[cKDTree(self.points).query(places)[1]])


@dataclass(frozen=True, kw_only=True, eq=False)
class Described:
    """Places of a scan and what they look like: `shapes [group, channel]` at `groups` (indices into `points`)."""

    points: Array
    groups: Array
    shapes: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class ShapeMemory:
    """`bank [shape, channel]`, float16; `cell` and `stride` are the grids, mm, of points and groups."""

    bank: Array
    cell: float
    stride: float
    config: ShapeConfig = ShapeConfig()

    @cached_property
    def _search(self) -> tuple[Array, Array]:
        """The bank for the matrix product and its squared lengths: made once, never copied again."""
        bank = np.asarray(self.bank, np.float32)
        return np.ascontiguousarray(bank.T), np.einsum("ij,ij->i", bank, bank)

    def look(self, scan: Scan, *, workers: int = 1) -> Likeness:
        """The anomaly map of a scan, and its score: the mean of the strangest groups.

        Raises:
            InputError: too few points remain at the density of the good scans.
        """
        seen = describe(scan.points, cell=self.cell, stride=self.stride, config=self.config, workers=workers)
        return self.judge(seen)

    def judge(self, seen: Described) -> Likeness:
        """The same for a scan that is described already."""
        distance = self.distances(seen.shapes)
        reach, near = cKDTree(seen.points[seen.groups]).query(seen.points, k=min(3, len(seen.groups)))
        weights = 1 / (reach.reshape(len(seen.points), -1) + 1e-3 * self.cell)
        anomaly = (distance[near.reshape(weights.shape)] * weights).sum(axis=1) / weights.sum(axis=1)
        return Likeness(points=seen.points, anomaly=anomaly, score=top_mean(distance, self.config.top))

    def distances(self, shapes: Array) -> Array:
        """The distance of each shape `[group, channel]` to the nearest in the bank."""
        turned, squares = self._search
        found = np.empty(len(shapes), np.float32)
        for start in range(0, len(shapes), 1024):
            piece = shapes[start : start + 1024]
            left = (squares - 2 * piece @ turned).min(axis=1)
            found[start : start + 1024] = left + np.einsum("ij,ij->i", piece, piece)
        return np.sqrt(np.maximum(found, 0))


def fit_shapes(scans: Sequence[Scan], *, seed: int, config: ShapeConfig = ShapeConfig()) -> ShapeMemory:
    """A memory from good scans (four are enough to begin with). The first scan's density sets the grid.

    Raises:
        InputError: there is no scan, or one holds too few points.
    """
    if not scans:
        raise InputError("a memory of shapes is learned from good scans: give at least one")
    cell = float(np.median([cell_for(scan.points, config.points) for scan in scans]))
    thinned = [thin(scan.points, cell) for scan in scans]
    stride = float(np.median([cell_for(points, config.groups) for points in thinned]))
    seen = [describe(scan.points, cell=cell, stride=stride, config=config) for scan in scans]
    return remember(seen, cell=cell, stride=stride, seed=seed, config=config)


def remember(
    seen: Sequence[Described], *, cell: float, stride: float, seed: int, config: ShapeConfig = ShapeConfig()
) -> ShapeMemory:
    """A memory from scans that are described already: a coreset that covers all their shapes."""
    shapes = np.concatenate([each.shapes for each in seen])
    kept = coreset(shapes, config.bank, numpy_generator(seed, "shape memory"))
    return ShapeMemory(bank=shapes[kept].astype(np.float16), cell=cell, stride=stride, config=config)


def describe(
    points: Array, *, cell: float, stride: float, config: ShapeConfig = ShapeConfig(), workers: int = 1
) -> Described:
    """Thins, orients and describes the points of a scan."""
    thinned = thin(points, cell)
    if len(thinned) < FEWEST:
        raise InputError(
            f"only {len(thinned)} points lie {cell:.3g} mm apart or more, the density of the good scans: at least "
            f"{FEWEST} are needed (is the scan in millimetres, and of the whole part?)"
        )
    reach = max(config.scales[-1], config.gathered, config.plane)
    found = nearest(thinned, reach, workers=workers)
    normals = oriented(thinned, plane_normals(thinned, found[1][:, : config.plane]), found[1])
    described = fpfh(thinned, normals, config.scales, found=found)
    groups = np.unique(_one_a_cell(thinned, stride))
    gathered = _means(described, found[1][groups, : config.gathered])
    return Described(points=thinned, groups=groups, shapes=gathered)


def top_mean(values: Array, share: float) -> float:
    """The mean of the largest share of the values, at least of three."""
    count = min(len(values), max(3, round(share * len(values))))
    return float(np.sort(values)[-count:].mean())


def coreset(shapes: Array, size: int, generator: np.random.Generator) -> Array:
    """Indices of at most `size` shapes such that all lie near one of them: farthest first, in a random projection."""
    count = len(shapes)
    if count <= size:
        return np.arange(count)
    small = (shapes @ generator.normal(size=(shapes.shape[1], 16)).astype(np.float32)) / 4
    squares = np.einsum("ij,ij->i", small, small)
    chosen = np.empty(size, np.int64)
    at, distance = int(generator.integers(count)), np.full(count, np.inf, np.float32)
    for step in range(size):
        chosen[step] = at
        np.minimum(distance, squares - 2 * (small @ small[at]) + squares[at], out=distance)
        at = int(distance.argmax())
    return np.sort(chosen)


def _one_a_cell(points: Array, cell: float) -> Array:
    """Indices of one point in each cell of a grid."""
    from ....core.layers.morton import codes

    return np.asarray(np.unique(codes(points, cell=cell), return_index=True)[1])


def _means(values: Array, near: Array) -> Array:
    """The mean of the values of each row's neighbours, as a sparse product."""
    from scipy.sparse import csr_array

    rows = np.arange(0, near.size + 1, near.shape[1])
    weights = np.full(near.size, 1 / near.shape[1], np.float32)
    return np.asarray(csr_array((weights, near.ravel(), rows), shape=(len(near), len(values))) @ values, np.float32)
