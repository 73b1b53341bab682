"""Dates as data sources write them, to days. It knows nothing of prices."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array

_ISO = re.compile(r"(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})(?:[ T].*)?$")
_SLASHED = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[ T].*)?$")
_SECONDS = re.compile(r"\d{9,10}(?:\.\d+)?$")
_MILLISECONDS = re.compile(r"\d{12,13}$")


def days_from(name: str, cells: Sequence[str]) -> Array:
    """`datetime64[D]` for each cell: ISO, compact, day/month/year or month/day/year, or Unix time.

    Whether day or month comes first is told from the whole column: the order in which every date exists and, if both
    would do, the one in which the dates rise, or fall, throughout.

    Raises:
        FormatError: a cell that is no date, or a column whose order cannot be told.
    """
    cells = [cell.strip() for cell in cells]
    if all(_SLASHED.match(cell) for cell in cells):
        return _slashed(name, cells)
    return np.array([_day(name, row, cell) for row, cell in enumerate(cells, start=2)], "datetime64[D]")


def _day(name: str, row: int, cell: str) -> np.datetime64:
    if _MILLISECONDS.match(cell):
        return np.datetime64(int(cell) // 1000, "s").astype("datetime64[D]")
    if _SECONDS.match(cell):
        return np.datetime64(int(float(cell)), "s").astype("datetime64[D]")
    found = _ISO.match(cell)
    if found is None:
        raise FormatError(f"{name}: row {row}: {cell!r} is no date: write YYYY-MM-DD")
    year, month, day = found.groups()
    try:
        return np.datetime64(f"{year}-{int(month):02d}-{int(day):02d}", "D")
    except ValueError as error:
        raise FormatError(f"{name}: row {row}: {cell!r} is no day of the calendar") from error


def _slashed(name: str, cells: Sequence[str]) -> Array:
    parts = [match.groups() for cell in cells if (match := _SLASHED.match(cell))]
    readings = []
    for month, day in ((0, 1), (1, 0)):
        try:
            texts = [f"{part[2]}-{int(part[month]):02d}-{int(part[day]):02d}" for part in parts]
            readings.append(np.array(texts, "datetime64[D]"))
        except ValueError:
            continue
    if not readings:
        raise FormatError(f"{name}: dates such as {cells[0]!r} exist neither month first nor day first")
    if len(readings) == 1:
        return readings[0]
    ordered = [each for each in readings if len(set(np.sign(np.diff(each).astype(int)))) == 1 and each[0] != each[1]]
    if len(ordered) != 1:
        raise FormatError(f"{name}: in dates such as {cells[0]!r} day and month cannot be told apart: write YYYY-MM-DD")
    return ordered[0]
