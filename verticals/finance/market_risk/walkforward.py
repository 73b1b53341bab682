"""Walking forward: a model is fitted on what had passed, forecasts until the next 1 January, and is fitted again.

The rows whose target reaches past the day of fitting are purged. It knows nothing of which model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from ....core.types import Array
from .garch import fit_garch
from .har import fit_line, leverage_features, plain_features
from .history import WARM_UP, History, target
from .records import FLOOR, MINIMUM_BARS

Forecast: TypeAlias = "Float[Array, ' day']"  # variance of the days to come, NaN before the first fit
DECAY = 0.94  # RiskMetrics 1996


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows `known` are fitted on, rows `ahead` are forecast with what was fitted."""

    known: slice
    ahead: slice


def folds(dates: Array, horizon: int, *, first: int = MINIMUM_BARS - 1) -> Iterator[Fold]:
    """The first fit is at row `first`, the next at the first row of each year after it.

    At row s the newest target that may be learnt from ends at s - 1, so rows from s - horizon on are left out.
    """
    years = dates.astype("datetime64[Y]")
    turns = np.flatnonzero(years[1:] != years[:-1]) + 1
    starts = [first, *(int(row) for row in turns if row > first)] if len(dates) > first else []
    for start, stop in zip(starts, [*starts[1:], len(dates)], strict=True):
        yield Fold(slice(WARM_UP - 1, start - horizon), slice(start, stop))


def walk_har(history: History, horizon: int, *, leverage: bool = True, first: int = MINIMUM_BARS - 1) -> Forecast:
    """HAR, refitted each year; the value is a variance."""
    features = leverage_features(history) if leverage else plain_features(history)
    truth = target(history.variance, horizon)
    found = np.full(len(history), np.nan)
    for fold in folds(history.dates, horizon, first=first):
        line = fit_line(features[fold.known], truth[fold.known])
        found[fold.ahead] = np.exp(line(features[fold.ahead]))
    return found


def walk_garch(history: History, horizon: int, *, asymmetric: bool = False, first: int = MINIMUM_BARS - 1) -> Forecast:
    """GARCH on close-to-close returns, refitted each year and scaled to the range's level by the ratio of means."""
    truth = target(history.variance, horizon)
    found = np.full(len(history), np.nan)
    for fold in folds(history.dates, horizon, first=first):
        model = fit_garch(history.returns[1 : fold.ahead.start], asymmetric=asymmetric)
        variance = model.mean_variance(history.returns[: fold.ahead.stop], horizon)
        ratio = truth[fold.known].mean() / variance[fold.known].mean()
        found[fold.ahead] = ratio * variance[fold.ahead]
    return np.maximum(found, FLOOR)


def random_walk(history: History, horizon: int) -> Forecast:
    """The next days will be as the last ones, as many of them."""
    return np.exp(history.averages[horizon])


def moving_average(history: History) -> Forecast:
    """The next days will be as the last month."""
    return np.exp(history.averages[22])


def exponential_average(history: History) -> Forecast:
    """An exponentially weighted mean with decay 0.94, started at the first day."""
    from scipy.signal import lfilter

    first = history.variance[0]
    found, _ = lfilter([1 - DECAY], [1.0, -DECAY], history.variance, zi=np.array([DECAY * first]))
    return np.asarray(found)


BASELINES: dict[str, Callable[[History, int], Forecast]] = {
    "random_walk": random_walk,
    "ma22": lambda history, horizon: moving_average(history),
    "ewma": lambda history, horizon: exponential_average(history),
    "garch": walk_garch,
    "har": lambda history, horizon: walk_har(history, horizon, leverage=False),
    "har_leverage": walk_har,
}
