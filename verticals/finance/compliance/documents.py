"""Documents about parties: text in sections, each with a head line and numbered clauses, and what the clauses state.

    ## KYC-17 | kyc | P000012 | 2025-03-01
    1. Relationship: payroll agent.
    2. Expected monthly turnover: USD 120,000.
    3. Expected countries: PH, MX.
    4. Expected payment: USD 240,000 (sale of a house).

A clause that states nothing of these kinds is kept as text. It judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ....core.errors import FormatError
from ....core.types import Text
from .money import rates_of
from .records import Clause, Documents
from .rows import moment

_HEAD = re.compile(r"^## *([^|\n]+)\|([^|\n]+)\|([^|\n]+)\|([^|\n]+)$", re.MULTILINE)
_CLAUSE = re.compile(r"^(\d{1,3})\. +(.+)$", re.MULTILINE)
_MONEY = r"([A-Z]{3}) ?([\d,]+(?:\.\d+)?)"
_TURNOVER = re.compile(rf"expected monthly turnover:? {_MONEY}", re.IGNORECASE)
_PAYMENT = re.compile(rf"expected payment:? {_MONEY}", re.IGNORECASE)
_COUNTRIES = re.compile(r"(?i:expected countries):? ((?:[A-Z]{2})(?:, ?[A-Z]{2})*)")
_RELATION = re.compile(r"relationship:? ([^.\n]+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """What a party's documents state, with the clause that does; amounts in the reference currency."""

    turnover: tuple[float, Clause] | None = None
    payments: tuple[tuple[float, Clause], ...] = ()
    countries: tuple[tuple[str, Clause], ...] = ()
    relation: tuple[str, Clause] | None = None


def read_documents(value: Any) -> Documents:
    """Clauses of a text, or those given.

    Raises:
        FormatError: not text, no section, or a section without clauses or with a head that does not fit.
    """
    if isinstance(value, Documents):
        return value
    text = value.text if isinstance(value, Text) else value
    if not isinstance(text, str):
        raise FormatError(f"documents is text, got {type(value).__name__}")
    clauses = tuple(_clauses(text))
    if not clauses:
        raise FormatError("documents has no section: one begins '## id | kind | party | YYYY-MM-DD', then '1. clause'")
    return Documents(text=text, clauses=clauses)


def stated(documents: Documents, *, known: float) -> Mapping[str, Stated]:
    """What is stated of each party in documents dated by then; the later document counts where both state a thing."""
    by_party: dict[str, list[Clause]] = {}
    for clause in sorted(documents.clauses, key=lambda each: each.dated):
        if clause.dated <= known:
            by_party.setdefault(clause.party, []).append(clause)
    return {party: _stated(clauses) for party, clauses in by_party.items()}


def _stated(clauses: list[Clause]) -> Stated:
    turnover: tuple[float, Clause] | None = None
    relation: tuple[str, Clause] | None = None
    payments: list[tuple[float, Clause]] = []
    countries: list[tuple[str, Clause]] = []
    for clause in clauses:
        if found := _TURNOVER.search(clause.text):
            turnover = (_worth(found), clause)
        if found := _PAYMENT.search(clause.text):
            payments.append((_worth(found), clause))
        if found := _COUNTRIES.search(clause.text):
            countries += [(code.strip(), clause) for code in found[1].split(",")]
        if found := _RELATION.search(clause.text):
            relation = (found[1].strip(), clause)
    return Stated(turnover=turnover, payments=tuple(payments), countries=tuple(countries), relation=relation)


def _worth(found: re.Match[str]) -> float:
    return float(found[2].replace(",", "")) * float(rates_of([found[1].upper()])[0])


def _clauses(text: str) -> Iterator[Clause]:
    heads = list(_HEAD.finditer(text))
    for head, after in zip(heads, [*heads[1:], None], strict=False):
        name, kind, party, day = (part.strip() for part in head.groups())
        dated = moment({"date": day}, "date", f"document {name}", default=float("nan"))
        found = list(_CLAUSE.finditer(text, head.end(), after.start() if after else len(text)))
        if dated != dated or not name or not party or not found:
            raise FormatError(
                f"document {name or head[0]!r} needs an id, a party, a date and clauses '1. ...' below it"
            )
        for each in found:
            yield Clause(
                document=name, kind=kind, party=party, dated=int(dated), number=int(each[1]), text=each[2].strip(),
                start=each.start(2), end=each.end(2),
            )  # fmt: skip
