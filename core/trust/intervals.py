"""How far a metric could have been otherwise: bootstrap intervals, drawn by patient or machine
where rows belong together.

It knows nothing of which metric: any function of arrays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import beta

from ..errors import FormatError, InputError
from ..random import numpy_generator
from ..result import Interval
from ..types import Array


def bootstrap(
    metric: Callable[..., float],
    *arrays: Array,
    groups: Array | None = None,
    coverage: float = 0.95,
    rounds: int = 1000,
    seed: int = 0,
) -> Interval:
    """The metric with its percentile interval over redrawn rows (whole groups where `groups` names one for each row).

    Pairs stay pairs, so `metric` may be a difference of two models on the same rows. Rounds where the metric is not
    finite or refuses (one class drawn) are left out.

    Raises:
        InputError: fewer than two rows or groups, or fewer than half of the rounds give a number.
    """
    columns = [np.asarray(array) for array in arrays]
    rows = len(columns[0])
    if any(len(column) != rows for column in columns):
        raise FormatError(f"the arrays of a metric have one length, got {[len(column) for column in columns]}")
    members = _members(rows, groups)
    if len(members) < 2:
        raise InputError(f"an interval needs at least two independent rows or groups, got {len(members)}")
    generator = numpy_generator(seed, "bootstrap")
    found = []
    for _ in range(rounds):
        drawn = generator.integers(len(members), size=len(members))
        index = np.concatenate([members[which] for which in drawn])
        found.append(_value(metric, [column[index] for column in columns]))
    finite = np.array([value for value in found if np.isfinite(value)])
    if len(finite) < rounds / 2:
        raise InputError(
            f"the metric gave a number in {len(finite)} of {rounds} draws only: too few cases for an interval"
        )
    tail = (1 - coverage) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return Interval(value=float(metric(*columns)), low=float(low), high=float(high), coverage=coverage)


def binomial_bound(count: int, total: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Exact one-sided lower and upper bounds of a rate (Clopper and Pearson 1934), each with that confidence."""
    if not 0 <= count <= total or total < 1:
        raise InputError(f"expected 0 <= count <= total and total >= 1, got {count} of {total}")
    low = float(beta.ppf(1 - confidence, count, total - count + 1)) if count else 0.0
    high = float(beta.ppf(confidence, count + 1, total - count)) if count < total else 1.0
    return low, high


def _members(rows: int, groups: Array | None) -> list[Array]:
    """The rows of each group."""
    if groups is None:
        return list(np.arange(rows)[:, None])
    groups = np.asarray(groups)
    if groups.shape != (rows,):
        raise FormatError(f"{rows} rows need as many group names, got {groups.shape}")
    _, which = np.unique(groups, return_inverse=True)
    return [np.flatnonzero(which == index) for index in range(which.max() + 1)]


def _value(metric: Callable[..., float], columns: list[Array]) -> float:
    try:
        return float(metric(*columns))
    except (ValueError, ZeroDivisionError):
        return float("nan")
