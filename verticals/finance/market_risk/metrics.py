"""How good a variance forecast is: QLIKE and its kin, the Diebold-Mariano test, coverage. Knows nothing of models.

Sources: QLIKE, Patton 2011 (robust to a noisy target); Diebold and Mariano 1995 with Newey and West's 1987 variance;
Kupiec 1995 and Christoffersen 1998 for exceedances; the second test of Acerbi and Szekely 2014 for expected shortfall.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import chi2

from ....core.random import numpy_generator
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


def christoffersen(beyond: Bool[Array, " day"]) -> float:
    """The p-value that exceedances do not follow each other more than chance has it (one degree of freedom)."""
    before, after = np.asarray(beyond[:-1], bool), np.asarray(beyond[1:], bool)
    counts = {(a, b): int(np.sum((before == a) & (after == b))) for a in (False, True) for b in (False, True)}

    def log_likelihood(misses: int, holds: int) -> float:
        days = misses + holds
        return sum(n * float(np.log(n / days)) for n in (misses, holds) if n)

    apart = sum(log_likelihood(counts[a, True], counts[a, False]) for a in (False, True))
    alike = log_likelihood(int(after.sum()), int((~after).sum()))
    return float(chi2.sf(max(2 * (apart - alike), 0.0), 1))


def acerbi_szekely(
    returns: Float[Array, " day"], losses: Float[Array, "day 2"], *, rate: float, rounds: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """The statistic Z2 of value at risk and expected shortfall, and its p-value; Z2 is 0 in expectation if both hold.

    Below 0 losses are more or larger than told. The null is drawn: as many exceedances as a coin with `rate` gives,
    each as deep in units of the expected shortfall as those seen, scaled to a mean of one.
    """
    risk, shortfall = losses.T
    beyond = returns < -risk
    depths = -returns[beyond] / shortfall[beyond]
    days = len(returns)
    statistic = 1 - float(depths.sum()) / (days * rate)
    if not len(depths):
        return statistic, 1.0
    generator = numpy_generator(seed, "acerbi-szekely")
    counts = generator.binomial(days, rate, size=rounds)
    scaled = depths / depths.mean()
    drawn = np.array([1 - generator.choice(scaled, count).sum() / (days * rate) for count in counts])
    return statistic, float((np.count_nonzero(drawn <= statistic) + 1) / (rounds + 1))
