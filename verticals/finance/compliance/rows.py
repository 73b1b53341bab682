"""Cells of a table to the types of a record: times, numbers, words, each refused in one sentence that names its place.

It knows no record.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ....core.errors import FormatError, UnknownName
from ....core.types import Array

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?")
LATEST = 4_102_444_800  # the year 2100: a time after it is no time
Row = Mapping[str, Any]


def titled(
    name: str, titles: Iterable[str], known: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> dict[str, str]:
    """The title of each field, by the names that it goes by.

    Raises:
        FormatError: a needed field has no column, or two.
    """
    plain = {title.strip().lower().replace(" ", "_"): title for title in titles}
    found: dict[str, str] = {}
    for field, aliases in known.items():
        here = [plain[each] for each in (field, *aliases) if each in plain]
        if len(here) > 1:
            raise FormatError(
                f"{name} has two columns for {field}: {here[0]!r} and {here[1]!r}: keep the one that is meant"
            )
        if here:
            found[field] = here[0]
    lost = [field for field in needed if field not in found]
    if lost:
        raise FormatError(
            f"{name} has no column for {', '.join(lost)}; it has {', '.join(list(plain)[:12])}: "
            f"rename them to {', '.join(needed)}"
        )
    return found


def times(name: str, cells: Sequence[str], what: str) -> Array:
    """Seconds since 1970 for ISO times, which are UTC unless they end in Z, which says the same.

    Raises:
        FormatError: a cell that is no such time.
    """
    trimmed = [cell.strip().removesuffix("Z").removesuffix("+00:00") for cell in cells]
    for row, cell in enumerate(trimmed, start=2):
        if not _TIME.fullmatch(cell):
            raise FormatError(
                f"{name}, row {row}: {what} {cells[row - 2]!r} is no time: write YYYY-MM-DDThh:mm:ss in UTC"
            )
    try:
        return np.array(trimmed, "datetime64[s]").astype(np.int64)
    except ValueError as error:
        raise FormatError(f"{name}: a {what} is no moment of the calendar: {error}") from error


def numbers(name: str, cells: Sequence[str], what: str) -> Array:
    """Numbers; NaN where a cell is empty.

    Raises:
        FormatError: a cell that is no finite number.
    """
    try:
        found = np.array([cell or "nan" for cell in cells], dtype="U40").astype(np.float64)
    except ValueError:
        found = np.array([_number(name, row, cell, what) for row, cell in enumerate(cells, start=2)])
    bad = np.flatnonzero(~np.isfinite(found) & np.array([bool(cell.strip()) for cell in cells]))
    if len(bad):
        raise FormatError(f"{name}, row {bad[0] + 2}: {what} {cells[bad[0]]!r} is no number")
    return found


def moment(row: Row, key: str, where: str, *, default: float) -> float:
    """A time in a row of an object, or the default where it is empty.

    Raises:
        FormatError: it is no time.
    """
    value = row.get(key)
    if value is None or value == "":
        return default
    if isinstance(value, str) and _TIME.fullmatch(value.strip().removesuffix("Z")):
        try:
            return float(np.datetime64(value.strip().removesuffix("Z"), "s").astype(np.int64))
        except ValueError as error:
            raise FormatError(f"{where}: {key} {value!r} is no day of the calendar") from error
    raise FormatError(f"{where}: {key} {value!r} is no time: write YYYY-MM-DD")


def number(row: Row, key: str, where: str) -> float:
    """A number in a row, or NaN where it is empty.

    Raises:
        FormatError: it is no finite number.
    """
    value = row.get(key)
    if value is None or value == "":
        return math.nan
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{where}: {key} {value!r} is no number") from error
    if not math.isfinite(found):
        raise FormatError(f"{where}: {key} {value!r} is no finite number")
    return found


def word(row: Row, key: str, where: str, *, needed: bool = False, among: Sequence[str] = ()) -> str:
    """Text in a row, trimmed.

    Raises:
        FormatError: it is missing or not text.
        UnknownName: it is none of `among`.
    """
    value = row.get(key, "")
    value = "" if value is None else str(value) if isinstance(value, (int, float)) else value
    if not isinstance(value, str) or (needed and not value.strip()):
        raise FormatError(f"{where} needs {key} as text, got {row.get(key)!r}")
    value = value.strip()
    if among and value and value not in among:
        raise UnknownName(f"{key} ({where})", value, among)
    return value


def words(row: Row, key: str, where: str) -> tuple[str, ...]:
    """Several words divided by |, or a list of them."""
    value = row.get(key)
    if isinstance(value, (list, tuple)):
        if not all(isinstance(each, str) for each in value):
            raise FormatError(f"{where}: {key} is a list of text, got {value!r:.60}")
        return tuple(each.strip() for each in value if each.strip())
    return tuple(part.strip() for part in word(row, key, where).split("|") if part.strip())


def only(row: Row, known: Sequence[str], where: str) -> None:
    """Raises UnknownName: a key that the record does not have."""
    for key in row:
        if key not in known:
            raise UnknownName(f"column ({where})", str(key), known)


def _number(name: str, row: int, cell: str, what: str) -> float:
    try:
        return float(cell or "nan")
    except ValueError as error:
        raise FormatError(f"{name}, row {row}: {what} {cell!r} is no number") from error
