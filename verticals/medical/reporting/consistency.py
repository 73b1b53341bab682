"""What cannot all be true in one report: a side on the other side of the centre, axes in the wrong order, a count that
differs from the findings, a category that the diameter contradicts.

Each check reads all that the report says, as (subject, attribute) to value, and knows nothing of where it came from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ....knowledge.claims import Check, Told, Value
from ..guidelines.fleischner import whole
from .facts import MASS

ROUNDING = 0.06  # mm: what two rounded values may differ by


def checks(middle_mm: float) -> tuple[Check, ...]:
    """All checks; `middle_mm` is the x (RAS) of the middle of the lungs."""
    return (_sides(middle_mm), _sizes, _counts, _growth, _categories)


def _sides(middle_mm: float) -> Check:
    def check(told: Told) -> Iterator[str]:
        for subject, said in _subjects(told).items():
            x, side, place = said.get("center_x_mm"), said.get("side"), str(said.get("location", ""))
            actual = None if x is None else "right" if float(x) > middle_mm else "left"
            if actual is not None and side is not None and side != actual:
                yield f"{subject} is said to be on the {side}, and its center (x {float(x or 0):.1f} mm) lies {actual}"
            words = place.split()
            for known in (side, actual):
                if known is not None and ("left" if known == "right" else "right") in words:
                    yield f"{subject} is said to lie in the {place}, and on the {known} side"

    return check


def _sizes(told: Told) -> Iterator[str]:
    for subject, said in _subjects(told).items():
        long, short, mean = (_number(said, name) for name in ("long_axis_mm", "short_axis_mm", "diameter_mm"))
        low, high = _number(said, "diameter_low_mm"), _number(said, "diameter_high_mm")
        if long is not None and short is not None and short > long + ROUNDING:
            yield f"the short axis of {subject} ({short:.1f} mm) is longer than its long one ({long:.1f} mm)"
        if None not in (long, short, mean) and abs((long + short) / 2 - mean) > 2 * ROUNDING:  # type: ignore[operator]
            yield f"the mean diameter of {subject} ({mean:.1f} mm) is not the mean of its axes"
        if None not in (low, high, mean) and not low - ROUNDING <= mean <= high + ROUNDING:  # type: ignore[operator]
            yield f"the diameter of {subject} ({mean:.1f} mm) lies outside its own interval"
        noun = str(said.get("noun", ""))
        if mean is not None and noun and ("mass" in noun.split()) != (mean > MASS):
            yield f"{subject} of {mean:.1f} mm is called a {noun}"


def _counts(told: Told) -> Iterator[str]:
    count = told.get(("scan", "count"))
    named = {subject for subject, attribute in told if subject.startswith("finding ") and attribute == "number"}
    if count is not None and float(count) != len(named):
        yield f"the report counts {float(count):.0f} findings and tells of {len(named)}"
    sizes = {subject: told[subject, "diameter_mm"] for subject in named if (subject, "diameter_mm") in told}
    largest = told.get(("scan", "largest"))
    if largest is not None and sizes:
        most = max(float(each) for each in sizes.values())
        own = sizes.get(f"finding {float(largest):.0f}")
        if own is None or float(own) < most:
            yield f"finding {float(largest):.0f} is said to be the largest, and another is {most:.1f} mm"


def _growth(told: Told) -> Iterator[str]:
    days = told.get(("scan", "days"))
    for subject, said in _subjects(told).items():
        status, ratio, doubling = (said.get(n) for n in ("change", "volume_ratio_value", "doubling_days_value"))
        if status == "grown" and ratio is not None and float(ratio) <= 1:
            yield f"{subject} is said to have grown, and its volume is {float(ratio):.2f} times what it was"
        if status == "shrunk" and ratio is not None and float(ratio) >= 1:
            yield f"{subject} is said to have shrunk, and its volume is {float(ratio):.2f} times what it was"
        if days is not None and ratio is not None and doubling is not None and float(ratio) > 1:
            expected = float(days) * math.log(2) / math.log(float(ratio))
            if abs(expected - float(doubling)) > 1:
                yield f"{subject} is said to double in {float(doubling):.0f} days, its volumes give {expected:.0f}"


def _categories(told: Told) -> Iterator[str]:
    """A row of Fleischner 2017 says a size class in its id, which the finding that decides must have."""
    for subject, said in _subjects(told).items():
        row, label = str(said.get("row", "")), said.get("label")
        if not subject.startswith("fleischner-2017 choice") or label is None:
            continue
        diameter = told.get((f"finding {float(label):.0f}", "diameter_mm"))
        if diameter is None:
            yield f"row {row} is said of finding {float(label):.0f}, of which the report says no diameter"
        elif ("small" in row.split("-")) != (whole(float(diameter)) < 6):
            yield f"row {row} is said of finding {float(label):.0f}, which is {float(diameter):.1f} mm wide"


def _subjects(told: Told) -> Mapping[str, Mapping[str, Value]]:
    found: dict[str, dict[str, Value]] = {}
    for (subject, attribute), value in told.items():
        found.setdefault(subject, {})[attribute] = value
    return found


def _number(said: Mapping[str, Value], name: str) -> float | None:
    value = said.get(name)
    return None if value is None else float(value)
