"""Signed distance fields in mm: negative inside, positive outside. The arithmetic of solids, with no part in mind.

Sources: Inigo Quilez, "Distance functions" (2013); polynomial smooth minimum, same author. Points are `[point, xyz]`
(or `[point, 2]` for profiles); every function gives `[point]`. A smooth union or cut is exact away from its fillet.
"""

from __future__ import annotations

import numpy as np

from ....core.types import Array


def box(points: Array, half: tuple[float, ...], *, rounding: float = 0.0) -> Array:
    """A box (or rectangle) of these half sides about the origin; `rounding` is the radius of its edges."""
    away = np.abs(points) - (np.asarray(half) - rounding)
    outside = np.sqrt((np.maximum(away, 0.0) ** 2).sum(axis=1))
    return outside + np.minimum(away.max(axis=1), 0.0) - rounding


def cylinder(points: Array, radius: float, half: float, *, rounding: float = 0.0) -> Array:
    """A cylinder about z, `half` its half height; `rounding` is the radius of its rims."""
    flat = np.stack([np.hypot(points[:, 0], points[:, 1]) - radius, np.abs(points[:, 2]) - half], axis=1) + rounding
    outside = np.sqrt((np.maximum(flat, 0.0) ** 2).sum(axis=1))
    return outside + np.minimum(flat.max(axis=1), 0.0) - rounding


def tube(points: Array, radius: float) -> Array:
    """A cylinder about z without ends."""
    return np.hypot(points[:, 0], points[:, 1]) - radius


def torus(points: Array, large: float, small: float) -> Array:
    """A torus about z."""
    return np.hypot(np.hypot(points[:, 0], points[:, 1]) - large, points[:, 2]) - small


def capsule(points: Array, start: Array, end: Array, radius: float) -> Array:
    """All that lies within `radius` of the segment."""
    along = np.asarray(end) - start
    share = np.clip((points - start) @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
    return np.sqrt(((points - start - share[:, None] * along) ** 2).sum(axis=1)) - radius


def polygon(points: Array, corners: Array) -> Array:
    """The exact distance to a simple polygon `[corner, xy]` (Quilez, after the winding rule)."""
    square = np.full(len(points), np.inf)
    sign = np.ones(len(points))
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge, away = b - a, points - a
        share = np.clip(away @ edge / (edge @ edge), 0.0, 1.0)
        square = np.minimum(square, ((away - share[:, None] * edge) ** 2).sum(axis=1))
        above, below = points[:, 1] >= a[1], points[:, 1] < b[1]
        left = edge[0] * away[:, 1] > edge[1] * away[:, 0]
        sign = np.where((above & below & left) | (~above & ~below & ~left), -sign, sign)
    return sign * np.sqrt(square)


def prism(flat: Array, height: Array) -> Array:
    """A profile's distance and the distance to its two end planes become the distance to the extruded body."""
    pair = np.stack([flat, height], axis=1)
    return np.sqrt((np.maximum(pair, 0.0) ** 2).sum(axis=1)) + np.minimum(pair.max(axis=1), 0.0)


def join(one: Array, two: Array, *, fillet: float = 0.0) -> Array:
    """Union, its inner corner rounded."""
    if not fillet:
        return np.minimum(one, two)
    share = np.maximum(fillet - np.abs(one - two), 0.0) / fillet
    return np.minimum(one, two) - share**2 * fillet / 4


def cut(body: Array, tool: Array, *, fillet: float = 0.0) -> Array:
    """The body less the tool, the edge rounded."""
    return -join(-body, tool, fillet=fillet)


def meet(one: Array, two: Array) -> Array:
    """Intersection."""
    return np.maximum(one, two)


def around(points: Array, count: int) -> Array:
    """Points turned about z into the sector of the first of `count` equal copies, which lies on the x axis."""
    radius, angle = np.hypot(points[:, 0], points[:, 1]), np.arctan2(points[:, 1], points[:, 0])
    step = 2 * np.pi / count
    angle = angle - step * np.round(angle / step)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), points[:, 2]], axis=1)
