"""Dated lists from one table: names under sanctions, exposed persons, jurisdictions at risk, price bands of goods.

A list has versions by its dates: an entry holds from `valid_from` to `valid_to` and is known from `known_at`.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from ....core.errors import FormatError
from ....knowledge.temporal import Span
from ..tables.columns import columns_of
from .records import LISTS, Entry
from .rows import Row, moment, number, only, word, words

COLUMNS = (
    "list", "id", "name", "aliases", "kind", "birth", "country", "low", "high", "valid_from", "valid_to", "known_at",
)  # fmt: skip
KINDS = ("call-for-action", "increased-monitoring", "conflict")  # of jurisdictions


def read_lists(value: Any) -> tuple[Entry, ...]:
    """Entries of a CSV or Parquet file, or those given.

    Raises:
        FileError, FormatError, UnknownName: not such a table, or a row that does not fit.
    """
    if isinstance(value, tuple) and all(isinstance(each, Entry) for each in value):
        return value
    if not isinstance(value, (str, Path)):
        raise FormatError(f"lists is a CSV or Parquet file, got {type(value).__name__}")
    path = Path(value)
    columns = columns_of(path, numbers=False)
    lost = [each for each in ("list", "id", "name") if each not in columns]
    if lost:
        raise FormatError(f"{path.name} has no column {', '.join(lost)}; it has {', '.join(columns)}"[:300])
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    entries = tuple(_entry(row, f"{path.name}, row {place}") for place, row in enumerate(rows, start=2))
    seen: set[tuple[str, str, float]] = set()
    for entry in entries:
        key = (entry.list, entry.id, entry.span.valid_from)
        if key in seen:
            raise FormatError(
                f"{path.name}: the entry {entry.id!r} of list {entry.list} is there twice from one day on"
            )
        seen.add(key)
    return entries


def _entry(row: Row, where: str) -> Entry:
    only(row, COLUMNS, where)
    name = word(row, "list", where, needed=True, among=LISTS)
    country, low, high = word(row, "country", where), number(row, "low", where), number(row, "high", where)
    if name == "jurisdiction" and not re.fullmatch(r"[A-Z]{2}", country):
        raise FormatError(f"{where}: a jurisdiction needs its ISO code of two capital letters, got {country!r}")
    if name == "price" and not 0 < low < high:
        raise FormatError(f"{where}: a price band needs 0 < low < high, got {low:g} and {high:g}")
    starts = moment(row, "valid_from", where, default=-math.inf)
    return Entry(
        list=name,
        id=word(row, "id", where, needed=True),
        name=word(row, "name", where, needed=True),
        aliases=words(row, "aliases", where),
        kind=word(row, "kind", where, among=KINDS if name == "jurisdiction" else ()),
        birth=word(row, "birth", where),
        country=country,
        low=low,
        high=high,
        span=Span(
            valid_from=starts,
            valid_to=moment(row, "valid_to", where, default=math.inf),
            known_at=moment(row, "known_at", where, default=starts if math.isfinite(starts) else 0.0),
        ),
    )
