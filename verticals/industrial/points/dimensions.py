"""Dimensions of a registered scan in the words of the drawing: diameter, size, flatness, position, perpendicularity.

Each feature of the nominal part is fitted to the points that lie on it, and each value comes with its uncertainty
(k = 2). By ISO 14253-1 a value is within or outside only if its uncertainty leaves no doubt; else it is undecided, and
a feature that was not seen well enough is not evaluable. Positions are relative to the best fit of the whole part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ....core.types import Array
from ..records import Nominal
from .fitting import Cylinder, Plane, fit_cylinder, fit_plane
from .patterns import circles, opposed
from .surfaces import Feature, covered_degrees, features_of
from .tolerances import Tolerances

SYMBOLS = {
    "diameter": "⌀",
    "pitch circle": "⌀",
    "size": "",
    "flatness": "⏥",
    "position": "⌖ ⌀",
    "perpendicularity": "⟂ ⌀",
}
FEWEST = 40  # points of a feature
SEEN_ROUND = 220.0  # degrees of a cylinder
SEEN_FLAT = 0.3  # share of a plane's samples with a point near
SYSTEMATIC = 0.01  # mm: what averaging cannot remove (the views' own registration)
GENERAL = Tolerances()
CELLS = 150  # of a plane, averaged before its flatness is taken


@dataclass(frozen=True, kw_only=True, eq=False)
class Dimension:
    """One line of the inspection plan, mm. `uncertainty` is expanded (k = 2); `words` is the line as a sentence."""

    name: str
    kind: str
    value: float
    nominal: float
    lower: float
    upper: float
    uncertainty: float
    verdict: Literal["within", "outside", "undecided", "not evaluable"]
    place: tuple[float, ...]
    reason: str = ""

    @property
    def words(self) -> str:
        if self.verdict == "not evaluable":
            return f"{self.name}: not evaluable, {self.reason}"
        symbol, allowed = SYMBOLS[self.kind], f"{self.lower:.3f} to {self.upper:.3f} mm"
        if self.kind in ("flatness", "position", "perpendicularity"):
            allowed = f"at most {self.upper:.3f} mm"
        return f"{self.name}: {symbol}{self.value:.3f} ± {self.uncertainty:.3f} mm, allowed {allowed}: {self.verdict}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """A feature of the nominal part and what was fitted to the scan, or why nothing was; `points` lie on it."""

    feature: Feature
    points: Array
    shape: Plane | Cylinder | None
    reason: str = ""


def dimensions(
    points: Array, nominal: Nominal, *, tolerances: Tolerances = GENERAL, features: Sequence[Feature] | None = None
) -> tuple[Dimension, ...]:
    """The dimensions of a scan `[point, xyz]` that lies on its nominal part; none where that is a cloud.

    `features` are those of the nominal part, where they are known already.
    """
    known = tuple(features) if features is not None else features_of(nominal)
    fitted = {each.feature.name: each for each in fit_features(points, nominal, known)}
    datum = next((each for each in known if each.kind == "plane"), None)
    found: list[Dimension] = []
    for each in fitted.values():
        if each.feature.kind == "plane":
            found.append(_flatness(each, tolerances))
        else:
            found += _round(each, fitted[datum.name] if datum is not None else None, tolerances)
    found += [_apart(fitted[one.name], fitted[two.name], tolerances) for one, two in opposed(known)]
    found += _pitches(known, fitted, tolerances)
    return tuple(found)


def fit_features(points: Array, nominal: Nominal, features: Sequence[Feature]) -> list[Fitted]:
    """Each feature fitted to the points whose nearest sample belongs to it and is not at its border."""
    owner = np.full(len(nominal.triangles), -1)
    for number, feature in enumerate(features):
        owner[feature.triangles] = number
    sample = owner[nominal.triangle]
    near = nominal.tree.query(nominal.samples, k=min(6, len(sample)), workers=2)[1]
    sample = np.where((sample[near] == sample[:, None]).all(axis=1), sample, -1)
    distance, nearest = nominal.tree.query(points, workers=2)
    reach = max(3 * nominal.spacing, 0.01 * nominal.size)
    belongs = np.where(distance < reach, sample[nearest], -1)
    met = np.zeros(len(sample), bool)
    met[nearest[distance < reach]] = True
    met = met[near].any(axis=1)  # a scan coarser than the samples meets only some of them
    fitted = []
    for number, feature in enumerate(features):
        own = points[belongs == number]
        share = float(met[sample == number].mean()) if (sample == number).any() else 0.0
        fitted.append(_fit(feature, own, share))
    return fitted


def _fit(feature: Feature, own: Array, share: float) -> Fitted:
    if len(own) < FEWEST:
        return Fitted(feature=feature, points=own, shape=None, reason=f"{len(own)} points on it, {FEWEST} are needed")
    if feature.kind == "plane":
        if share < SEEN_FLAT:
            reason = f"{share:.0%} of it was scanned, {SEEN_FLAT:.0%} are needed"
            return Fitted(feature=feature, points=own, shape=None, reason=reason)
        return Fitted(feature=feature, points=own, shape=fit_plane(own, feature.axis))
    offset = own - feature.centre
    flat = offset - (offset @ feature.axis)[:, None] * feature.axis
    seen = covered_degrees(flat, feature.axis)
    along = offset @ feature.axis
    if seen < SEEN_ROUND or np.ptp(along) < 0.2 * feature.length:
        reason = f"{seen:.0f} degrees of it were scanned, {SEEN_ROUND:.0f} are needed, over a fifth of its length"
        return Fitted(feature=feature, points=own, shape=None, reason=reason)
    start = Cylinder(point=feature.centre, axis=feature.axis, radius=feature.radius)
    return Fitted(feature=feature, points=own, shape=fit_cylinder(own, start))


def _flatness(fitted: Fitted, tolerances: Tolerances) -> Dimension:
    """Two parallel planes that hold the surface: from means over cells, so that noise is not taken for form."""
    feature, name = fitted.feature, f"flatness of {fitted.feature.name}"
    limit = tolerances.of(name, "flatness", feature.length)
    if not isinstance(fitted.shape, Plane):
        return _unknown(name, "flatness", fitted, limit)
    cell = float(np.sqrt(feature.area / CELLS))
    flat = fitted.points - fitted.shape.height(fitted.points)[:, None] * fitted.shape.normal
    heights = fitted.shape.height(fitted.points)
    index = np.unique(np.round(flat / cell).astype(np.int64), axis=0, return_inverse=True)[1].ravel()
    counts = np.bincount(index)
    means = np.bincount(index, _bounded(heights, fitted.shape.spread)) / np.maximum(counts, 1)
    kept = counts >= max(4, 0.3 * np.median(counts))
    noise = fitted.shape.spread / np.sqrt(np.median(counts[kept])) if kept.any() else fitted.shape.spread
    value = float(np.ptp(means[kept])) if kept.sum() > 3 else float(np.ptp(heights))
    doubt = 2 * float(np.hypot(1.6 * noise, SYSTEMATIC))
    return _judged(name, "flatness", value, 0.0, limit, doubt, feature.centre)


def _round(fitted: Fitted, datum: Fitted | None, tolerances: Tolerances) -> list[Dimension]:
    """Diameter, position and perpendicularity of a bore or an outer cylinder."""
    feature = fitted.feature
    names = {kind: f"{kind} of {feature.name}" for kind in ("diameter", "position", "perpendicularity")}
    size = 2 * feature.radius
    limits = {kind: tolerances.of(name, kind, size) for kind, name in names.items()}
    square = datum is not None and abs(float(datum.feature.axis @ feature.axis)) > 0.9998
    limits["perpendicularity"] = tolerances.of(names["perpendicularity"], "perpendicularity", feature.length)
    if not isinstance(fitted.shape, Cylinder):
        return [_unknown(names[kind], kind, fitted, limits[kind]) for kind in ("diameter", "position")]
    shape = fitted.shape
    doubt = 2 * float(np.hypot(2 * shape.radius_sigma, SYSTEMATIC))
    found = [_judged(names["diameter"], "diameter", 2 * shape.radius, size, limits["diameter"], doubt, feature.centre)]
    lift = (feature.centre - shape.point) @ feature.axis / float(shape.axis @ feature.axis)
    offset = shape.point + lift * shape.axis - feature.centre
    doubt = 2 * float(np.hypot(2 * shape.place_sigma, SYSTEMATIC))
    value = 2 * float(np.linalg.norm(offset))
    found.append(_judged(names["position"], "position", value, 0.0, limits["position"], doubt, feature.centre))
    if square and datum is not None and isinstance(datum.shape, Plane):
        turn = float(np.linalg.norm(np.cross(datum.shape.normal, shape.axis))) * feature.length
        doubt = 2 * float(np.hypot(shape.tilt_sigma * feature.length, SYSTEMATIC))
        name, limit = names["perpendicularity"], limits["perpendicularity"]
        found.append(_judged(name, "perpendicularity", turn, 0.0, limit, doubt, feature.centre))
    return found


def _apart(one: Fitted, two: Fitted, tolerances: Tolerances) -> Dimension:
    """The size between two planes that face away from each other."""
    name = f"size from {one.feature.name} to {two.feature.name}"
    designed = float((one.feature.centre - two.feature.centre) @ one.feature.axis)
    limit = tolerances.of(name, "size", designed)
    for each in (one, two):
        if not isinstance(each.shape, Plane):
            return _unknown(name, "size", each, limit, designed)
    assert isinstance(one.shape, Plane)
    assert isinstance(two.shape, Plane)
    value = -float(one.shape.height(_on(two.shape, two.feature)) + two.shape.height(_on(one.shape, one.feature))) / 2
    doubt = 2 * float(np.hypot(np.hypot(one.shape.sigma, two.shape.sigma), 1.4 * SYSTEMATIC))
    return _judged(name, "size", value, designed, limit, doubt, (one.feature.centre + two.feature.centre) / 2)


def _on(plane: Plane, feature: Feature) -> Array:
    """The middle of a feature, on the plane that was fitted to it."""
    return np.asarray(feature.centre - float(plane.height(feature.centre)) * plane.normal)


def _pitches(features: Sequence[Feature], fitted: Mapping[str, Fitted], tolerances: Tolerances) -> list[Dimension]:
    """The diameter of each circle that equal bores stand on."""
    found = []
    for number, pattern in enumerate(circles(features), start=1):
        name = f"pitch circle {number} of {len(pattern.members)} bores"
        limit = tolerances.of(name, "pitch circle", 2 * pattern.radius)
        shapes = [fitted[each.name] for each in pattern.members]
        missing = [each for each in shapes if not isinstance(each.shape, Cylinder)]
        if missing:
            found.append(_unknown(name, "pitch circle", missing[0], limit, 2 * pattern.radius))
            continue
        centres = []
        for each in shapes:
            assert isinstance(each.shape, Cylinder)
            lift = (each.feature.centre - each.shape.point) @ each.feature.axis
            centres.append(each.shape.point + lift * each.shape.axis)
        value = 2 * pattern.measured(np.array(centres))
        error = max(each.shape.place_sigma for each in shapes if isinstance(each.shape, Cylinder))
        doubt = 2 * float(np.hypot(2 * error / np.sqrt(len(shapes)), SYSTEMATIC))
        found.append(_judged(name, "pitch circle", value, 2 * pattern.radius, limit, doubt, pattern.centre))
    return found


def _judged(name: str, kind: str, value: float, nominal: float, limit: float, doubt: float, place: Array) -> Dimension:
    """The verdict by ISO 14253-1: the band less the uncertainty is within, the band and the uncertainty is the edge."""
    lower, upper = max(nominal - limit, 0.0), nominal + limit
    inside = min(value - lower, upper - value) if nominal else upper - value
    verdict: Literal["within", "outside", "undecided"] = "undecided"
    if inside >= doubt:
        verdict = "within"
    elif inside < -doubt:
        verdict = "outside"
    return Dimension(
        name=name,
        kind=kind,
        value=value,
        nominal=nominal,
        lower=lower,
        upper=upper,
        uncertainty=doubt,
        verdict=verdict,
        place=tuple(float(each) for each in place),
    )


def _unknown(name: str, kind: str, fitted: Fitted, limit: float, nominal: float | None = None) -> Dimension:
    if nominal is None:
        nominal = 2 * fitted.feature.radius if kind == "diameter" else 0.0
    return Dimension(
        name=name,
        kind=kind,
        value=float("nan"),
        nominal=nominal,
        lower=max(nominal - limit, 0.0),
        upper=nominal + limit,
        uncertainty=float("nan"),
        verdict="not evaluable",
        place=tuple(float(each) for each in fitted.feature.centre),
        reason=f"{fitted.feature.name} has too little to go by: {fitted.reason}",
    )


def _bounded(heights: Array, spread: float) -> Array:
    """Heights within what the cells around could show: one flying point must not make a bump."""
    return np.clip(heights, -np.quantile(np.abs(heights), 0.99) - spread, np.quantile(np.abs(heights), 0.99) + spread)
