"""Labelled data: one file of prices, a folder of them (with news beside), the StockNet layout, or the `arch` layout.

    prices.csv                          one series
    folder/AAA.csv, folder/BBB.csv      many; news, where known, in folder/news/AAA.csv with columns date and text
    price/raw/AAA.csv, tweet/preprocessed/AAA/2014-01-01   StockNet (Xu and Cohen 2018), as its authors publish it
    either with calls/20150723_AAA/text.txt and features.csv beside (MAEC): AAA's earnings calls
    sp500/sp500.csv.gz, nasdaq/nasdaq.csv.gz               the data folder of the Python package `arch`

News of a row is what was said after the close of the row before and up to its own close. It knows nothing of models.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import FileError, FormatError, UnknownName
from ....core.progress import track
from ..tables.columns import columns_of, titles_of
from ..tables.dates import days_from
from .calls import Call, calls_in
from .prices import read_prices
from .records import Prices

LAYOUTS = ("file", "folder", "stocknet", "arch")
TABLES = (".csv", ".txt", ".tsv", ".parquet", ".pq", ".gz")
ARCH = ("sp500", "nasdaq")
CLOSE = timedelta(hours=20)  # of New York in UTC, the earlier of summer's and winter's, to read nothing too soon
STAMP = "%a %b %d %H:%M:%S %z %Y"


@dataclass(frozen=True, kw_only=True, eq=False)
class Sourced:
    """A series, what was said of it by row, and its company's earnings calls."""

    prices: Prices
    news: Mapping[int, str] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()


def layout_of(data: Path) -> str:
    """The layout that a path has the marks of."""
    if data.is_file():
        return "file"
    if (data / "price" / "raw").is_dir():
        return "stocknet"
    if all((data / name / f"{name}.csv.gz").is_file() for name in ARCH):
        return "arch"
    return "folder"


def sources_in(data: Path, *, layout: str | None = None) -> list[Sourced]:
    """Every series there, in the order of its name.

    Raises:
        UnknownName: a layout that does not exist.
        FileError, FormatError: nothing there, or something that is not daily prices.
    """
    if not data.exists():
        raise FileError(f"there is no data at {data}: give a folder or a file of daily prices")
    layout = layout or layout_of(data)
    if layout not in LAYOUTS:
        raise UnknownName("layout", layout, LAYOUTS)
    if layout == "file":
        return [Sourced(prices=read_prices(data))]
    if layout == "arch":
        return [Sourced(prices=read_prices(data / name / f"{name}.csv.gz")) for name in ARCH]
    if layout == "stocknet":
        return _with_calls(_stocknet(data), data / "calls")
    files = sorted(path for path in data.iterdir() if path.suffix.lower() in TABLES)
    if not files:
        raise FileError(f"{data} holds no file of prices ({', '.join(TABLES)})")
    found = [_beside(path, data / "news" / f"{path.stem}.csv") for path in track(files, "reading", len(files))]
    return _with_calls(found, data / "calls")


def _with_calls(sources: list[Sourced], folder: Path) -> list[Sourced]:
    """Each series with the calls whose ticker is its name."""
    if not folder.is_dir():
        return sources
    by_ticker: dict[str, list[Call]] = defaultdict(list)
    for call in calls_in(folder):
        by_ticker[call.ticker].append(call)
    return [replace(each, calls=tuple(by_ticker[each.prices.name.split(".")[0].upper()])) for each in sources]


def _beside(path: Path, news: Path) -> Sourced:
    prices = read_prices(path)
    if not news.exists():
        return Sourced(prices=prices)
    columns = columns_of(news, numbers=False)
    titles = titles_of(news.name, tuple(columns))
    if not {"date", "text"} <= set(titles):
        raise FormatError(f"{news} needs the columns date and text: it has {', '.join(columns) or 'none'}")
    dates = days_from(news.name, columns[titles["date"]])
    return Sourced(prices=prices, news=_by_row(prices, zip(dates, columns[titles["text"]], strict=True)))


def _stocknet(data: Path) -> list[Sourced]:
    found = []
    files = sorted((data / "price" / "raw").glob("*.csv"))
    for path in track(files, "reading", len(files)):
        try:
            prices = read_prices(path)
        except FormatError:
            continue  # a few of its stocks were listed too late to have a year of bars
        folder = data / "tweet" / "preprocessed" / path.stem
        found.append(Sourced(prices=prices, news=_by_row(prices, _tweets(folder)) if folder.is_dir() else {}))
    if not found:
        raise FileError(f"{data} has the folders of StockNet and no prices in them")
    return found


def _tweets(folder: Path) -> Iterable[tuple[Any, str]]:
    """The day whose close came next after each tweet, and its words."""
    found = []
    for path in sorted(folder.iterdir()):
        for line in path.read_text(encoding="utf-8").splitlines():
            tweet = json.loads(line)
            stamp = datetime.strptime(tweet["created_at"], STAMP).replace(tzinfo=None)
            day = np.datetime64(stamp + timedelta(days=1) - CLOSE, "D")
            found.append((day, " ".join(tweet["text"])))
    return found


def _by_row(prices: Prices, said: Iterable[tuple[Any, str]]) -> dict[int, str]:
    """News by the first row whose day is not before it; the lines of a row in the order given."""
    lines: dict[int, list[str]] = defaultdict(list)
    for day, text in said:
        row = int(np.searchsorted(prices.dates, day))
        if row < len(prices) and str(text).strip() and (row > 0 or day == prices.dates[0]):
            lines[row].append(" ".join(str(text).split()))
    return {row: "\n".join(each) for row, each in lines.items()}
