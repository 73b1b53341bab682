"""The nouns of card fraud: a stream of card events, what was later said of them, and the answer for each.

One row is one event, ascending in time. They know nothing of files, features or models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TypeAlias

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array

HOUR, DAY = 3600.0, 86400.0  # seconds
NEVER = np.inf  # a label that is never known
ABSURD = 1e9  # of any currency: no card pays it, a misread column does

Account: TypeAlias = Mapping[str, float | str]


@dataclass(frozen=True, kw_only=True, eq=False)
class CardEvents:
    """Payments by card, `[event]` each, times in seconds since 1970 UTC, not decreasing.

    `text` is the merchant's descriptor and `device` a fingerprint, "" where an event has none; None where the source
    has no such column. `account` is the row of the table of accounts, by card.

    Raises:
        FormatError: columns of different lengths, times that decrease, an id that stands twice, an empty card or
            terminal, an amount that is negative, absurd, NaN or infinite.
    """

    id: Array
    time: Array
    card: Array
    terminal: Array
    amount: Array
    text: Array | None = None
    device: Array | None = None
    account: Mapping[str, Account] | None = None
    name: str = "events"
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for column in ("time", "amount"):
            object.__setattr__(self, column, np.asarray(getattr(self, column), np.float64))
        for column in ("id", "card", "terminal", "text", "device"):
            values = getattr(self, column)
            if values is not None:
                values = np.asarray(values)
                object.__setattr__(self, column, values if values.dtype.kind == "U" else values.astype(str))
        _same_length(self.name, {column: getattr(self, column) for column in COLUMNS})
        _numbers(self.name, self.time, self.amount)
        for column in ("card", "terminal"):
            empty = np.flatnonzero(getattr(self, column) == "")
            if len(empty):
                raise FormatError(f"{self.name}: event {self.id[empty[0]]} has no {column} ({len(empty)} such events)")
        _in_order(self.name, self.time)
        _once(self.name, self.id)

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice | Array) -> CardEvents:
        """Some of the events, by a slice, a mask or ascending rows."""
        return _sliced(self, rows, COLUMNS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """What was said of events, `[event]` each: fraud or not, and since when that is known (seconds since 1970 UTC).

    `known_at` is infinite where it is never known: such an event must be read by nobody but a benchmark that scores.
    `scenario` is the simulator's reason, 0 for none; for benchmarks only.
    """

    fraud: Array
    known_at: Array
    scenario: Array | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fraud", np.asarray(self.fraud, bool))
        object.__setattr__(self, "known_at", np.asarray(self.known_at, np.float64))
        if self.scenario is not None:
            object.__setattr__(self, "scenario", np.asarray(self.scenario, np.int64))
        _same_length("labels", {field.name: getattr(self, field.name) for field in fields(self)})
        if np.isnan(self.known_at).any():
            raise FormatError("labels: known_at holds NaN: write infinity where a label is never known")

    def __len__(self) -> int:
        return len(self.fraud)

    def __getitem__(self, rows: slice | Array) -> Labels:
        """Some of the labels, by a slice, a mask or rows."""
        return _sliced(self, rows, ("fraud", "known_at", "scenario"))

    @classmethod
    def delayed(cls, events: CardEvents, fraud: Array, days: float, *, scenario: Array | None = None) -> Labels:
        """Labels that become known `days` after their event."""
        return cls(fraud=fraud, known_at=events.time + days * DAY, scenario=scenario)


COLUMNS = ("id", "time", "card", "terminal", "amount", "text", "device")


def _sliced(rows_of, rows: slice | Array, columns: tuple[str, ...]):  # type: ignore[no-untyped-def]
    found = {column: getattr(rows_of, column) for column in columns}
    return replace(rows_of, **{column: None if values is None else values[rows] for column, values in found.items()})


def _same_length(name: str, columns: Mapping[str, Array | None]) -> None:
    shapes = {column: values.shape for column, values in columns.items() if values is not None}
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        said = ", ".join(f"{column} {shape}" for column, shape in shapes.items())
        raise FormatError(f"{name}: every column is one row of values of the same length, got {said}")


def _numbers(name: str, time: Array, amount: Array) -> None:
    for column, values in (("time", time), ("amount", amount)):
        bad = int(len(values) - np.isfinite(values).sum())
        if bad:
            raise FormatError(
                f"{name}: {column} is missing, NaN or infinite in {bad} of {len(values)} events: drop them"
            )
    bad_rows = np.flatnonzero((amount < 0) | (amount > ABSURD))
    if len(bad_rows):
        worst = amount[bad_rows[0]]
        cure = "leave refunds out" if worst < 0 else "is the column of amounts the right one?"
        raise FormatError(
            f"{name}: the amount {worst:g} in row {bad_rows[0] + 1} is no payment ({len(bad_rows)} such): {cure}"
        )


def _in_order(name: str, time: Array) -> None:
    back = np.flatnonzero(np.diff(time) < 0)
    if len(back):
        row = int(back[0]) + 1
        raise FormatError(
            f"{name}: event {row + 1} is {time[row - 1] - time[row]:g} s before the one above it"
            f" ({len(back)} such): sort the events by time"
        )


def _once(name: str, ids: Array) -> None:
    if len(ids) < 2:
        return
    ordered = np.sort(ids)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        raise FormatError(
            f"{name}: the id {twice[0]!s} stands twice ({len(twice)} repeated): every event needs its own"
        )
