"""A guideline's table as data: rows with the conditions under which each applies, read with what is known.

Rows exclude each other and together leave no case out (a case on which the guideline is silent is a row that says so),
so what is not known leaves every row open that it does not exclude. It decides nothing by default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ....core.errors import ConfigError, InputError
from ....knowledge.rules import Condition, Rule, Statement, Value

Known = Mapping[str, Value | frozenset[Value] | None]  # None: not known; several: one of these


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row. `rank` orders rows from least to most urgent; `silent`: the guideline gives no advice here."""

    id: str
    says: str
    when: Mapping[str, Condition]
    rank: int
    category: str = ""
    silent: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """A row that what is known does not exclude, and the conditions that then hold of what is not known.

    `met`: conditions that every one of several possible values meets, each with one of these values.
    """

    row: Row
    provided: tuple[Condition, ...] = ()
    met: tuple[tuple[Condition, Value], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """Rows that are open (one where all that matters is known), what was used, and what would decide."""

    rows: tuple[Open, ...]
    decided_by: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A guideline by its id, its source, and its rows."""

    guideline: str
    source: str
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        if len({row.id for row in self.rows}) < len(self.rows):
            raise ConfigError(f"the rows of {self.guideline} need ids of their own")

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.id == name)

    def read(self, known: Known) -> Read:
        """The rows that `known` leaves open, and which inputs decide between them."""
        rows = tuple(each for each in (_opened(row, known) for row in self.rows) if each is not None)
        asked = dict.fromkeys(name for each in rows for name in each.row.when)
        unknown = {each.predicate for opened in rows for each in opened.provided}
        return Read(
            rows=rows,
            decided_by=tuple(name for name in asked if name not in unknown),
            missing=tuple(name for name in asked if name in unknown and len(rows) > 1),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Each row as rules: from the attributes of a nodule to the row, from there to category and management."""
        return tuple(rule for row in self.rows for rule in self._rules(row))

    def _rules(self, row: Row) -> tuple[Rule, ...]:
        name = f"{self.guideline}/{row.id}"
        on_row = (Condition(predicate="row", among=frozenset((name,))),)
        rules = [Rule(id=name, when=tuple(row.when.values()), then=Statement("?it", "row", name), source=self.source)]
        if row.category:
            rules.append(Rule(id=f"{name}/category", when=on_row, then=Statement("?it", "category", row.category)))
        rules.append(Rule(id=f"{name}/management", when=on_row, then=Statement("?it", "management", row.says)))
        return tuple(rules)


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """Rows that the known inputs leave open (one where all that matters is known), or why the guideline is silent."""

    guideline: str
    rows: tuple[str, ...]
    decided_by: tuple[str, ...]
    missing: tuple[str, ...]
    silent_because: tuple[str, ...] = ()
    open: tuple[Open, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        return tuple(each.row.says for each in self.open)


def _opened(row: Row, known: Known) -> Open | None:
    """The row with what must hold for it, or None where what is known excludes it."""
    provided, met = [], []
    for name, condition in row.when.items():
        value = known.get(name)
        possible = value if isinstance(value, frozenset) else frozenset(() if value is None else (value,))
        meets = [condition.meets(each) for each in possible]
        if possible and not any(meets):
            return None
        if not all(meets) or not possible:
            provided.append(condition)
        elif len(possible) > 1:
            met.append((condition, min(possible, key=str)))
    return Open(row=row, provided=tuple(provided), met=tuple(met))


def when(**conditions: str | bool | tuple[str, ...] | Condition) -> dict[str, Condition]:
    """Conditions by input: a value, several values, or a range made by `between`."""
    made: dict[str, Condition] = {}
    for name, each in conditions.items():
        if isinstance(each, Condition):
            made[name] = Condition(predicate=name, low=each.low, high=each.high)
        else:
            made[name] = Condition(predicate=name, among=frozenset(each if isinstance(each, tuple) else (each,)))
    return made


def between(low: float, high: float) -> Condition:
    """low <= value < high."""
    return Condition(predicate="", low=low, high=high)


def rounded(millimetres: float, digits: int) -> float:
    """A positive diameter to that many digits, halves up: 5.95 is 6.0 with one digit.

    Raises:
        InputError: not a positive number.
    """
    if not (math.isfinite(millimetres) and millimetres > 0):
        raise InputError(f"a diameter is a positive number of millimetres, got {millimetres}")
    return math.floor(round(millimetres, 6) * 10**digits + 0.5) / 10**digits
