"""The nouns of market risk: a checked series of daily bars, and the forecast that is made from it.

They know nothing of files, of models or of how a forecast is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ....core.errors import FormatError
from ....core.result import Interval
from ....core.types import Array

if TYPE_CHECKING:
    from .drawdown import Outlook
    from .stress import Replayed

MINIMUM_BARS = 250  # a year: below it not even a HAR model has rows to be fitted on
FLOOR = 1e-7  # of a variance: a day without any range is a stale quote, not a day without risk
HORIZONS = (1, 5)  # trading days ahead
WEEKDAYS, EVERY_DAY = 252.0, 365.0  # bars a year of an exchange, and of a market that never closes


@dataclass(frozen=True, kw_only=True, eq=False)
class Prices:
    """Daily bars in the order of time, `[day]` each; `open` and `volume` may not be known.

    Raises:
        FormatError: a price that is not positive and finite, a high below the low, dates that do not increase.
    """

    name: str
    dates: Array
    high: Array
    low: Array
    close: Array
    open: Array | None = None
    volume: Array | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "dates", np.asarray(self.dates, "datetime64[D]"))
        for column in ("open", "high", "low", "close"):
            values = getattr(self, column)
            if values is not None:
                object.__setattr__(self, column, self._checked(column, np.asarray(values, np.float64)))
        if self.volume is not None:
            object.__setattr__(self, "volume", np.asarray(self.volume, np.float64))
        self._in_order()
        self._bars()

    def __len__(self) -> int:
        return len(self.dates)

    def until(self, rows: int) -> Prices:
        """The first `rows` bars, as if the rest had not happened yet."""
        return replace(
            self,
            dates=self.dates[:rows],
            high=self.high[:rows],
            low=self.low[:rows],
            close=self.close[:rows],
            open=None if self.open is None else self.open[:rows],
            volume=None if self.volume is None else self.volume[:rows],
        )

    @property
    def periods(self) -> float:
        """Bars in a year: 365 where the market is open on weekends, else 252."""
        return EVERY_DAY if _weekend(self.dates).mean() > 0.2 else WEEKDAYS

    def day(self, row: int) -> str:
        return str(self.dates[row])

    def _checked(self, column: str, values: Array) -> Array:
        if values.shape != self.dates.shape or values.ndim != 1:
            raise FormatError(f"{self.name}: column {column} has shape {values.shape} for {len(self.dates)} dates")
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise FormatError(
                f"{self.name}: {column} is missing, NaN or infinite on {len(bad)} of {len(values)} days,"
                f" first on {self.dates[bad[0]]}: drop or mend those rows"
            )
        bad = np.flatnonzero(values <= 0)
        if len(bad):
            raise FormatError(
                f"{self.name}: {column} is {values[bad[0]]:g} on {self.dates[bad[0]]}"
                f" ({len(bad)} such days): prices must be above zero"
            )
        return values

    def _in_order(self) -> None:
        if np.isnat(self.dates).any():
            raise FormatError(f"{self.name}: {int(np.isnat(self.dates).sum())} dates are missing")
        steps = np.diff(self.dates).astype(int)
        if (steps == 0).any():
            raise FormatError(
                f"{self.name}: the date {self.dates[int(np.argmax(steps == 0))]} stands twice"
                f" ({int((steps == 0).sum())} repeated): give one bar a day"
            )
        if (steps < 0).any():
            row = int(np.argmax(steps < 0))
            raise FormatError(
                f"{self.name}: dates are not in order, {self.dates[row]} is followed by {self.dates[row + 1]}:"
                " sort the rows by date, oldest first"
            )

    def _bars(self) -> None:
        bad = np.flatnonzero(self.high < self.low)
        if len(bad):
            row = bad[0]
            raise FormatError(
                f"{self.name}: on {self.dates[row]} the high ({self.high[row]:g}) is below the low ({self.low[row]:g})"
                f" ({len(bad)} such days): are the columns swapped?"
            )


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """What is forecast for the next `days` trading days: daily volatility, annualised, in per cent.

    Volatility is Parkinson's, from the high and the low: what happens between close and open is not in it.
    `value_at_risk` and `expected_shortfall` are losses of the close in per cent (positive), at 1 %, with that gap in.
    """

    days: int
    volatility: Interval
    har: float  # HAR with leverage alone
    value_at_risk: float | None
    expected_shortfall: float | None
    history: int  # past forecasts of this series that the interval was calibrated on
    without_news: float | None = None  # the volatility had the news not been read; None where none was
    without_chart_and_call: float | None = None  # had neither been read; None where neither changed anything


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What was made of a chart or a call: what was read, the share kept of what it changes, by horizon, and why.

    `would_move` is how far the volatility would move in per cent if all of it were kept; None where none was taught.
    """

    shows: str
    kept: dict[str, float]
    would_move: dict[str, float] | None
    verdict: str


@dataclass(frozen=True, kw_only=True)
class MarketRisk:
    """The answer of `finance/market-risk`."""

    as_of: str
    bars: int
    forecast: dict[str, Horizon]
    latest: float  # Parkinson volatility of the last day, annualised, per cent
    walk_forward: dict[str, dict[str, float]]  # QLIKE by horizon and model, out of sample on this series
    fitted: dict[str, str]  # what was fitted where, in words
    drawdown: Outlook | None = None  # None where the series is too short
    stress: tuple[Replayed, ...] = ()  # crises that the series covers, on days that can be judged
    beside: dict[str, Beside] = field(default_factory=dict)  # by "chart" and "call", where one was given


def _weekend(dates: Array) -> Array:
    return (dates.astype("datetime64[D]").astype(int) + 3) % 7 >= 5
