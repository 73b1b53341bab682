"""What the residual network reads of each day: a window of bars and a row of numbers, free of the series' own level.

Row t uses bars up to t and forecasts made at t. It knows nothing of networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ....core.types import Array, Series, Table
from .history import SPANS, History, trailing
from .records import HORIZONS

WINDOW = 66  # days
CHANNELS = ("range", "return", "place", "activity")
CLIP = 6.0  # of returns in units of the monthly volatility
LAGS = 5
COLUMNS = (
    *(f"average {span} over forecast" for span in SPANS),
    "forecast 5 over forecast 1",
    *(f"range {lag} days ago over month" for lag in range(LAGS)),
    *(f"return {lag} days ago" for lag in range(LAGS)),
    *(f"return of {span} days" for span in SPANS[1:]),
    "place of close", "place of close a day ago", "squared returns 5 over month", "squared returns 22 over month",
    "activity",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """For each day `table [day, column]` and, cut when asked for, the `days` of its window `[day, channel]`."""

    table: Float[Array, "day column"]
    days: Float[Array, "day channel"]  # without the level of the range, which each window takes from its last day
    level: Float[Array, " day"]

    def window(self, row: int) -> Float[Array, "time channel"]:
        """The 66 days up to and with that day; the range is measured by the forecast made on the last one."""
        cut = self.days[row - WINDOW + 1 : row + 1].copy()
        cut[:, 0] -= self.level[row]
        return cut

    def windows(self, rows: Int[Array, " row"]) -> Float[Array, "row time channel"]:
        """The windows of several days at once."""
        cut = self.days[np.asarray(rows)[:, None] + np.arange(1 - WINDOW, 1)]
        cut[:, :, 0] -= self.level[rows, None]
        return np.asarray(cut)


@dataclass(frozen=True, kw_only=True, eq=False)
class Standard:
    """Mean and scale of the training rows: inputs become numbers of size one, held within four scales."""

    table_mean: Float[Array, " column"]
    table_scale: Float[Array, " column"]
    window_mean: Float[Array, " channel"]
    window_scale: Float[Array, " channel"]

    def table(self, values: Float[Array, " column"]) -> Table:
        scaled = np.clip((values - self.table_mean) / self.table_scale, -4, 4)
        return Table(numbers=dict(zip(COLUMNS, scaled.tolist(), strict=True)))

    def series(self, values: Float[Array, "time channel"]) -> Series:
        scaled = np.clip((values - self.window_mean) / self.window_scale, -4, 4)
        return Series(values=scaled, times=np.arange(len(scaled), dtype=float), channels=CHANNELS)


def inputs_of(history: History, offsets: Float[Array, "day horizon"]) -> Inputs:
    """`offsets` are the logarithms of the HAR forecasts by horizon; rows where they are NaN must not be asked for."""
    first = offsets[:, HORIZONS.index(1)]
    month, scale = history.averages[22], history.scale
    table = [history.averages[span] - first for span in SPANS]
    table += [offsets[:, HORIZONS.index(5)] - first]
    table += [_ago(history.averages[1], lag) - month for lag in range(LAGS)]
    table += [np.clip(_ago(history.returns, lag) / scale, -CLIP, CLIP) for lag in range(LAGS)]
    for span in SPANS[1:]:
        table.append(np.clip(trailing(history.returns, span) * np.sqrt(span) / scale, -CLIP, CLIP))
    table += [history.place, _ago(history.place, 1)]
    table += [np.log(trailing(history.returns**2, span) + 1e-8) - month for span in (5, 22)]
    table += [history.activity]
    days = [history.averages[1], np.clip(history.returns / scale, -CLIP, CLIP), history.place, history.activity]
    return Inputs(table=np.column_stack(table), days=np.column_stack(days), level=first)


def standard_of(tables: Float[Array, "row column"], windows: Float[Array, "row time channel"]) -> Standard:
    """The mean and scale of training rows; a column that never changes keeps scale one."""
    flat = windows.reshape(-1, windows.shape[-1])
    return Standard(
        table_mean=tables.mean(axis=0), table_scale=_scale(tables), window_mean=flat.mean(axis=0),
        window_scale=_scale(flat),
    )  # fmt: skip


def _ago(values: Float[Array, " day"], lag: int) -> Float[Array, " day"]:
    return np.concatenate([np.full(lag, values[0]), values[: len(values) - lag]])


def _scale(values: Float[Array, "row column"]) -> Float[Array, " column"]:
    found = values.std(axis=0)
    return np.where(found > 1e-6, found, 1.0)
