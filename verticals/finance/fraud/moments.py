"""Moments as sources write them, to seconds since 1970 UTC: ISO with or without a zone, Unix seconds or milliseconds.

It knows nothing of payments, and refuses dates with slashes, whose day and month cannot be told apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array

_PLAIN = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?")
_NUMBER = re.compile(r"\d{9,10}(?:\.\d+)?|\d{12,13}")
MILLISECONDS = 1e11  # Unix time in seconds stays below it until the year 5138


def seconds_from(name: str, cells: Sequence[str]) -> Array:
    """Each moment in seconds since 1970 UTC; without a zone it is taken as UTC.

    Raises:
        FormatError: a cell that is no moment.
    """
    if all(map(_PLAIN.fullmatch, cells)):
        try:
            return np.array(cells, "datetime64[us]").astype(np.int64) / 1e6
        except ValueError:
            pass
    if all(map(_NUMBER.fullmatch, cells)):
        values = np.array(cells, np.float64)
        return np.where(values > MILLISECONDS, values / 1000, values)
    return np.array([_moment(name, row, cell.strip()) for row, cell in enumerate(cells, start=1)])


def _moment(name: str, row: int, cell: str) -> float:
    if _NUMBER.fullmatch(cell):
        value = float(cell)
        return value / 1000 if value > MILLISECONDS else value
    try:
        found = datetime.fromisoformat(cell)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{name}: payment {row}: {cell!r} is no moment: write YYYY-MM-DD HH:MM:SS") from error
