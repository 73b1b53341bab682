"""HAR: the logarithm of coming variance as a line in its averages over a day, a week, a month; with leverage or not.

Sources: Corsi 2009; leverage, Corsi and Reno 2012; on the daily range, Clements and Preve 2021.
It knows nothing of folds or of networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.types import Array
from .history import SPANS, History, trailing

FALLS = (1, 5, 22)  # days over which negative returns are averaged


@dataclass(frozen=True, kw_only=True, eq=False)
class Line:
    """A fitted line; `level` makes its exponential right on average (Duan's smearing, 1983)."""

    weights: Float[Array, " feature"]
    intercept: float
    level: float

    def __call__(self, features: Float[Array, "day feature"]) -> Float[Array, " day"]:
        """The logarithm of the mean variance to come."""
        return (features * self.weights).sum(axis=1) + self.intercept + self.level


def plain_features(history: History) -> Float[Array, "day feature"]:
    """The averages of a day, a week and a month."""
    return np.column_stack([history.averages[span] for span in SPANS[:3]])


def leverage_features(history: History) -> Float[Array, "day feature"]:
    """The averages of a day to a quarter, and recent falls in units of the monthly volatility."""
    falls = np.minimum(history.returns, 0)
    scaled = [trailing(falls, span) / history.scale for span in FALLS]
    return np.column_stack([*(history.averages[span] for span in SPANS), *scaled])


def fit_line(features: Float[Array, "day feature"], truth: Float[Array, " day"]) -> Line:
    """Least squares on the logarithm of `truth`; every row must be known."""
    logs = np.log(truth)
    centre = features.mean(axis=0)
    solved, *_ = np.linalg.lstsq(features - centre, logs - logs.mean(), rcond=None)
    intercept = float(logs.mean() - centre @ solved)
    rest = logs - (features @ solved + intercept)
    return Line(weights=solved, intercept=intercept, level=float(np.log(np.mean(np.exp(rest)))))
