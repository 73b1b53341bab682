"""Where a point of an earlier scan lies in a later one: an affine from lung surface to lung surface.

Trimmed iterative closest points (Chetverikov et al. 2002) on the two surfaces, first rigid, then affine, which takes up
most of a different depth of breath. It knows nothing of nodules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ....core.errors import InputError
from ....core.types import Array, Volume
from ..detection.lungs import Lungs
from ..studies.geometry import to_world

POINTS = 4000  # of each surface
KEPT = 0.9  # share of the nearest pairs that move the fit: a lung that is cut off or filled is left out
ROUNDS = 200
CONVERGED = 1e-4  # mm
BREATH = (0.7, 1.4)  # how much shorter or longer a lung can be in any direction from one breath to another


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """`matrix` takes patient millimetres (RAS) of the earlier scan to those of the later one. `residual_mm` is the
    root mean square distance of the kept surface points: what a match within that distance cannot tell apart."""

    matrix: Array
    residual_mm: float

    @property
    def stretch(self) -> tuple[float, float]:
        """The least and the greatest stretch in any direction."""
        values = np.linalg.svd(self.matrix[:3, :3], compute_uv=False)
        return float(values.min()), float(values.max())

    @property
    def plausible(self) -> bool:
        """Whether breathing can do this: a part of a lung fitted onto a whole one is stretched more."""
        least, most = self.stretch
        return BREATH[0] <= least and most <= BREATH[1]

    def __call__(self, points: Array) -> Array:
        return to_world(self.matrix, np.asarray(points, np.float64))


def align(earlier: Array, later: Array) -> Alignment:
    """The affine from the surface points `[point, 3]` of the earlier lungs to those of the later ones.

    Raises:
        InputError: a surface of fewer than 100 points.
    """
    if min(len(earlier), len(later)) < 100:
        raise InputError(f"two lung surfaces are needed to align two scans, got {len(earlier)} and {len(later)} points")
    tree = cKDTree(later)
    fits = [_fitted(start, earlier, later, tree) for start in (_shifted(earlier, later), _stretched(earlier, later))]
    return min(fits, key=lambda each: (not each.plausible, each.residual_mm))


def _fitted(matrix: Array, earlier: Array, later: Array, tree: cKDTree) -> Alignment:
    """From a start to where neither the rigid nor the affine fit brings the surfaces nearer."""
    for step in (_rigid, _affine):
        last = np.inf
        for _ in range(ROUNDS):
            source, goal, residual = _nearest(matrix, earlier, later, tree)
            if last - residual < CONVERGED:
                break
            matrix, last = step(source, goal), residual
    return Alignment(matrix=matrix, residual_mm=_nearest(matrix, earlier, later, tree)[2])


def _nearest(matrix: Array, earlier: Array, later: Array, tree: cKDTree) -> tuple[Array, Array, float]:
    """The nearest pairs of points, each surface asking the other (one alone slides along it), and how far apart."""
    moved = to_world(matrix, earlier)
    there, goal = tree.query(moved)
    back, source = cKDTree(moved).query(later)
    distance = np.concatenate([there, back])
    kept = np.argsort(distance)[: int(KEPT * len(distance))]
    sources, goals = np.concatenate([earlier, earlier[source]]), np.concatenate([later[goal], later])
    return sources[kept], goals[kept], float(np.sqrt(np.mean(distance[kept] ** 2)))


def _shifted(earlier: Array, later: Array) -> Array:
    return _matrix(np.eye(3), later.mean(axis=0) - earlier.mean(axis=0))


def _stretched(earlier: Array, later: Array) -> Array:
    """The box of one surface onto that of the other (without the outermost points)."""
    (low, high), (below, above) = (np.quantile(each, (0.02, 0.98), axis=0) for each in (earlier, later))
    scale = np.diag((above - below) / np.maximum(high - low, 1.0))
    return _matrix(scale, (below + above) / 2 - scale @ (low + high) / 2)


def surface(lungs: Lungs, canonical: Volume) -> Array:
    """Points on the surface of the lungs in patient millimetres `[point, 3]`, evenly thinned.

    Where the picture ends is no surface of the body, so its outermost voxels are left out.
    """
    region = lungs.region.values > 0
    shell = region & ~ndimage.binary_erosion(region, border_value=1)
    where = np.argwhere(shell)
    step = max(1, len(where) // POINTS)
    return to_world(canonical.affine, lungs.region.to_source(where[::step].astype(float)))


def _rigid(source: Array, goal: Array) -> Array:
    """Rotation and shift of least squares (Kabsch 1976)."""
    a, b = source.mean(axis=0), goal.mean(axis=0)
    u, _, v = np.linalg.svd((source - a).T @ (goal - b))
    turn = v.T @ np.diag([1, 1, np.sign(np.linalg.det(v.T @ u.T))]) @ u.T
    return _matrix(turn, b - turn @ a)


def _affine(source: Array, goal: Array) -> Array:
    homogeneous = np.column_stack([source, np.ones(len(source))])
    solved = np.linalg.lstsq(homogeneous, goal, rcond=None)[0]
    return _matrix(solved[:3].T, solved[3])


def _matrix(linear: Array, shift: Array) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, shift
    return matrix
