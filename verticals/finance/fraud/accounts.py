"""The table of accounts from a file: a row a card or customer, any columns; joined to payments by the card.

CSV of any delimiter and encoding (also gzip) or Parquet. `opened` (a date) or `account_days`, and `limit`, are read as
what they are; of other columns words and numbers are kept as they stand. What a decision must not rest on (sex,
marriage, origin, belief) is left out. It knows nothing of payments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ....core.errors import FormatError
from ..tables.columns import columns_of, titles_of
from .moments import seconds_from
from .records import Account

KEYS = (
    "card", "card_id", "customer_id", "cc_num", "card_number", "account_id", "client_id", "user_id", "account",
    "customer", "client", "pan",
)  # fmt: skip
OPENED = ("opened", "opened_at", "open_date", "account_opened", "member_since", "customer_since", "created_at")
DAYS = ("account_days", "tenure_days", "age_days")
LIMIT = ("limit", "credit_limit", "card_limit", "limit_bal")
BARRED = (
    "sex", "gender", "race", "ethnicity", "nationality", "religion", "marriage", "marital_status", "birth_date",
    "date_of_birth", "age", "country_of_birth", "disability",
)  # fmt: skip
UNSAID = ("", "nan", "none", "null", "<na>", "nat")
MOST = 40  # columns


class Accounts(NamedTuple):
    """The row of each card, and what was remarkable."""

    rows: Mapping[str, Account]
    warnings: tuple[str, ...]


def read_accounts(path: Path) -> Accounts:
    """Every row of a table of accounts by its card.

    Raises:
        FileError: the file cannot be read.
        FormatError: no column of cards, none beside it, or a card that stands twice with different values.
    """
    columns = columns_of(path)
    titles = titles_of(path.name, tuple(columns))
    key = next((titles[name] for name in KEYS if name in titles), None)
    if key is None:
        raise FormatError(
            f"{path.name} has no column that names the card ({', '.join(KEYS[:4])}...): it has {', '.join(columns)}"
        )
    barred = [name for name in titles if name in BARRED]
    kept = {name: columns[title] for name, title in titles.items() if title != key and name not in BARRED and name}
    if not kept or len(kept) > MOST:
        raise FormatError(f"{path.name} has {len(kept)} columns to read beside {key}: give 1 to {MOST}")
    cells = {noun: each for name, column in kept.items() for noun, each in [_column(path.name, name, column)]}
    warnings = [f"{', '.join(barred)} of {path.name} is not read: no decision may rest on it"] if barred else []
    rows: dict[str, Account] = {}
    again = 0
    for number, card in enumerate(cell.strip() for cell in columns[key]):
        account = {noun: values[number] for noun, values in cells.items() if values[number] is not None}
        if not card:
            raise FormatError(f"{path.name}: row {number + 2} names no card")
        if card in rows:
            if rows[card] != account:
                raise FormatError(
                    f"{path.name} has card {card} more than once with different values: keep the row that holds"
                )
            again += 1
        rows[card] = account  # type: ignore[assignment]
    if again:
        warnings.append(f"{again} rows of {path.name} repeat another one: counted once")
    return Accounts(rows, tuple(warnings))


def _column(name: str, title: str, cells: Sequence[str]) -> tuple[str, list[float | str | None]]:
    """The column's noun and its values: moments, numbers or words; None where nothing is said."""
    said = [cell.strip() for cell in cells]
    there = [row for row, cell in enumerate(said) if cell.lower() not in UNSAID]
    values: list[float | str | None] = [None] * len(said)
    if title in OPENED:
        moments = seconds_from(f"{name}, column {title}", [said[row] for row in there]).tolist() if there else []
        for row, moment in zip(there, moments, strict=True):
            values[row] = moment
        return "opened", values
    numbers = {row: _number(said[row]) for row in there}
    numeric = all(number is not None for number in numbers.values())
    for row in there:
        values[row] = numbers[row] if numeric else said[row].lower()
    noun = "account_days" if title in DAYS else "limit" if title in LIMIT else title
    if noun in ("account_days", "limit") and not numeric:
        wrong = next(said[row] for row in there if numbers[row] is None)
        raise FormatError(f"{name}: {wrong!r} in the column {title} is no number")
    return noun, values


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
