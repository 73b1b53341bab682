"""What is known of cases: from truth.csv or a made-up world, and which alerts they make right. It knows no score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array
from ..tables.columns import columns_of
from .book import Book
from .records import Payments
from .simulation.ledger import Case
from .typologies.rule import Firing

COLUMNS = ("case", "typology", "planted", "parties", "accounts", "payments")
LINKED = ("SHELL", "SANCTION", "PEP", "IDENT-REUSE")  # typologies that hang on who somebody is


@dataclass(frozen=True, eq=False)
class Truth:
    """Cases that were wrong, and those that looked it and were not; payments by their places."""

    cases: tuple[Case, ...]

    def planted(self, typology: str | None = None) -> list[Case]:
        return [case for case in self.cases if case.planted and typology in (None, case.typology)]

    def right(self, firings: Sequence[Firing], book: Book) -> Array:
        """For each firing, whether it points at a case that was planted."""
        return np.array(
            [any(points_at(firing, case, book) for case in self._about(firing)) for firing in firings], bool
        )

    def _about(self, firing: Firing) -> list[Case]:
        """Planted cases with the firing's subject in them."""
        index: dict[str, list[Case]] = self.__dict__.setdefault("_index", {})
        if not index:
            index[""] = []
            for case in self.planted():
                for each in (*case.parties, *case.accounts):
                    index.setdefault(each, []).append(case)
        return index.get(firing.subject, [])


def points_at(firing: Firing, case: Case, book: Book) -> bool:
    """Whether a firing is about a case: its subject is in it, and it cites its payments, or hangs on who they are."""
    if firing.subject not in case.parties and firing.subject not in case.accounts:
        return False
    if not set(firing.rows).isdisjoint(case.payments):
        return True
    return case.typology in LINKED and firing.rule == case.typology


def read_truth(path: Path, payments: Payments) -> Truth:
    """Cases of a table, for these payments.

    Raises:
        FileError, FormatError: no such table, or a case with a payment that is not there.
    """
    columns = columns_of(path, numbers=False)
    lost = [each for each in COLUMNS if each not in columns]
    if lost:
        raise FormatError(f"{path.name} has no column {', '.join(lost)}; it has {', '.join(columns)}"[:300])
    places = {str(name): place for place, name in enumerate(payments.id)}
    cases = []
    for row in zip(*(columns[each] for each in COLUMNS), strict=True):
        name, typology, planted, parties, accounts, paid = (cell.strip() for cell in row)
        if planted not in ("true", "false"):
            raise FormatError(f"{path.name}, case {name}: planted is true or false, got {planted!r}")
        unknown = [each for each in _split(paid) if each not in places]
        if unknown:
            raise FormatError(f"{path.name}, case {name}: {unknown[0]!r} is no payment")
        cases.append(
            Case(id=name, typology=typology, planted=planted == "true", parties=_split(parties),
                 accounts=_split(accounts), payments=tuple(places[each] for each in _split(paid)))
        )  # fmt: skip
    return Truth(tuple(cases))


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)
