"""Bounds of a volatility forecast that keep their promise over time, and losses at a tail level.

Each day's bounds use the errors of forecasts whose days had passed by then. It knows nothing of how a forecast is made.
Sources: adaptive conformal inference, Gibbs and Candes 2021; filtered historical simulation, Barone-Adesi et al. 1999.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from ....core.trust.conformal import Adaptive
from ....core.types import Array

COVERAGE = 0.9
RATE = 0.005  # how fast the level answers a miss
TAIL = 0.01  # of value at risk
TAIL_RATE = 0.002
TAIL_WINDOW = 1250  # days: five years
ENOUGH = 500  # past returns before a one-per-cent tail is spoken of: five of them lie in it


def adaptive_bounds(
    truth: Float[Array, " day"],
    forecast: Float[Array, " day"],
    horizon: int,
    *,
    prior: Float[Array, " score"],
    coverage: float = COVERAGE,
) -> Float[Array, "day 2"]:
    """Low and high of the variance to come, for each day with a forecast; NaN for the others.

    `truth` may be NaN where it is not known yet. Errors are of logarithms; each side misses half of the share that may
    be missed. `prior` are errors of another series (the training data's), used until this series has its own.
    Where the level calls for an infinite bound, the largest error seen stands in for it.
    """
    errors = np.log(truth) - np.log(forecast)
    sides = [_side(prior, coverage), _side(-prior, coverage)]
    found = np.full((len(forecast), 2), np.nan)
    for day in np.flatnonzero(np.isfinite(forecast)):
        passed = day - horizon
        if passed >= 0 and np.isfinite(errors[passed]):
            sides[0].observe(float(errors[passed]))
            sides[1].observe(float(-errors[passed]))
        up, down = (_margin(side) for side in sides)
        found[day] = forecast[day] * np.exp([-max(down, -up), up])
    return found


def tail_losses(
    later: Float[Array, " day"], forecast: Float[Array, " day"], horizon: int, *, tail: float = TAIL
) -> Float[Array, "day 2"]:
    """Value at risk and expected shortfall of the log return over the horizon, as positive numbers; NaN if not enough.

    Past losses in units of their own forecast are drawn again at today's: no shape of the tail is assumed. The level
    moves against each loss that was beyond it, so that they become as rare as they are meant to be.
    """
    units = -later / np.sqrt(horizon * forecast)
    found = np.full((len(forecast), 2), np.nan)
    side = Adaptive(coverage=1 - tail, rate=TAIL_RATE, window=TAIL_WINDOW)
    for day in np.flatnonzero(np.isfinite(forecast)):
        passed = day - horizon
        if passed >= 0 and np.isfinite(units[passed]):
            side.observe(float(units[passed]))
        if len(side.scores) >= ENOUGH:
            risk = _margin(side)
            beyond = [score for score in side.scores if score >= risk]
            found[day] = np.array([risk, np.mean(beyond or [risk])]) * np.sqrt(horizon * forecast[day])
    return found


def _side(prior: Float[Array, " score"], coverage: float) -> Adaptive:
    side = Adaptive(coverage=1 - (1 - coverage) / 2, rate=RATE)
    side.scores.extend(float(score) for score in prior)
    return side


def _margin(side: Adaptive) -> float:
    margin = side.margin()
    if math.isfinite(margin):
        return margin
    return max(side.scores, default=math.inf) if margin > 0 else min(side.scores, default=0.0)
