"""Daily bars from a file: CSV of any source, or Parquet with the extra `finance`. It knows nothing of models.

Columns are found by name whatever their case; the delimiter, the encoding and the order of day and month are told from
the file itself. What is mended is said: rows in another order are sorted, rows that only repeat the bar before
(weekends, holidays filled forward) are dropped, and bars before a split that was not adjusted for are put to its scale.
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
    dates, bars, warnings = _sorted(dates, bars)
    keep, dropped = _own_bars(dates, bars)
    kept, split = _unsplit(dates[keep], {noun: values[keep] for noun, values in bars.items()})
    warnings += dropped + split + _doubts(dates[keep], kept)
    return Prices(name=name, dates=dates[keep], warnings=warnings, **kept)


def _sorted(dates: Array, bars: dict[str, Array]) -> tuple[Array, dict[str, Array], tuple[str, ...]]:
    """The rows in the order of time; days that stand twice stay beside each other, and are refused later."""
    steps = np.diff(dates).astype(int)
    if np.isnat(dates).any() or not (steps < 0).any():
        return dates, bars, ()
    order = np.argsort(dates, kind="stable")
    how = "the newest first" if (steps < 0).all() else f"out of order in {int((steps < 0).sum())} places"
    said = f"the rows stood {how} and were sorted by date"
    return dates[order], {noun: values[order] for noun, values in bars.items()}, (said,)


def _unsplit(dates: Array, bars: dict[str, Array]) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Bars before each split at the scale of those after it.

    A split is told from a crash by three signs: the step from close to close is that of a whole number of shares for
    one (or the other way round), nearly; it came between two days, not within one; and the days around it are calm.
    """
    said: list[str] = []
    if not all((np.isfinite(bars[noun]) & (bars[noun] > 0)).all() for noun in NEEDED[1:]):
        return bars, ()  # refused later, in a sentence of its own
    step, width = -np.diff(np.log(bars["close"])), np.log(bars["high"] / bars["low"])
    for row in np.flatnonzero(np.abs(step) > np.log(1.8)) + 1:
        fell, ratio = step[row - 1] > 0, float(np.exp(abs(step[row - 1])))
        whole, usual = round(ratio), float(np.median(width[max(0, row - 22) : row]))
        before, after = (bars["low"], bars["high"]) if fell else (bars["high"], bars["low"])
        apart = np.log(before[row - 1] / after[row]) * (1 if fell else -1)
        calm = apart > 0.5 * abs(step[row - 1]) and width[row : row + 2].max() < 4 * usual
        if abs(np.log(ratio / whole)) > 3 * usual + 0.01 or not calm:
            continue
        factor = whole if fell else 1 / whole
        bars = {
            noun: np.concatenate([values[:row] * (factor if noun == "volume" else 1 / factor), values[row:]])
            for noun, values in bars.items()
        }
        kind = f"{whole} for 1" if fell else f"1 for {whole}"
        said.append(f"a split of {kind} on {dates[row]} was not adjusted for: the bars before it were put to its scale")
    return bars, tuple(said)


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
