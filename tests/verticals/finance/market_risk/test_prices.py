"""Reading prices: what is read alike, and what is refused with the sentence that cures it."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError
from colonnade.core.types import Series
from colonnade.verticals.finance.market_risk.prices import read_prices
from colonnade.verticals.finance.market_risk.records import Prices
from colonnade.verticals.finance.market_risk.sources import sources_in

DAYS = 300
WITH_VOLUME = "Date,Open,High,Low,Close,Volume"


def bars(days: int = DAYS) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(0.01 * generator.standard_normal(days)))
    width = np.exp(0.004 + 0.01 * generator.random(days))
    dates = np.busday_offset("2015-01-05", np.arange(days), roll="forward")
    return {"date": dates, "open": close, "high": close * width, "low": close / width, "close": close}


def rows(days: int = DAYS) -> list[list[str]]:
    columns = bars(days)
    return [
        [str(columns["date"][row]), *(f"{columns[name][row]:.6f}" for name in ("open", "high", "low", "close"))]
        for row in range(days)
    ]


def write(
    path: Path,
    lines: list[list[str]],
    head: str = "Date,Open,High,Low,Close",
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> Path:
    text = "\n".join([head.replace(",", delimiter), *(delimiter.join(line) for line in lines)]) + "\n"
    path.write_bytes(text.encode(encoding))
    return path


def test_columns_delimiters_encodings_and_gzip_read_alike(tmp_path: Path) -> None:
    plain = read_prices(write(tmp_path / "a.csv", rows()))
    comma = [[line[0], *(cell.replace(".", ",") for cell in line[1:])] for line in rows()]
    others = [
        write(tmp_path / "b.csv", comma, head="DATE,open,HIGH,low,Close", delimiter=";"),
        write(tmp_path / "c.csv", rows(), delimiter="\t", encoding="utf-16"),
        write(tmp_path / "d.csv", rows(), head="timestamp,open,high,low,close", encoding="utf-8-sig"),
    ]
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    for path in [*others, tmp_path / "e.csv.gz"]:
        read = read_prices(path)
        assert np.array_equal(read.dates, plain.dates)
        assert np.array_equal(read.close, plain.close)


@pytest.mark.parametrize("style", ["%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%Y/%m/%d"])
def test_dates_are_told_from_the_whole_column(tmp_path: Path, style: str) -> None:
    lines = rows()
    dates = [np.datetime64(line[0]).item().strftime(style) for line in lines]
    read = read_prices(write(tmp_path / "a.csv", [[date, *line[1:]] for date, line in zip(dates, lines, strict=True)]))
    assert np.array_equal(read.dates, bars()["date"])


def test_unix_time_is_read_as_days(tmp_path: Path) -> None:
    lines = [[str(int(np.datetime64(line[0], "s").astype(int))), *line[1:]] for line in rows()]
    assert np.array_equal(read_prices(write(tmp_path / "a.csv", lines)).dates, bars()["date"])


def test_rows_filled_forward_are_dropped_with_a_warning(tmp_path: Path) -> None:
    lines = []
    for line in rows():
        lines.append(line)
        if np.is_busday(np.datetime64(line[0])) and np.datetime64(line[0]).item().weekday() == 4:
            lines += [[str(np.datetime64(line[0]) + ahead), *line[1:]] for ahead in (1, 2)]
    read = read_prices(write(tmp_path / "a.csv", lines))
    assert np.array_equal(read.dates, bars()["date"])
    assert "filled forward" in " ".join(read.warnings)
    assert read.periods == 252


@pytest.mark.parametrize("style", ["%Y-%m-%d", "%m/%d/%Y", "%d.%m.%Y"])
def test_rows_in_another_order_are_sorted_with_a_warning(tmp_path: Path, style: str) -> None:
    lines = [[np.datetime64(line[0]).item().strftime(style), *line[1:]] for line in rows()]
    read = read_prices(write(tmp_path / "down.csv", lines[::-1]))
    assert np.array_equal(read.dates, bars()["date"])
    assert np.array_equal(read.close, read_prices(write(tmp_path / "up.csv", lines)).close)
    assert "the rows stood the newest first and were sorted by date" in read.warnings
    mixed = [[line[0], *line[1:]] for line in rows()]
    mixed[10], mixed[20] = mixed[20], mixed[10]
    read = read_prices(write(tmp_path / "mixed.csv", mixed))
    assert np.array_equal(read.dates, bars()["date"])
    assert "sorted by date" in " ".join(read.warnings)


def rescaled(factor: float, row: int = 150) -> list[list[str]]:
    """The rows, with volume, and the bars before that one at another number of shares."""
    lines = [[*line, "1000"] for line in rows()]
    for line in lines[:row]:
        line[1:] = [*(str(float(cell) * factor) for cell in line[1:5]), str(1000 / factor)]
    return lines


@pytest.mark.parametrize(("factor", "kind"), [(7, "7 for 1"), (2, "2 for 1"), (0.1, "1 for 10")])
def test_a_split_that_was_not_adjusted_for_is_mended_and_told(tmp_path: Path, factor: float, kind: str) -> None:
    plain = read_prices(write(tmp_path / "plain.csv", rows()))
    read = read_prices(write(tmp_path / "split.csv", rescaled(factor), head=WITH_VOLUME))
    assert np.allclose(read.high, plain.high, rtol=1e-6)
    assert np.allclose(read.close, plain.close, rtol=1e-6)
    assert read.volume is not None
    assert np.allclose(read.volume, 1000)
    assert f"a split of {kind} on {plain.dates[150]} was not adjusted for" in " ".join(read.warnings)


def test_a_crash_is_not_taken_for_a_split(tmp_path: Path) -> None:
    lines = rescaled(2)
    low = float(lines[150][3])
    lines[150][1] = lines[150][2] = str(1.9 * low)  # the fall came within the day
    read = read_prices(write(tmp_path / "crash.csv", lines, head=WITH_VOLUME))
    assert np.abs(np.diff(np.log(read.close))).max() > 0.6
    assert "is a split not adjusted for?" in " ".join(read.warnings)


def test_opens_that_repeat_the_close_before_are_told(tmp_path: Path) -> None:
    lines = rows()
    for before, line in itertools.pairwise(lines):
        line[1] = before[4]
    assert "the open is the close of the day before" in " ".join(read_prices(write(tmp_path / "a.csv", lines)).warnings)


def changed(row: int, column: int, value: str) -> list[list[str]]:
    lines = rows()
    lines[row][column] = value
    return lines


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (changed(40, 3, "-1"), "prices must be above zero"),
        (changed(40, 4, "0"), "prices must be above zero"),
        (changed(40, 2, "1"), "is below the low"),
        (changed(40, 4, "nan"), "missing, NaN or infinite on 1 of 300"),
        (changed(40, 4, "inf"), "missing, NaN or infinite"),
        (changed(40, 4, ""), "missing, NaN or infinite"),
        (changed(40, 4, "abc"), "is no number"),
        (changed(40, 0, "2015-13-01"), "no day of the calendar"),
        (changed(40, 0, "soon"), "is no date"),
        (changed(40, 0, rows()[39][0]), "stands twice"),
        (rows()[:100], "holds 100 daily bars"),
        ([*rows()[:-1], rows()[-1][:3]], "has 3 cells"),
        ([], "a header and rows below it are needed"),
    ],
)
def test_what_no_forecast_can_be_made_from_is_refused_in_a_sentence(
    tmp_path: Path, lines: list[list[str]], says: str
) -> None:
    with pytest.raises(FormatError, match=says):
        read_prices(write(tmp_path / "a.csv", lines))


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no column high, low: it has Date, Close"):
        read_prices(write(tmp_path / "a.csv", [[line[0], line[4]] for line in rows()], head="Date,Close"))


@pytest.mark.parametrize("head", ["Date,Open,High,Low,Close,Close", "Date,Open,High,Low,Close,close"])
def test_a_column_that_stands_twice_is_refused(tmp_path: Path, head: str) -> None:
    lines = [[*line, "1.0"] for line in rows()]
    with pytest.raises(FormatError, match=r"has the column close more than once.*: keep the one that is meant"):
        read_prices(write(tmp_path / "a.csv", lines, head=head))
    read_prices(write(tmp_path / "b.csv", [[*line, ""] for line in lines], head="Date,Open,High,Low,Close,,"))


def test_channels_that_stand_twice_are_refused() -> None:
    columns = bars()
    values = np.column_stack([columns[name] for name in ("high", "low", "close", "close")])
    with pytest.raises(FormatError, match="more than once"):
        read_prices(
            Series(values=values, times=columns["date"].astype(int), channels=("high", "low", "close", "Close"))
        )


def news_beside(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    write(tmp_path / "aaa.csv", rows())
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "aaa.csv").write_bytes(text.encode(encoding))
    return tmp_path


def test_news_beside_prices_is_read_by_day_in_any_delimiter_and_encoding(tmp_path: Path) -> None:
    day, later = str(bars()["date"][100]), str(bars()["date"][101])
    text = f'Date;Text\n{day};"fell 3,5 %; a café warns"\n{day};calm\n{later};"two\nlines"\n'
    (found,) = sources_in(news_beside(tmp_path, text, "cp1252"))
    assert dict(found.news) == {100: "fell 3,5 %; a café warns\ncalm", 101: "two lines"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("date,text,text\n2015-03-02,a,b\n", "has the column text more than once"),
        ("date,text,Date\n2015-03-02,a,2015-03-02\n", "has the column date more than once"),
        ("date,words\n2015-03-02,a\n", "needs the columns date and text: it has date, words"),
        ("date,text\n", "a header and rows below it are needed"),
        ("date,text\n2015-03-02\n", "row 2 has 1 cells"),
        ("date,text\nsoon,a\n", "is no date"),
    ],
)
def test_news_that_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        sources_in(news_beside(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\x89PNG\x00\x01" * 100)
    with pytest.raises(FormatError, match="not a CSV text file"):
        read_prices(tmp_path / "a.csv")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"Date,Close\n" * 1000)[:20])
    with pytest.raises(FileError):
        read_prices(tmp_path / "a.csv.gz")


def test_a_core_series_is_read_by_the_names_of_its_channels() -> None:
    columns = bars()
    values = np.column_stack([columns[name] for name in ("high", "low", "close")])
    read = read_prices(Series(values=values, times=columns["date"].astype(int), channels=("High", "Low", "Close")))
    assert np.array_equal(read.dates, columns["date"])
    with pytest.raises(FormatError, match="no channel close"):
        read_prices(Series(values=values, times=columns["date"].astype(int), channels=("high", "low", "x")))


def test_a_market_that_never_closes_has_365_days_a_year() -> None:
    columns = bars()
    dates = np.datetime64("2015-01-01") + np.arange(DAYS)
    prices = Prices(name="x", dates=dates, high=columns["high"], low=columns["low"], close=columns["close"])
    assert prices.periods == 365


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no data at"):
        sources_in(tmp_path / "nothing")
