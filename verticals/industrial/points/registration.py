"""Lays a scan on the nominal part: many starts, a trimmed point-to-plane ICP, and a residual that says if it worked.

Sources: point-to-plane ICP, Chen and Medioni 1992; trimming, Chetverikov et al. 2002. Symmetric and nearly symmetric
parts are why one start is not enough. It knows nothing of tolerances: it answers how well, not whether good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.spatial.transform import Rotation

from ....core.types import Array
from ..records import Nominal, Scan
from .deviation import WORKERS

LOOSE, KEPT = 0.98, 0.9  # share of the points that the fit trusts, first (holes and edges fix the turn) and last
COARSE, MIDDLE, FINE = 300, 600, 3_000  # points of the scan used to compare starts, to sweep turns, and to fit
ALIKE = 0.2  # log of the ratio of two spreads below which the axes may be one another's, or any between them
SWEPT, FOLLOWED = 120, 6  # turns tried about an axis of near symmetry, and how many dips are followed
STARTS = 5  # starts that are followed to the end
REACH = 0.02  # of the part's size: a point farther off the surface counts as this far


@dataclass(frozen=True, kw_only=True, eq=False)
class Pose:
    """A rigid motion from scan to nominal, `[4, 4]`, and how well the scan then lies on the surface."""

    matrix: Array
    residual: float  # trimmed root mean square distance to the tangent planes, mm
    overlap: float  # share of the scan's points within three residuals (at least two sample spacings) of the part
    starts: int
    fit: float = float("nan")  # mean distance to the surface, each point's bounded: to compare poses with, mm

    def apply(self, points: Array) -> Array:
        return points @ self.matrix[:3, :3].T + self.matrix[:3, 3]


def register(scan: Scan, nominal: Nominal) -> Pose:
    """The best pose over starts along principal axes, along turns about them, and as the scan already lies."""
    coarse, fine = _every(scan.points, COARSE), _every(scan.points, FINE)
    starts = _starts(scan.points, nominal)
    rough = [_fit(start, coarse, nominal, rounds=6) for start in starts]
    costs = np.array([_disagreement(matrix, coarse, nominal) for matrix in rough])
    found: list[tuple[float, Array]] = []
    for which in np.argsort(costs, kind="stable")[:STARTS]:
        if found and costs[which] > 2 * costs.min():
            break
        matrix = _fit(_fit(rough[which], coarse, nominal, rounds=20), fine, nominal, rounds=10)
        found.append((_disagreement(matrix, fine, nominal), matrix))
        lowest = sorted(cost for cost, _ in found)[:2]
        if len(lowest) == 2 and lowest[1] < 1.02 * lowest[0]:
            break  # two starts came to the same, or to symmetric, poses
    best = min(found, key=lambda each: each[0])[1]
    best = _fit(_swept(best, scan.points, nominal), fine, nominal, rounds=80)
    best = _fit(best, fine, nominal, rounds=10, kept=KEPT)
    distance, nearest = nominal.tree.query(_move(best, fine))
    away = np.einsum("ij,ij->i", _move(best, fine) - nominal.samples[nearest], nominal.normals[nearest])
    trusted = np.sort(np.abs(away))[: int(KEPT * len(away))]
    residual = float(np.sqrt((trusted**2).mean()))
    near = max(3 * residual, 2 * nominal.spacing)
    return Pose(
        matrix=best,
        residual=residual,
        overlap=float((distance < near).mean()),
        starts=len(starts),
        fit=_disagreement(best, fine, nominal),
    )


def refined(points: Array, nominal: Nominal) -> Array:
    """The points of a scan that lies on the nominal part but for the errors of its fixture, laid on it exactly."""
    fine = _every(points, FINE)
    matrix = _fit(np.eye(4), fine, nominal, rounds=80)
    return _move(_fit(matrix, fine, nominal, rounds=10, kept=KEPT), points)


def _swept(matrix: Array, points: Array, nominal: Nominal) -> Array:
    """The best of all turns about each axis of near symmetry, and of all half turns, which set the part on its head.

    A gear fits almost as well half a tooth on, and a nut upside down, but for its thread.
    """
    middle, fine = _every(points, MIDDLE), _every(points, FINE)
    best, lowest = matrix, _disagreement(matrix, fine, nominal)
    for turned in _turned(matrix, nominal):
        costs = _disagreements(turned, middle[::2], nominal)
        dips = np.flatnonzero((costs <= np.roll(costs, 1)) & (costs <= np.roll(costs, -1)))
        for which in dips[np.argsort(costs[dips], kind="stable")][:FOLLOWED]:
            tried = _fit(turned[which], middle, nominal, rounds=15)
            cost = _disagreement(tried, fine, nominal)
            if cost < lowest:
                best, lowest = tried, cost
    return best


def _turned(matrix: Array, nominal: Nominal) -> list[list[Array]]:
    """Poses that may be as good: three half turns, and all turns of either side about each axis of near symmetry."""
    centre, axes, spread = _axes(nominal.samples)
    halves = [_about(centre, axes[:, axis] * np.pi) @ matrix for axis in range(3)]
    found = [[half] for half in halves]
    angles = np.arange(SWEPT) * 2 * np.pi / SWEPT
    for axis in range(3):
        one, two = (spread[each] for each in range(3) if each != axis)
        if abs(np.log(one / max(two, 1e-12))) < ALIKE:
            turns = [_about(centre, axes[:, axis] * angle) for angle in angles]
            found += [[turn @ side for turn in turns] for side in (matrix, halves[(axis + 1) % 3])]
    return found


def _about(centre: Array, turn: Array) -> Array:
    """The turn by a rotation vector about a centre."""
    rotation = Rotation.from_rotvec(turn).as_matrix()
    return _rigid(rotation, centre - rotation @ centre)


def _disagreement(matrix: Array, points: Array, nominal: Nominal) -> float:
    """The mean distance to the surface, each point's bounded: untrimmed, so that a hole in the wrong place counts."""
    return float(_disagreements([matrix], points, nominal)[0])


def _disagreements(matrices: Sequence[Array], points: Array, nominal: Nominal) -> Array:
    """The same for each of several poses."""
    moved = np.concatenate([_move(matrix, points) for matrix in matrices])
    distance, nearest = nominal.tree.query(moved, workers=WORKERS)
    away = np.abs(np.einsum("ij,ij->i", moved - nominal.samples[nearest], nominal.normals[nearest]))
    beyond = distance > 2.5 * nominal.spacing  # the tangent plane says nothing about a point that far along it
    bounded = np.minimum(np.where(beyond, distance, away), REACH * nominal.size)
    return np.asarray(bounded.reshape(len(matrices), -1).mean(axis=1))


def _starts(points: Array, nominal: Nominal) -> list[Array]:
    """Poses to begin from: as it lies, and the principal axes in their 24 proper orders with turns about the first."""
    centre, axes, spread = _axes(points)
    goal, goal_axes, goal_spread = _axes(nominal.samples)
    found = []
    for turn in _turns(spread, goal_spread):
        rotation = goal_axes @ turn @ axes.T
        found.append(_rigid(rotation, goal - rotation @ centre))
    shift = _rigid(np.eye(3), goal - centre)
    return [np.eye(4), shift, *found]


def _turns(spread: Array, goal: Array) -> list[Array]:
    """Proper sign changes of the axes; where two axes spread alike, turns too: their order is not known."""
    signs = [np.diag([a, b, a * b]) for a, b in product((1.0, -1.0), repeat=2)]
    turns = [np.eye(3)]
    for axis in range(3):
        one, two = [each for each in range(3) if each != axis]
        alike = max(abs(np.log(side[one] / max(side[two], 1e-12))) < ALIKE for side in (spread, goal))
        if alike:
            vector = np.eye(3)[axis]
            turns += [Rotation.from_rotvec(vector * angle).as_matrix() for angle in np.arange(1, 6) * np.pi / 6]
    return [turn @ sign for turn in turns for sign in signs]


def _axes(points: Array) -> tuple[Array, Array, Array]:
    """Centre, principal axes as columns (right-handed) and the root spread along each, largest first."""
    centre = (points.min(axis=0) + points.max(axis=0)) / 2 if len(points) < 4 else np.median(points, axis=0)
    centre = (centre + points.mean(axis=0)) / 2
    values, vectors = np.linalg.eigh(np.cov((points - points.mean(axis=0)).T))
    vectors = vectors[:, ::-1]
    vectors[:, 2] *= np.sign(np.linalg.det(vectors))
    return centre, vectors, np.sqrt(np.clip(values[::-1], 1e-12, None))


def _fit(matrix: Array, points: Array, nominal: Nominal, *, rounds: int, kept: float = LOOSE) -> Array:
    """Trimmed point-to-plane ICP from one start."""
    count = max(int(kept * len(points)), 6)
    previous = np.inf
    for _ in range(rounds):
        moved = _move(matrix, points)
        distance, nearest = nominal.tree.query(moved)
        trusted = np.argpartition(distance, count - 1)[:count]
        p, q, n = moved[trusted], nominal.samples[nearest[trusted]], nominal.normals[nearest[trusted]]
        away = np.einsum("ij,ij->i", p - q, n)
        cost = float(np.sqrt((away**2).mean() + 0.01 * (distance[trusted] ** 2).mean()))
        if previous - cost < 2e-5 * cost:
            break
        previous = cost
        matrix = _step(p, q, n, away) @ matrix
    return matrix


def _step(p: Array, q: Array, n: Array, away: Array) -> Array:
    """The small motion that brings p onto the planes through q, with a weak pull to q itself for stability."""
    centre = p.mean(axis=0)
    local = p - centre
    rows = np.concatenate([np.cross(local, n), n], axis=1)
    left, right = rows.T @ rows, -rows.T @ away
    weak = 0.01
    for axis in range(3):
        unit = np.broadcast_to(np.eye(3)[axis], p.shape)
        pull = np.concatenate([np.cross(local, unit), unit], axis=1)
        left += weak * pull.T @ pull
        right -= weak * pull.T @ (p - q)[:, axis]
    motion = np.linalg.solve(left + 1e-9 * np.trace(left) * np.eye(6), right)
    rotation = Rotation.from_rotvec(motion[:3]).as_matrix()
    return _rigid(rotation, centre + motion[3:] - rotation @ centre)


def _rigid(rotation: Array, shift: Array) -> Array:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, shift
    return matrix


def _move(matrix: Array, points: Array) -> Array:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _every(points: Array, count: int) -> Array:
    return points[np.linspace(0, len(points) - 1, min(count, len(points))).astype(int)]
