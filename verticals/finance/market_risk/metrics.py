"""How good a variance forecast is: QLIKE and its kin, the Diebold-Mariano test, coverage. Knows nothing of models.

Sources: QLIKE, Patton 2011 (robust to a noisy target); Diebold and Mariano 1995 with Newey and West's 1987 variance;
Kupiec 1995 for exceedances.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.stats import chi2

from ....core.result import Interval
from ....core.trust.intervals import bootstrap
from ....core.types import Array


def qlike(truth: Float[Array, " day"], forecast: Float[Array, " day"]) -> Float[Array, " day"]:
    """The loss of each day: y/f - log(y/f) - 1, zero where the forecast is the truth."""
    ratio = truth / forecast
    return np.asarray(ratio - np.log(ratio) - 1)


def mse_log(truth: Float[Array, " day"], forecast: Float[Array, " day"]) -> float:
    """The mean squared error of logarithms."""
    return float(np.mean((np.log(truth) - np.log(forecast)) ** 2))


def diebold_mariano(loss: Float[Array, " day"], other: Float[Array, " day"], *, lags: int) -> float:
    """The t statistic of the mean loss difference; below -2, `loss` is the smaller one beyond chance.

    The variance is Newey and West's, since losses of neighbouring days are alike. 0 where the losses do not differ.
    """
    difference = np.asarray(loss) - np.asarray(other)
    days = len(difference)
    rest = difference - difference.mean()
    variance = rest @ rest / days
    for lag in range(1, min(lags, days - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * (rest[lag:] @ rest[:-lag]) / days
    return float(difference.mean() / np.sqrt(variance / days)) if variance > 0 else 0.0


def by_day(losses: Float[Array, " row"], dates: Array) -> Float[Array, " day"]:
    """The mean over series of each day, in the order of time: stocks of one day are not independent draws."""
    _, which = np.unique(dates, return_inverse=True)
    return np.asarray(np.bincount(which, weights=losses) / np.bincount(which))


def by_month(values: Float[Array, " day"], dates: Array, *, seed: int = 0, rounds: int = 500) -> Interval:
    """The mean with its 95 % interval over redrawn calendar months: neighbouring days are not independent."""
    months = dates.astype("datetime64[M]").astype(int)
    return bootstrap(lambda drawn: float(np.mean(drawn)), values, groups=months, rounds=rounds, seed=seed)


def kupiec(misses: int, days: int, *, rate: float) -> float:
    """The p-value that exceedances happen at `rate` (likelihood ratio, one degree of freedom)."""
    seen = misses / days

    def log_likelihood(share: float) -> float:
        hits = misses * np.log(share) if misses else 0.0
        return float(hits + ((days - misses) * np.log1p(-share) if misses < days else 0.0))

    return float(chi2.sf(-2 * (log_likelihood(rate) - log_likelihood(seen)), 1))
