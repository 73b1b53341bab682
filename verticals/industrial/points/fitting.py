"""Planes and cylinders through points by robust least squares, with the uncertainty that the points leave.

Gauss and Newton's steps with Huber's weights: a burr or a flying point pulls a little, never much. It knows nothing of
parts. Source: Huber 1964; Forbes, "Least-squares best-fit geometric elements", NPL 1991.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.types import Array

HUBER = 1.5  # spreads beyond which a point counts for less
ROUNDS = 30


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """Through `point`, with unit `normal`. `spread` is that of the points about it, mm; `sigma` of its height."""

    point: Array
    normal: Array
    spread: float = 0.0
    sigma: float = 0.0

    def height(self, points: Array) -> Array:
        return np.asarray((points - self.point) @ self.normal)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cylinder:
    """Along unit `axis` through `point`. `spread` of the points about it; standard errors of radius, place and tilt.

    `place_sigma` is that of the axis across itself at `point`, mm; `tilt_sigma` is in radians.
    """

    point: Array
    axis: Array
    radius: float
    spread: float = 0.0
    radius_sigma: float = 0.0
    place_sigma: float = 0.0
    tilt_sigma: float = 0.0

    def height(self, points: Array) -> Array:
        """Distance of each point from the surface, positive outside."""
        offset = points - self.point
        return np.asarray(np.linalg.norm(offset - (offset @ self.axis)[:, None] * self.axis, axis=1) - self.radius)


def fit_plane(points: Array, normal: Array) -> Plane:
    """The plane through points `[point, xyz]`, with the sign of the normal given."""
    weights = np.ones(len(points))
    for _ in range(6):
        middle = weights @ points / weights.sum()
        local = (points - middle) * np.sqrt(weights)[:, None]
        axis = np.linalg.eigh(local.T @ local)[1][:, 0]
        axis = axis if axis @ normal >= 0 else -axis
        away = (points - middle) @ axis
        spread = _spread(away)
        weights = _huber(away, spread)
    return Plane(point=middle, normal=axis, spread=spread, sigma=spread / float(np.sqrt(weights.sum())))


def cylinder_along(points: Array, axis: Array) -> Cylinder:
    """A first guess: the circle through the points seen along an axis, by linear least squares (Kasa 1976)."""
    one, two = across(axis)
    middle = points.mean(axis=0)
    flat = (points - middle) @ np.stack([one, two], axis=1)
    rows = np.concatenate([2 * flat, np.ones((len(flat), 1))], axis=1)
    u, v, rest = np.linalg.lstsq(rows, (flat**2).sum(axis=1), rcond=None)[0]
    radius = float(np.sqrt(max(rest + u * u + v * v, 1e-12)))
    return Cylinder(point=middle + u * one + v * two, axis=axis / np.linalg.norm(axis), radius=radius)


def fit_cylinder(points: Array, start: Cylinder) -> Cylinder:
    """The cylinder through points `[point, xyz]`, from a guess; `point` is the axis's nearest to the points' middle."""
    middle = points.mean(axis=0)
    axis, radius = start.axis, start.radius
    place = start.point + axis * ((middle - start.point) @ axis)
    for _ in range(ROUNDS):
        one, two = across(axis)
        offset = points - place
        along = offset @ axis
        flat = offset - along[:, None] * axis
        length = np.maximum(np.linalg.norm(flat, axis=1), 1e-12)
        away = length - radius
        spread = _spread(away)
        weights = _huber(away, spread)
        u, v = flat @ one / length, flat @ two / length
        rows = np.stack([-u, -v, -u * along, -v * along, -np.ones(len(u))], axis=1)
        left = (rows * weights[:, None]).T @ rows
        step = -np.linalg.lstsq(left, (rows * weights[:, None]).T @ away, rcond=None)[0]
        place = place + step[0] * one + step[1] * two
        axis = axis + step[2] * one + step[3] * two
        axis = axis / np.linalg.norm(axis)
        radius = float(radius + step[4])
        if np.abs(step).max() < 1e-9 * max(radius, 1.0):
            break
    inverse = np.linalg.pinv(left) * spread**2
    errors = np.sqrt(np.maximum(np.diag(inverse), 0))
    return Cylinder(
        point=place,
        axis=axis,
        radius=radius,
        spread=spread,
        radius_sigma=float(errors[4]),
        place_sigma=float(errors[:2].max()),
        tilt_sigma=float(errors[2:4].max()),
    )


def across(axis: Array) -> tuple[Array, Array]:
    """Two unit vectors across an axis and each other."""
    one = np.cross(axis, np.eye(3)[int(np.abs(axis).argmin())])
    one = one / np.linalg.norm(one)
    return one, np.cross(axis / np.linalg.norm(axis), one)


def _spread(away: Array) -> float:
    return max(1.4826 * float(np.median(np.abs(away - np.median(away)))), 1e-9)


def _huber(away: Array, spread: float) -> Array:
    return np.minimum(1.0, HUBER * spread / np.maximum(np.abs(away), 1e-12))
