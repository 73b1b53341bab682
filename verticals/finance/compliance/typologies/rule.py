"""What a rule is, what it says when it fires, and how its proof is tried. It knows no typology.

A rule reads payments as they came: it fires at the payment that completes a pattern, and then keeps quiet for a while
about the same subject. So the evidence of a firing is what stood in the window at that moment; as of that moment and
without the evidence, the rule must be silent, and on the evidence alone it should speak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ..book import Book

MOST = 20  # edges that a reader is shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """A requirement, in our own words; `source` is the document and `place` where in it."""

    source: str
    place: str
    says: str

    @property
    def id(self) -> str:
        return f"{self.source}, {self.place}"


@dataclass(frozen=True, kw_only=True)
class Firing:
    """A pattern that is complete. `subject` is an account, or a party where `of_party`.

    `row` is the payment that completed it (-1: it hangs on no single one). `rows`, `links` and `entries` are the
    evidence,
    at most twenty edges together; `measures` are the numbers that met the rule's limits. `start` is when the window
    began.
    """

    rule: str
    subject: str
    at: int
    start: int
    row: int = -1
    rows: tuple[int, ...] = ()
    links: tuple[int, ...] = ()
    entries: tuple[int, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    of_party: bool = False

    @property
    def edges(self) -> int:
        return len(self.rows) + len(self.links) + len(self.entries)

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.rule, self.subject, self.row, self.at


Finder: TypeAlias = Callable[[Book, Any], Iterator[Firing]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A typology as facts: the clauses it rests on, its parameters, and what often looks the same and is lawful."""

    id: str
    title: str
    parameters: Any
    find: Finder
    clauses: tuple[Clause, ...]
    lawful: str
    asks: tuple[str, ...] = ()  # what an analyst would want to see

    def firings(self, book: Book) -> tuple[Firing, ...]:
        return tuple(self.find(book, self.parameters))


def silent_without(rule: Rule, book: Book, firing: Firing) -> bool:
    """Whether, as of the firing and without its evidence, the rule says nothing of its subject in its window."""
    then = book.until(firing.row) if firing.row >= 0 else book
    left = then.without(rows=firing.rows, links=firing.links, entries=firing.entries)
    return not any(_same(firing, each) for each in rule.find(left, rule.parameters))


def speaks_on(rule: Rule, book: Book, firing: Firing) -> bool:
    """Whether the rule fires of the same subject on the cited payments alone (accounts, holders and lists as known)."""
    only = book.kept(np.flatnonzero(np.isin(book.rows, firing.rows))) if firing.rows else book
    cited = set(firing.links)
    kinds = {book.entities.links[place].kind for place in cited}
    others = [place for place in book.links if place not in cited and book.entities.links[place].kind in kinds]
    left = only.without(links=[place for place in others if book.entities.links[place].kind != "holds"])
    return any(_same(firing, each) for each in rule.find(left, rule.parameters))


def _same(firing: Firing, other: Firing) -> bool:
    """One subject, and windows that overlap."""
    return other.subject == firing.subject and (firing.row < 0 or other.at >= firing.start)


def cite(*groups: Iterable[int], most: int = MOST) -> tuple[int, ...]:
    """Evidence in the order of its weight, each once, as many as a reader is shown, then in the order of time."""
    return tuple(sorted(list(dict.fromkeys(int(each) for group in groups for each in group))[:most]))
