"""Daily bars from a file: CSV of any source, or Parquet with the extra `finance`. It knows nothing of models.

Columns are found by name whatever their case; the delimiter, the encoding and the order of day and month are told from
the file itself. Rows that only repeat the bar before (weekends, holidays filled forward) are dropped, with a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array, Series
from ..tables.columns import DATED, columns_of, titles_of
from ..tables.dates import days_from
from .records import MINIMUM_BARS, Prices

NAMES = {
    "date": DATED,
    "open": ("open", "<open>"),
    "high": ("high", "max", "<high>"),
    "low": ("low", "min", "<low>"),
    "close": ("close", "close/last", "last", "price", "<close>", "adj close", "adj_close"),
    "volume": ("volume", "vol", "vol.", "<vol>"),
}
NEEDED = ("date", "high", "low", "close")


def read_prices(value: Any) -> Prices:
    """A path to CSV or Parquet, a core `Series` (times in days since 1970), or `Prices`, checked.

    Raises:
        FileError: the file cannot be read.
        FormatError: columns, dates or prices that no forecast can be made from; fewer than 250 bars.
    """
    if isinstance(value, Prices):
        prices = value
    elif isinstance(value, Series):
        prices = _from_series(value)
    elif isinstance(value, (str, Path)):
        prices = _from_columns(Path(value).name, columns_of(Path(value)))
    else:
        raise FormatError(f"prices are a path, a Series or Prices, got {type(value).__name__}")
    if len(prices) < MINIMUM_BARS:
        raise FormatError(f"{prices.name} holds {len(prices)} daily bars, a forecast needs at least {MINIMUM_BARS}")
    return prices


def _from_columns(name: str, columns: Mapping[str, Sequence[str]]) -> Prices:
    titles = titles_of(name, tuple(columns))
    found = {noun: next((titles[each] for each in names if each in titles), None) for noun, names in NAMES.items()}
    missing = [noun for noun in NEEDED if found[noun] is None]
    if missing:
        raise FormatError(f"{name} has no column {', '.join(missing)}: it has {', '.join(columns) or 'none'}")
    dates = days_from(name, columns[str(found["date"])])
    bars = {
        noun: _numbers(name, noun, columns[title])
        for noun in ("open", "high", "low", "close", "volume")
        if (title := found[noun]) is not None
    }
    keep, warnings = _own_bars(dates, bars)
    kept = {noun: values[keep] for noun, values in bars.items()}
    warnings += _doubts(dates[keep], kept)
    return Prices(name=name, dates=dates[keep], warnings=warnings, **kept)


def _numbers(name: str, noun: str, cells: Sequence[str]) -> Array:
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        text = cell.strip().lstrip("$€£").replace(",", "")
        try:
            values[row] = float(text) if text else np.nan
        except ValueError as error:
            if noun == "volume" or text.lower() in ("null", "n/a", "na", "none", "-", "."):
                values[row] = np.nan
                continue
            raise FormatError(f"{name}: row {row + 2}, column {noun}: {cell!r} is no number") from error
    return values


def _own_bars(dates: Array, bars: Mapping[str, Array]) -> tuple[Array, tuple[str, ...]]:
    """Which rows are bars of their own, and what to say of those that only repeat the row before."""
    keep = np.ones(len(dates), bool)
    same = np.ones(max(len(dates) - 1, 0), bool)
    for noun, values in bars.items():
        if noun != "volume":
            same &= values[1:] == values[:-1]
    keep[1:] = ~same
    weekend = ((dates.astype(int) + 3) % 7 >= 5) & ~keep
    dropped, ends = int((~keep).sum()), int(weekend.sum())
    if not dropped:
        return keep, ()
    return keep, (f"{dropped} rows repeat the bar before them ({ends} on weekends) and were dropped as filled forward",)


def _doubts(dates: Array, bars: Mapping[str, Array]) -> tuple[str, ...]:
    """What a reader should know of bars that are valid and still not what they seem."""
    said = []
    if "open" in bars and len(dates) > 1:
        share = float(np.mean(bars["open"][1:] == bars["close"][:-1]))
        if share > 0.2:
            said.append(f"the open is the close of the day before on {share:.0%} of days: opens are not used")
    gaps = np.diff(dates).astype(int)
    if len(gaps) and gaps.max() > 10:
        row = int(gaps.argmax())
        said.append(f"{gaps[row]} days without a bar between {dates[row]} and {dates[row + 1]} (gaps above 10 days)")
    flat = float(np.mean(bars["high"] == bars["low"]))
    if flat > 0.02:
        said.append(f"high equals low on {flat:.0%} of days: quotes look stale and volatility is understated")
    with np.errstate(all="ignore"):
        jumps = np.abs(np.diff(np.log(bars["close"])))
    if len(jumps) and np.nanmax(jumps) > np.log(1.5):
        row = int(np.nanargmax(jumps)) + 1
        said.append(f"the close moves by more than half on {dates[row]}: is a split not adjusted for?")
    return tuple(said)


def _from_series(series: Series) -> Prices:
    titles_of("the series", series.channels)
    channels = [channel.strip().lower() for channel in series.channels]
    missing = [noun for noun in NEEDED[1:] if noun not in channels]
    if missing:
        raise FormatError(f"the series has no channel {', '.join(missing)}: it has {', '.join(channels) or 'no names'}")
    dates = np.floor(series.times).astype("int64").astype("datetime64[D]")
    bars = {noun: series.values[:, channels.index(noun)].astype(float) for noun in NAMES if noun in channels}
    return Prices(name="series", dates=dates, warnings=_doubts(dates, bars), **bars)
