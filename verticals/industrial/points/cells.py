"""A registered scan as the points encoder reads it: one row a cell of a grid, with what each cell says of its surface.

Deviations are in spreads of the scan's own noise and lengths in cells, so that what was learned on one part holds for
another, and for another scanner. It knows nothing of defects, memories or verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ....core.layers.morton import codes
from ....core.types import Array, PointCloud
from ..records import Nominal
from .deviation import WORKERS, Deviation
from .normals import plane_normals

CELLS = 8_000  # that the nominal surface is cut into
MOST_CELLS = 12_000  # that are read of a scan: stray points make more
PLANE = 10  # cells whose plane is held against the nominal one
FLOOR = 1e-3  # of a cell: no scan is less noisy
COLUMNS = (
    "mean",  # of the cell's deviations, in spreads of noise (asinh, as all deviations)
    "sure",  # the same times the root of how many points it is the mean of
    "most",
    "least",
    "local",  # the averaged deviation
    "narrow",  # in spreads of good units at that place, where they are known, averaged over a narrow surrounding
    "wide",
    "known",  # 1 where good units say something about the place, else 0
    "points",  # logarithm of how many, against the scan's median
    "turned",  # 1 - cosine between the plane of the scanned cells and the nominal normal
    "gone",  # nominal samples nearest to this cell that no point came near, as a share of a cell's
    "x",
    "y",
    "z",  # the nominal normal
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """`values [cell, 3 + column]`: mean places in cells and COLUMNS; `of [point]`: the cell of each scanned point."""

    values: Array
    of: Array
    cell: float  # mm

    @property
    def cloud(self) -> PointCloud:
        return PointCloud(points=self.values[:, :3].astype(np.float64), features=self.values[:, 3:])

    def worst(self, labels: Array) -> Array:
        """The largest label `[point]` of each cell's points: one of them out of place makes the cell so."""
        found = np.zeros(len(self.values), labels.dtype)
        np.maximum.at(found, self.of, labels)
        return found


def cells(deviation: Deviation, nominal: Nominal, usual: tuple[Array, Array] | None = None) -> Cells:
    """The cells of a scan. `usual` is (place of each point, away `[2, place]` in spreads of good units)."""
    cell = cell_of(nominal)
    order, start = _grid(deviation.points, cell)
    count = np.diff(start, append=len(order))
    of = np.empty(len(order), np.int64)
    of[order] = np.repeat(np.arange(len(start)), count)

    def mean(values: Array) -> Array:
        return np.asarray(np.add.reduceat(values[order], start, axis=0)) / (
            count[:, None] if values.ndim == 2 else count
        )

    raw = np.clip(deviation.raw / noise(deviation, cell), -1e3, 1e3)
    average = mean(raw)
    places = mean(deviation.points)
    tree = cKDTree(places)
    columns = [
        average,
        average * np.sqrt(count),
        np.maximum.reduceat(raw[order], start),
        np.minimum.reduceat(raw[order], start),
        mean(np.clip(deviation.local / noise(deviation, cell), -1e3, 1e3)),
    ]
    if usual is None:
        columns += [np.zeros(len(start))] * 3
    else:
        at, away = usual
        columns += [mean(away[0][at]), mean(away[1][at]), np.ones(len(start))]
    columns = [np.arcsinh(each) for each in columns[:-1]] + columns[-1:]
    normals = nominal.normals[nominal.tree.query(places, workers=WORKERS)[1]]
    near = np.asarray(tree.query(places, k=min(PLANE, len(places)), workers=WORKERS)[1]).reshape(len(places), -1)
    turned = 1 - np.abs(np.einsum("ij,ij->i", plane_normals(places, near), normals))
    columns += [np.log(count / np.median(count)), turned, _gone(tree, deviation, nominal, cell)]
    values = np.concatenate([places / cell, np.stack(columns, axis=1), normals], axis=1)
    return Cells(values=values.astype(np.float32), of=of, cell=cell)


def cell_of(nominal: Nominal) -> float:
    """The side of a cell in mm, for a part of that surface."""
    return float(np.sqrt(nominal.area / CELLS))


def noise(deviation: Deviation, cell: float) -> float:
    """The spread of single points about the average around them, mm: no bend and no dent makes it larger."""
    away = deviation.raw - deviation.local
    return max(1.4826 * float(np.median(np.abs(away - np.median(away)))), FLOOR * cell)


def _grid(points: Array, cell: float) -> tuple[Array, Array]:
    """Indices that sort the points by cell, and where each cell begins."""
    span = float(np.ptp(points, axis=0).max()) / (2**20 - 2)
    code = codes(points, cell=max(cell, span))
    order = np.argsort(code, kind="stable")
    return order, np.flatnonzero(np.diff(code[order], prepend=-1))


def _gone(tree: cKDTree, deviation: Deviation, nominal: Nominal, cell: float) -> Array:
    """The surface that was not met, handed to the nearest cells."""
    lost = np.flatnonzero(deviation.uncovered)
    if not len(lost):
        return np.zeros(tree.n)
    _, near = tree.query(nominal.samples[lost], k=1, workers=WORKERS)
    share = np.bincount(near, minlength=tree.n) * nominal.spacing**2 / cell**2
    return np.asarray(np.arcsinh(share))
