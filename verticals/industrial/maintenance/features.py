"""What is known of a machine after each cycle, from it and earlier ones: levels, trends, and drift from its start.

Sensors are in units of the fleet's spread. The last column of the sensors is the wear line: the one direction along
which they move towards the end. Every row is causal: a later cycle moves no earlier row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.errors import InputError
from ....core.types import Array
from .records import CAP, History

START = 20  # cycles whose mean is a machine's own beginning
LEVELS, TRENDS = (5, 15, 30), (20, 40, 80)
LEAST_CORRELATION = 0.1
WINDOW = 60  # cycles that the network reads


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale:
    """Which sensors are read, their mean and spread over the fleet, and the wear line (weights and intercept)."""

    sensors: tuple[str, ...]
    mean: Float[Array, " sensor"]
    spread: Float[Array, " sensor"]
    wear: Float[Array, " sensor"]
    base: float

    def standard(self, history: History) -> Float[Array, "cycle column"]:
        """Sensors in spreads, and the wear line beside them (in cycles of remaining life, standardised by `CAP`)."""
        values = (history.columns(self.sensors) - self.mean) / self.spread
        return np.column_stack([values, (values @ self.wear + self.base) / CAP])

    @property
    def features(self) -> int:
        """How many numbers `rows_of` gives."""
        return 1 + (len(self.sensors) + 1) * (len(LEVELS) + len(TRENDS) + 4) + 1


def fit_scale(fleet: Sequence[History]) -> Scale:
    """Sensors that move with the remaining life, their scale, and the ridge line from them to it.

    Raises:
        InputError: no sensor moves with it.
    """
    from sklearn.linear_model import Ridge

    life = np.concatenate([np.minimum(history.remaining(), CAP) for history in fleet])
    names = [name for name in fleet[0].sensors if all(name in history.sensors for history in fleet)]
    values = np.concatenate([history.columns(names) for history in fleet])
    kept = [index for index in range(len(names)) if _moves(values[:, index], life)]
    if not kept:
        raise InputError(
            f"none of the {len(names)} sensors moves with the remaining life: are the columns right, and did the "
            "machines run to failure?"
        )
    values = values[:, kept]
    mean, spread = values.mean(axis=0), values.std(axis=0)
    line = Ridge(1.0).fit((values - mean) / spread, life)
    chosen = tuple(names[index] for index in kept)
    return Scale(sensors=chosen, mean=mean, spread=spread, wear=line.coef_, base=float(line.intercept_))


def rows_of(standard: Float[Array, "cycle column"]) -> Float[Array, "cycle feature"]:
    """The features of every cycle of one machine."""
    count = np.arange(1, len(standard) + 1)[:, None]
    start = started(standard)
    wear = standard[:, -1:]
    parts = [count, *(mean_of(standard, span) for span in LEVELS)]
    parts += [mean_of(standard, 10) - start, start]
    parts += [slope_of(standard, span) for span in TRENDS]
    parts += [np.cumsum(standard - start, axis=0) / count, smoothed(standard, 0.05)]
    parts += [smoothed(wear, 0.1) - smoothed(wear, 0.02)]
    return np.concatenate(parts, axis=1)


def channels_of(standard: Float[Array, "cycle column"], life: Float[Array, " cycle"]) -> Float[Array, "cycle channel"]:
    """What the network reads of each cycle: smoothed sensors, their drift, the age, and what boosting says."""
    smooth = mean_of(standard, 5)
    age = np.arange(1, len(standard) + 1) / 100
    return np.column_stack([smooth, smooth - started(standard), age, life / CAP]).astype(np.float32)


def started(standard: Float[Array, "cycle column"]) -> Float[Array, "cycle column"]:
    """The mean of a machine's first cycles, as far as they have passed."""
    count = np.arange(1, len(standard) + 1)[:, None]
    passing = np.cumsum(standard, axis=0) / count
    return np.where(count >= START, passing[min(START, len(standard)) - 1], passing)


def mean_of(values: Float[Array, "cycle column"], span: int) -> Float[Array, "cycle column"]:
    """The mean of the last `span` cycles, of fewer at the start."""
    total, low, high = _sums(values, span)
    return np.asarray((total[high] - total[low]) / (high - low)[:, None])


def slope_of(values: Float[Array, "cycle column"], span: int) -> Float[Array, "cycle column"]:
    """The slope a cycle of a straight line through the last `span` cycles, 0 for one."""
    time = np.arange(len(values), dtype=float)[:, None]
    total, low, high = _sums(values, span)
    count = (high - low)[:, None]
    moments = []
    for part in (time, time * values, time**2):
        summed, _, _ = _sums(part, span)
        moments.append(summed[high] - summed[low])
    first, mixed, second = moments
    below = second - first**2 / count
    return np.where(below > 1e-9, (mixed - first * (total[high] - total[low]) / count) / np.maximum(below, 1e-9), 0.0)


def smoothed(values: Float[Array, "cycle column"], share: float) -> Float[Array, "cycle column"]:
    """The exponentially weighted mean, from the first value on."""
    from scipy.signal import lfilter

    found, _ = lfilter([share], [1, share - 1], values, axis=0, zi=(1 - share) * values[:1])
    return np.asarray(found)


def _sums(values: Array, span: int) -> tuple[Array, Array, Array]:
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    high = np.arange(1, len(values) + 1)
    return total, np.maximum(high - span, 0), high


def _moves(column: Array, life: Array) -> bool:
    if len(np.unique(column[:5000])) < 4 or column.std() < 1e-9 * max(1.0, abs(float(column.mean()))):
        return False
    return bool(abs(np.corrcoef(column, life)[0, 1]) >= LEAST_CORRELATION)
