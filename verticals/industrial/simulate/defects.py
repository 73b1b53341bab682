"""Defects as edits of what the sensors hit: a displacement along the normal, a cut, points gone, or paint.

Displacements are bounded cosines, so a shallow dent cannot poke out of the far side. Which sense can see which kind is
the point: dents and bulges the scanner, scratches and stains the camera, pits and lost grease the microphone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.types import Array

SHAPES = ("dent", "bulge", "hole", "missing")  # seen by the scanner, more or less by the camera
PAINTS = ("scratch", "stain", "crack")  # seen by the camera alone (a crack is heard a little)
SOUNDS = ("outer_race", "inner_race", "tooth", "imbalance", "lubrication")
HEARD = {"crack": ("tooth", 0.35), "missing": ("imbalance", 0.5)}  # what else a visible defect does to the sound
KINDS = SHAPES + PAINTS + SOUNDS


def seen_by(kind: str) -> tuple[str, ...]:
    """The senses that a defect of that kind changes at all."""
    scan = ("scan", "image") if kind in SHAPES else ()
    image = ("image",) if kind in PAINTS else ()
    sound = ("sound",) if kind in SOUNDS or kind in HEARD else ()
    return scan + image + sound


@dataclass(frozen=True, kw_only=True, eq=False)
class Flaw:
    """One defect: where on the surface (a point and its normal), how wide in mm, how deep in mm, and its direction."""

    kind: str
    severity: float  # 0..1
    centre: Array
    normal: Array
    along: Array
    radius: float
    depth: float


def draw(kind: str, points: Array, normals: Array, *, severity: float, generator: np.random.Generator) -> Flaw:
    """A defect of that kind at a place drawn from the hits given."""
    at = int(generator.integers(len(points)))
    normal = normals[at]
    along = generator.normal(size=3)
    along -= (along @ normal) * normal
    along /= max(float(np.linalg.norm(along)), 1e-9)
    radius = {
        "hole": 1.2 + 1.2 * severity,
        "scratch": 6 + 8 * severity,
        "crack": 4 + 5 * severity,
        "stain": 2.5 + 3 * severity,
    }
    depth = {"missing": 0.4 + 1.6 * severity}.get(kind, 0.08 + 0.42 * severity)
    wide = radius.get(kind, 2.2 + 2.6 * severity)
    centre = points[at]
    if kind == "missing":  # a corner is knocked off: cut towards the outermost point along a slanted direction
        outward = normal + 0.8 * along
        normal = outward / np.linalg.norm(outward)
        centre = points[int((points @ normal).argmax())]
    return Flaw(kind=kind, severity=severity, centre=centre, normal=normal, along=along, radius=wide, depth=depth)


def moved(points: Array, normals: Array, flaw: Flaw) -> tuple[Array, Array, Array]:
    """Points and normals after the defect, and which of the hits still exist."""
    alive = np.ones(len(points), bool)
    if flaw.kind in ("dent", "bulge"):
        sign = -1.0 if flaw.kind == "dent" else 1.0
        height = sign * flaw.depth * _bump(points, normals, flaw)
        return points + height[:, None] * normals, _tilted(points, normals, flaw, sign), alive
    if flaw.kind == "hole":
        local = points - flaw.centre
        beside = np.linalg.norm(local - (local @ flaw.normal)[:, None] * flaw.normal, axis=1)
        gone = (beside < flaw.radius) & (np.abs(local @ flaw.normal) < 1.0) & (normals @ flaw.normal > 0.5)
        return points, normals, ~gone
    if flaw.kind == "missing":
        over = (points - flaw.centre) @ flaw.normal + flaw.depth
        cut = over > 0
        flat = np.where(cut[:, None], points - over[:, None] * flaw.normal, points)
        return flat, np.where(cut[:, None], flaw.normal, normals), alive
    return points, normals, alive


def paint(points: Array, normals: Array, flaw: Flaw) -> Array:
    """How much darker (or brighter, below 0) each hit looks, for kinds that the camera alone sees."""
    local = points - flaw.centre
    near = (normals @ flaw.normal > 0.7) & (np.abs(local @ flaw.normal) < 1.5)
    across = np.cross(flaw.normal, flaw.along)
    u, v = local @ flaw.along, local @ across
    if flaw.kind == "scratch":
        line = np.exp(-((v / 0.35) ** 2)) * (np.abs(u) < flaw.radius)
        return near * line * -(0.12 + 0.35 * flaw.severity)
    if flaw.kind == "crack":
        wander = 0.7 * np.sin(1.3 * u) + 0.35 * np.sin(3.1 * u + 1.0)
        line = np.exp(-(((v - wander) / 0.3) ** 2)) * (np.abs(u) < flaw.radius)
        return near * line * (0.12 + 0.4 * flaw.severity)
    if flaw.kind == "stain":
        edge = 1 + 0.25 * np.sin(3 * np.arctan2(v, u))
        return near * (np.hypot(u, v) < flaw.radius * edge) * (0.05 + 0.16 * flaw.severity)
    return np.zeros(len(points))


def _bump(points: Array, normals: Array, flaw: Flaw) -> Array:
    """A raised cosine over the surface around the centre, on the side that faces its way only."""
    local = points - flaw.centre
    height = local @ flaw.normal
    beside = np.linalg.norm(local - height[:, None] * flaw.normal, axis=1) / flaw.radius
    shape = 0.5 * (1 + np.cos(np.pi * np.clip(beside, 0, 1)))
    return shape * (np.abs(height) < flaw.radius) * (normals @ flaw.normal > 0.5)


def _tilted(points: Array, normals: Array, flaw: Flaw, sign: float) -> Array:
    """Normals of the displaced surface: less the slope of the bump."""
    local = points - flaw.centre
    flat = local - (local @ flaw.normal)[:, None] * flaw.normal
    beside = np.linalg.norm(flat, axis=1)
    inside = (_bump(points, normals, flaw) > 0) & (beside < flaw.radius)
    slope = -sign * flaw.depth * 0.5 * np.pi / flaw.radius * np.sin(np.pi * np.clip(beside / flaw.radius, 0, 1))
    direction = flat / np.maximum(beside, 1e-9)[:, None]
    tilted = normals - np.where(inside, slope, 0.0)[:, None] * direction
    return tilted / np.linalg.norm(tilted, axis=1, keepdims=True)
