"""The same nodule on two dates: which finding is which, how much it has grown, and how sure that is.

A volume that is measured twice differs by chance, so growth comes with an interval, and a change within it is none.
It knows nothing of images: findings and an alignment go in.
Sources: doubling time, Schwartz 1961; 25 % of volume as the least true change, BTS 2015 (Callister et al.).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

from ....core.errors import InputError
from ....core.result import Interval
from ....core.types import Array
from ..records import Finding

READERS = 0.16  # coefficient of variation of a volume between the readers of LIDC's nodules
LEAST = 0.25  # share of the volume below which a change is none (BTS 2015)
REACH = 15.0  # mm, beside the residual of the alignment: what a lung moves between two breaths
COVERAGE = 0.9


@dataclass(frozen=True, kw_only=True)
class Change:
    """One nodule over time. `label` and `earlier` are labels of the later and the earlier study; None: not found there.

    `ratio` is later over earlier volume, `doubling_days` the doubling time (infinite bounds: it may not grow at all;
    None where it is not growing or not on both studies).
    """

    status: Literal["new", "grown", "unchanged", "shrunk", "not found again"]
    label: int | None
    earlier: int | None
    apart_mm: float | None = None
    ratio: Interval | None = None
    diameter_change_mm: float | None = None
    doubling_days: Interval | None = None


def changes(
    later: Sequence[Finding],
    earlier: Sequence[Finding],
    *,
    days: float,
    aligned: Callable[[Array], Array],
    reach: float = REACH,
    variation: float = READERS,
) -> tuple[Change, ...]:
    """Every finding of both studies once: those of the later study in their order, then those not found again.

    `aligned` takes points of the earlier study to the later one; pairs lie within `reach` mm, chosen so that the sum of
    their distances is least. `variation` is the coefficient of variation of one volume.

    Raises:
        InputError: the earlier study is not earlier.
    """
    if not (math.isfinite(days) and days > 0):
        raise InputError(f"the earlier study must lie before the later one, got {days:g} days between them")
    pairs = _pairs(later, earlier, aligned, reach)
    found = []
    for index, finding in enumerate(later):
        if index not in pairs:
            found.append(Change(status="new", label=finding.label, earlier=None))
            continue
        before, apart = pairs[index]
        found.append(_change(finding, earlier[before], apart, days, variation))
    seen = {before for before, _ in pairs.values()}
    lost = [each for index, each in enumerate(earlier) if index not in seen]
    return (*found, *(Change(status="not found again", label=None, earlier=each.label) for each in lost))


def ratio_of(later: float, earlier: float, *, variation: float = READERS, coverage: float = COVERAGE) -> Interval:
    """Later over earlier volume, both measured with that coefficient of variation (log-normal errors).

    Raises:
        InputError: a volume that is not positive.
    """
    if not (later > 0 and earlier > 0 and math.isfinite(later) and math.isfinite(earlier)):
        raise InputError(f"volumes are positive and finite, got {later:g} and {earlier:g} mm3")
    spread = math.sqrt(2 * math.log1p(variation**2)) * float(norm.ppf((1 + coverage) / 2))
    ratio = later / earlier
    return Interval(value=ratio, low=ratio * math.exp(-spread), high=ratio * math.exp(spread), coverage=coverage)


def doubling(ratio: Interval, days: float) -> Interval | None:
    """Days in which the volume doubles; None where it does not grow, an infinite bound where it may not."""
    if ratio.value <= 1:
        return None
    slow, value, fast = (days * math.log(2) / math.log(each) if each > 1 else math.inf
                         for each in (ratio.low, ratio.value, ratio.high))  # fmt: skip
    return Interval(value=value, low=fast, high=slow, coverage=ratio.coverage)


def changed(ratio: Interval) -> Literal["grown", "shrunk", "unchanged"]:
    """What a ratio of two volumes says: nothing within the error of measurement or below the least true change."""
    if ratio.value >= 1 + LEAST and ratio.low > 1:
        return "grown"
    if ratio.value <= 1 / (1 + LEAST) and ratio.high < 1:
        return "shrunk"
    return "unchanged"


def _change(later: Finding, earlier: Finding, apart: float, days: float, variation: float) -> Change:
    ratio = ratio_of(later.volume_mm3, earlier.volume_mm3, variation=variation)
    return Change(
        status=changed(ratio),
        label=later.label,
        earlier=earlier.label,
        apart_mm=apart,
        ratio=ratio,
        diameter_change_mm=later.diameter_mm - earlier.diameter_mm,
        doubling_days=doubling(ratio, days),
    )


def _pairs(
    later: Sequence[Finding], earlier: Sequence[Finding], aligned: Callable[[Array], Array], reach: float
) -> dict[int, tuple[int, float]]:
    """For an index of the later findings: that of the earlier one, and how far apart they lie."""
    if not later or not earlier:
        return {}
    here = np.array([each.center_mm for each in later])
    there = aligned(np.array([each.center_mm for each in earlier]))
    apart = np.linalg.norm(here[:, None] - there[None], axis=2)
    far = 1e6 + apart  # dearer than any legal pair, so that as many legal ones as can be are made
    rows, columns = linear_sum_assignment(np.where(apart <= reach, apart, far))
    return {
        int(row): (int(column), float(apart[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if apart[row, column] <= reach
    }
