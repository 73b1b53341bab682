"""A defect as an edit of a signed distance field: bounded, so that a shallow dent cannot poke out of the far side.

A field is a function of points and of the rays that they lie on. Knows nothing of sensors.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from ....core.types import Array
from .defects import Flaw
from .fields import capsule

Field: TypeAlias = Callable[[Array, Array], Array]  # points [point, xyz] and their rays [point] to distances
THICK = 2.5  # mm: how deep below the surface a displacement still counts
CRACK = 0.30  # mm: the width of a crack
SCRATCH = 0.35


def edited(field: Field, flaw: Flaw | None) -> Field:
    """The field with the defect in it; paint alone leaves it as it is."""
    if flaw is None or flaw.kind == "stain":
        return field
    if flaw.kind == "bent":
        return lambda points, rays: field(points - _sag(points, flaw)[:, None] * flaw.normal, rays)

    def after(points: Array, rays: Array) -> Array:
        distance = field(points, rays)
        near = np.flatnonzero(((points - flaw.centre) ** 2).sum(axis=1) < flaw.reach**2)
        if len(near):
            distance = distance.copy()
            distance[near] = EDITS[flaw.kind](distance[near], points[near], flaw)
        return distance

    return after


def path(flaw: Flaw) -> Array:
    """The corners of a crack (wandering) or a scratch (straight) over the surface, in mm."""
    steps = np.linspace(-flaw.radius, flaw.radius, 7)
    sideways = 0.22 * flaw.radius * np.cumsum(flaw.wander[:7]) / 2 if flaw.kind == "crack" else np.zeros(7)
    return flaw.centre + steps[:, None] * flaw.along + (sideways - sideways[3])[:, None] * flaw.across


def beside(points: Array, flaw: Flaw) -> Array:
    """The distance of each point to the path, seen along the normal at its centre."""
    flat = points - ((points - flaw.centre) @ flaw.normal)[:, None] * flaw.normal
    corners = path(flaw)
    return np.min([capsule(flat, a, b, 0.0) for a, b in pairwise(corners)], axis=0)


def bump(points: Array, flaw: Flaw) -> Array:
    """1 at the centre, falling to 0 at the radius and `THICK` above or below, by cosines."""
    local = points - flaw.centre
    height = local @ flaw.normal
    flat = np.sqrt(np.maximum((local**2).sum(axis=1) - height**2, 0.0)) / flaw.radius
    return (
        0.25 * (1 + np.cos(np.pi * np.clip(flat, 0, 1))) * (1 + np.cos(np.pi * np.clip(np.abs(height) / THICK, 0, 1)))
    )


def _sag(points: Array, flaw: Flaw) -> Array:
    """A bend along one direction: as deep as the defect at the far ends."""
    return flaw.depth * ((points @ flaw.along) / flaw.radius) ** 2 - flaw.depth / 3


def _dent(distance: Array, points: Array, flaw: Flaw) -> Array:
    return distance + flaw.depth * bump(points, flaw)


def _bulge(distance: Array, points: Array, flaw: Flaw) -> Array:
    return distance - flaw.depth * bump(points, flaw)


def _hole(distance: Array, points: Array, flaw: Flaw) -> Array:
    local = points - flaw.centre
    height = local @ flaw.normal
    flat = np.sqrt(np.maximum((local**2).sum(axis=1) - height**2, 0.0))
    return np.maximum(distance, -np.maximum(flat - flaw.radius, -height - flaw.depth))


def _missing(distance: Array, points: Array, flaw: Flaw) -> Array:
    """All beyond a slanted plane, `depth` below the outermost point, is gone."""
    return np.maximum(distance, (points - flaw.centre) @ flaw.normal + flaw.depth)


def _contamination(distance: Array, points: Array, flaw: Flaw) -> Array:
    """Up to five flat blobs that sit on the surface."""
    blobs = []
    for u, v, size in flaw.wander[:15].reshape(5, 3):
        at = flaw.centre + 0.6 * flaw.radius * (u * flaw.along + v * flaw.across)
        wide = flaw.radius * (0.35 + 0.15 * size)
        local = points - at
        height = local @ flaw.normal
        flat = np.sqrt(np.maximum((local**2).sum(axis=1) - height**2, 0.0)) / wide
        cap = 0.5 * (1 + np.cos(np.pi * np.clip(flat, 0, 1))) * (np.abs(height) < THICK)
        blobs.append(np.sqrt(cap))
    return distance - flaw.depth * np.max(blobs, axis=0)


def _groove(distance: Array, points: Array, flaw: Flaw, width: float) -> Array:
    line = beside(points, flaw)
    sunk = (
        flaw.depth * np.clip(1 - 2 * line / width, 0, 1) if flaw.kind == "scratch" else flaw.depth * (line < width / 2)
    )
    return np.where(np.abs(distance) < flaw.depth + 1.0, distance + sunk, distance)


def _scratch(distance: Array, points: Array, flaw: Flaw) -> Array:
    return _groove(distance, points, flaw, SCRATCH)


def _crack(distance: Array, points: Array, flaw: Flaw) -> Array:
    return _groove(distance, points, flaw, CRACK)


def _rim(points: Array, flaw: Flaw) -> tuple[Array, Array, Array]:
    """Radius, turn and height of the points about the axis of the hole."""
    local = points - flaw.centre
    height = local @ flaw.normal
    u, v = local @ flaw.along, local @ flaw.across
    return np.hypot(u, v), np.arctan2(v, u), height


def _burr(distance: Array, points: Array, flaw: Flaw) -> Array:
    """A ridge on a part of the rim of a hole."""
    assert flaw.hole is not None
    radius, turn, height = _rim(points, flaw)
    away = np.hypot(radius - flaw.hole.radius - 0.7, height) / 0.9
    ridge = 0.5 * (1 + np.cos(np.pi * np.clip(away, 0, 1)))
    return distance - flaw.depth * ridge * 0.5 * (1 + np.cos(np.clip(1.2 * turn, -np.pi, np.pi)))


def _oversize(distance: Array, points: Array, flaw: Flaw) -> Array:
    assert flaw.hole is not None
    radius, _, height = _rim(points, flaw)
    tool = np.maximum(radius - flaw.hole.radius - flaw.depth, np.maximum(height - 1.0, -height - flaw.hole.depth - 1.0))
    return np.maximum(distance, -tool)


def _feature(distance: Array, points: Array, flaw: Flaw) -> Array:
    """The hole was never made."""
    assert flaw.hole is not None
    radius, _, height = _rim(points, flaw)
    plug = np.maximum(radius - flaw.hole.radius - 1.0, np.abs(height + flaw.hole.depth / 2) - flaw.hole.depth / 2)
    return np.minimum(distance, plug)


EDITS: dict[str, Callable[[Array, Array, Flaw], Array]] = {
    "dent": _dent,
    "bulge": _bulge,
    "hole": _hole,
    "missing": _missing,
    "contamination": _contamination,
    "scratch": _scratch,
    "crack": _crack,
    "burr": _burr,
    "oversize": _oversize,
    "feature": _feature,
}
