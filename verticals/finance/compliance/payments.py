"""Payments from a table: CSV of any delimiter, or Parquet with the extra `finance`; what cannot be is refused.

It knows no account: whether a name is one is for book.py to say.
"""

from __future__ import annotations

import time as clock
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import FormatError, UnknownName
from ....core.types import Array
from ..tables.columns import columns_of
from .money import rates_of
from .records import CHANNELS, DAY, Payments, written
from .rows import numbers, times, titled

COLUMNS: Mapping[str, Sequence[str]] = {
    "id": ("payment_id", "transaction_id", "tx_id"),
    "time": ("timestamp", "date", "datetime", "booked_at"),
    "sender": ("from", "from_account", "debtor_account", "originator", "source"),
    "receiver": ("to", "to_account", "creditor_account", "beneficiary", "target"),
    "amount": ("value",),
    "currency": ("ccy",),
    "channel": ("type", "method"),
    "known_at": (),
    "goods": (),
    "quantity": (),
}
NEEDED = ("id", "time", "sender", "receiver", "amount", "currency", "channel")
LARGEST = 1e10  # in the reference currency: more than any bank pays at once
ENDS = {"cash_in": ("receiver",), "cash_out": ("sender",)}  # the ends that are accounts; both, where nothing is said


def read_payments(value: Any) -> Payments:
    """Payments of a file, or those given.

    Raises:
        FileError, FormatError, UnknownName: no such table, a column missing, or a row that cannot be a payment.
    """
    if isinstance(value, Payments):
        return value
    if not isinstance(value, (str, Path)):
        raise FormatError(f"payments is a CSV or Parquet file, got {type(value).__name__}")
    path = Path(value)
    return payments_of(path.name, columns_of(path))


def payments_of(name: str, columns: Mapping[str, Sequence[str]]) -> Payments:
    """Payments of columns of text, sorted by time.

    Raises:
        FormatError, UnknownName: as `read_payments`.
    """
    titles = titled(name, columns, COLUMNS, NEEDED)
    cells = {field: [cell.strip() for cell in columns[title]] for field, title in titles.items()}
    count = len(cells["id"])
    _once(name, cells["id"])
    when = times(name, cells["time"], "time")
    known = np.maximum(times(name, cells["known_at"], "known_at"), 0) if "known_at" in cells else when
    amount = numbers(name, cells["amount"], "amount")
    channel = np.array(cells["channel"], dtype=str)
    for each in np.unique(channel):
        if each not in CHANNELS:
            raise UnknownName(f"channel ({name})", str(each), CHANNELS)
    _plausible(name, cells, when, known, amount)
    _ended(name, cells)
    order = np.argsort(when, kind="stable")
    empty = [""] * count
    return Payments(
        name=name,
        id=np.array(cells["id"], dtype=str)[order],
        time=when[order],
        sender=np.array(cells["sender"], dtype=str)[order],
        receiver=np.array(cells["receiver"], dtype=str)[order],
        amount=amount[order],
        currency=np.array(cells["currency"], dtype=str)[order],
        channel=channel[order],
        known_at=known[order],
        goods=np.array(cells.get("goods", empty), dtype=str)[order],
        quantity=numbers(name, cells.get("quantity", empty), "quantity")[order],
    )


def _once(name: str, ids: Sequence[str]) -> None:
    if len(set(ids)) == len(ids) and all(ids):
        return
    seen: dict[str, int] = {}
    for row, each in enumerate(ids, start=2):
        if not each:
            raise FormatError(f"{name}, row {row}: a payment needs an id")
        if each in seen:
            raise FormatError(f"{name}: the id {each!r} is in rows {seen[each]} and {row}: a payment is told once")
        seen[each] = row


def _plausible(name: str, cells: Mapping[str, Sequence[str]], when: Array, known: Array, amount: Array) -> None:
    def refuse(bad: Array, sentence: str) -> None:
        rows = np.flatnonzero(bad)
        if len(rows):
            row = int(rows[0])
            raise FormatError(f"{name}, row {row + 2} (payment {cells['id'][row]}): " + sentence.format(
                amount=cells["amount"][row], currency=cells["currency"][row], time=cells["time"][row]))  # fmt: skip

    refuse(
        ~(amount > 0), "amount {amount!r} is not above zero: turn sender and receiver round for money that goes back"
    )
    worth = amount * rates_of(cells["currency"])
    refuse(worth > LARGEST, "{amount} {currency} is more than any payment: is the decimal sign right?")
    refuse(when > clock.time() + DAY, f"time {{time}} lies after today, {written(clock.time())[:10]}")
    refuse(when < 0, "time {time} lies before 1970")
    refuse(known < when, "it was known before it happened, at {time}")


def _ended(name: str, cells: Mapping[str, Sequence[str]]) -> None:
    """Cash has one end that is an account, all else has two, of different names."""
    rows = zip(cells["id"], cells["sender"], cells["receiver"], cells["channel"], strict=True)
    for row, (each, sender, receiver, channel) in enumerate(rows, start=2):
        told = {"sender": sender, "receiver": receiver}
        needed = ENDS.get(channel, ("sender", "receiver"))
        if not all(told[end] for end in needed) or any(told[end] for end in told if end not in needed):
            raise FormatError(
                f"{name}, row {row} (payment {each}): a payment by {channel} has {' and '.join(needed)}"
                f"{'' if len(needed) == 2 else ' and nothing at its other end'}, got {sender!r} and {receiver!r}"
            )
        if sender == receiver:
            raise FormatError(f"{name}, row {row} (payment {each}): sender and receiver are both {sender!r}")
