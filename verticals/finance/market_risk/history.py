"""What is known of a price series at the close of each day: variances, returns and their averages over the past.

Row t uses bars up to t and none later. It knows nothing of models.
Source: Parkinson 1980, "The extreme value method for estimating the variance of the rate of return".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.types import Array
from .records import FLOOR, Prices

SPANS = (1, 5, 22, 66)  # a day, a week, a month, a quarter of trading days
WARM_UP = SPANS[-1]  # rows before which the longest average is not yet known


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """Arrays `[day]`; rows before `WARM_UP - 1` hold averages over what there was so far."""

    dates: Array
    variance: Float[Array, " day"]  # Parkinson, daily
    returns: Float[Array, " day"]  # of the close, logarithmic; 0 on the first day
    averages: dict[int, Float[Array, " day"]]  # logarithm of the mean variance over each span
    place: Float[Array, " day"]  # of the close between low (-1) and high (1)
    activity: Float[Array, " day"]  # logarithm of volume over its mean of a month; 0 where it is not known

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def scale(self) -> Float[Array, " day"]:
        """The monthly volatility: what a return is measured by."""
        return np.exp(self.averages[22] / 2)


def history_of(prices: Prices) -> History:
    """Everything that the models read, from the bars."""
    variance = np.maximum(np.log(prices.high / prices.low) ** 2 / (4 * np.log(2)), FLOOR)
    returns = np.diff(np.log(prices.close), prepend=np.log(prices.close[0]))
    width = prices.high - prices.low
    place = np.where(width > 0, 2 * (prices.close - prices.low) / np.where(width > 0, width, 1) - 1, 0)
    return History(
        dates=prices.dates,
        variance=variance,
        returns=returns,
        averages={span: np.log(trailing(variance, span)) for span in SPANS},
        place=np.clip(place, -1, 1),
        activity=_activity(prices.volume, len(prices)),
    )


def target(variance: Float[Array, " day"], horizon: int) -> Float[Array, " day"]:
    """The mean variance of the `horizon` days after each day; NaN where they have not all passed."""
    found = np.full(len(variance), np.nan)
    if len(variance) > horizon:
        sums = np.cumsum(np.insert(variance, 0, 0.0))
        found[:-horizon] = (sums[1 + horizon :] - sums[1:-horizon]) / horizon
    return np.maximum(found, FLOOR)


def later_return(returns: Float[Array, " day"], horizon: int) -> Float[Array, " day"]:
    """The return over the `horizon` days after each day; NaN where they have not all passed."""
    found = np.full(len(returns), np.nan)
    if len(returns) > horizon:
        sums = np.cumsum(np.insert(returns, 0, 0.0))
        found[:-horizon] = sums[1 + horizon :] - sums[1:-horizon]
    return found


def trailing(values: Float[Array, " day"], span: int) -> Float[Array, " day"]:
    """The mean of the last `span` days up to and with each day, or of fewer at the start.

    Each mean is summed from its own days, so that it does not depend, not even by rounding, on how long the series is.
    """
    padded = np.concatenate([np.zeros(span - 1), values])
    windows = np.lib.stride_tricks.sliding_window_view(padded, span)
    return windows.sum(axis=1) / np.minimum(np.arange(1, len(values) + 1), span)


def _activity(volume: Array | None, days: int) -> Array:
    if volume is None:
        return np.zeros(days)
    known = np.where(np.isfinite(volume) & (volume > 0), volume, 0.0)
    mean = trailing(known, 22)
    real = (known > 0) & (mean > 0)
    return np.clip(np.where(real, np.log(np.where(real, known, 1) / np.where(real, mean, 1)), 0.0), -3, 3)
