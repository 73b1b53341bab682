"""Which features belong together: equal bores on a circle, planes that face away from each other. No scans here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....core.types import Array
from .fitting import across, cylinder_along
from .surfaces import Feature

PARALLEL = 0.9998
EQUAL = 0.02  # share of the radius


@dataclass(frozen=True, kw_only=True, eq=False)
class PitchCircle:
    """Equal parallel bores evenly round, or round another cylinder's axis."""

    members: tuple[Feature, ...]
    centre: Array
    axis: Array
    radius: float

    def measured(self, centres: Array) -> float:
        """The radius of the circle through measured centres `[bore, xyz]`, by least squares, mm."""
        return cylinder_along(centres, self.axis).radius


def circles(features: Sequence[Feature]) -> list[PitchCircle]:
    """Three or more equal bores on one circle."""
    bores = [each for each in features if each.kind == "bore"]
    rounds = [each for each in features if each.kind != "plane"]
    found, used = [], set()
    for first in bores:
        group = [each for each in bores if each.name not in used and _equal(first, each)]
        if first.name in used or len(group) < 3:
            continue
        centres = np.array([each.centre for each in group])
        circle = cylinder_along(centres, first.axis)
        away = circle.height(centres)
        if np.abs(away).max() > 0.01 * circle.radius or not _regular(group, circle.point, first.axis, rounds):
            continue
        used |= {each.name for each in group}
        found.append(
            PitchCircle(members=tuple(group), centre=centres.mean(axis=0), axis=first.axis, radius=circle.radius)
        )
    return found


def opposed(features: Sequence[Feature], most: int = 3) -> list[tuple[Feature, Feature]]:
    """The largest planes with the farthest plane that faces the other way: what a caliper would hold between."""
    planes = [each for each in features if each.kind == "plane"]
    pairs: dict[frozenset[str], tuple[Feature, Feature]] = {}
    for one in planes:
        facing = [two for two in planes if float(one.axis @ two.axis) < -PARALLEL and _thick(one, two) > 0]
        if facing:
            two = max(facing, key=lambda each: (round(_thick(one, each), 6), each.area))
            pairs.setdefault(frozenset((one.name, two.name)), (one, two))
    return list(pairs.values())[:most]


def _thick(one: Feature, two: Feature) -> float:
    return float((one.centre - two.centre) @ one.axis)


def _equal(one: Feature, two: Feature) -> bool:
    return abs(float(one.axis @ two.axis)) > PARALLEL and abs(one.radius - two.radius) < EQUAL * one.radius


def _regular(group: Sequence[Feature], middle: Array, axis: Array, rounds: Sequence[Feature]) -> bool:
    """Evenly spaced, or about the axis of another cylinder: any three bores lie on some circle."""
    one, two = across(axis)
    flat = np.array([each.centre for each in group]) - middle
    angle = np.sort(np.arctan2(flat @ two, flat @ one))
    gaps = np.diff(angle, append=angle[0] + 2 * np.pi)
    if np.ptp(gaps) < np.deg2rad(2.0):
        return True
    members = {each.name for each in group}
    for each in rounds:
        offset = each.centre - middle
        beside = np.linalg.norm(offset - (offset @ axis) * axis)
        if each.name not in members and abs(float(each.axis @ axis)) > PARALLEL and beside < 0.01 * each.radius + 1e-3:
            return True
    return False
