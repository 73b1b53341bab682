"""A draft of what would be reported of an alert: who, what, when, where, why, how, as claims that are measured again.

Every number, date and name is a fact with its evidence: nothing is said that the book does not carry. It is a draft for
an analyst, who decides. It knows no score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from ....knowledge.claims import Claim, Evidence, Fact, Value
from .book import Book
from .graph import told
from .ranking.counters import party_of
from .records import CASH, day_of
from .review import rule_of
from .typologies.rule import Firing

HOW = {
    "STRUCT-1": "cash that each time stays below the limit of a report",
    "STRUCT-2": "small cash into several accounts, gathered in one and sent abroad",
    "RAPID": "money that leaves within days of its arrival",
    "FANIN": "many payers to one account within days",
    "FANOUT": "one account to many payees within days",
    "SCATTER-GATHER": "parts through several accounts to one",
    "CYCLE": "steps from account to account and back to the first",
    "DORMANT": "large sums through an account that slept",
    "ROUND": "a row of round sums",
    "GEO": "payments with a country that is on a list",
    "PROFILE": "receipts far beyond the declared means",
    "SHELL": "a body with shared places, directors or hidden owners",
    "MULE": "receipts of strangers in a new account, passed on at once",
    "LAYER": "a change to other money at once",
    "SANCTION": "a name, or an owner, that is on a list",
    "PEP": "large receipts of an exposed person",
    "TBML": "prices away from the market's",
    "TF": "small sums gathered for a region of conflict",
    "IDENT-REUSE": "one identity or device of several customers",
}


def claims_of(book: Book, firing: Firing, key: str) -> tuple[Claim, ...]:
    """The claims, citing evidence whose keys begin with `key`."""
    return tuple(
        claim for claim in (_who(book, firing, key), _what(book, firing, key), _when(book, firing, key),
                            _where(book, firing, key), _why(firing, key), _how(firing, key)) if claim is not None
    )  # fmt: skip


def evidence_of(book: Book, firing: Firing, key: str, *, figure: str = "") -> dict[str, Evidence]:
    """What the claims of a firing cite."""
    rule, entities = rule_of(firing), book.entities
    links = [f"{each.source} {each.kind} {each.target}" for each in (entities.links[place] for place in firing.links)]
    entries = [f"{each.list} {each.id} {each.name}" for each in (book.lists[place] for place in firing.entries)]
    lines = [*(told(book, row) for row in firing.rows), *links, *entries]
    return {
        f"{key} evidence": Evidence(
            kind="edge", shows=f"alert {key}: {firing.edges} cited edges", detail="\n".join(lines), figure=figure
        ),
        f"{key} rule": Evidence(
            kind="rule", shows=f"{rule.id}: {rule.title}",
            detail="\n".join([*(f"{each.id}: {each.says}" for each in rule.clauses), f"parameters: {rule.parameters}"]),
        ),
        f"{key} party": Evidence(kind="row", shows=f"entities: {firing.subject}"),
    }  # fmt: skip


def _who(book: Book, firing: Firing, key: str) -> Claim:
    def name() -> Value:
        party = party_of(book, firing)
        return party.name if party is not None else "an unknown holder"

    def kind() -> Value:
        party = party_of(book, firing)
        return party.kind if party is not None else "unknown"

    return Claim(
        kind="who",
        template="Who: {name} ({kind}), {subject}.",
        facts={
            "name": _fact(name, f"{key} party"), "kind": _fact(kind, f"{key} party"),
            "subject": _fact(lambda: firing.subject, f"{key} party"),
        },
    )  # fmt: skip


def _what(book: Book, firing: Firing, key: str) -> Claim | None:
    if not firing.rows:
        return Claim(
            kind="what", template="What: {count} links between customers and what they share.",
            facts={"count": _number(lambda: float(len(firing.links)), f"{key} evidence")},
        )  # fmt: skip
    rows = np.array(firing.rows)
    payments = book.payments

    def total() -> float:
        places = np.searchsorted(book.rows, rows)
        return float(book.worth[places].sum())

    return Claim(
        kind="what",
        template="What: {count} cited payments worth {total} together, by {channels}.",
        facts={
            "count": _number(lambda: float(len(rows)), f"{key} evidence"),
            "total": _number(total, f"{key} evidence", unit="USD", digits=0),
            "channels": _fact(lambda: ", ".join(sorted(set(payments.channel[rows].tolist()))), f"{key} evidence"),
        },
    )  # fmt: skip


def _when(book: Book, firing: Firing, key: str) -> Claim | None:
    if not firing.rows:
        return None
    time = book.payments.time

    def first() -> Value:
        return day_of(min(time[row] for row in firing.rows))

    def last() -> Value:
        return day_of(max(time[row] for row in firing.rows))

    return Claim(
        kind="when", template="When: from {first} to {last}.",
        facts={"first": _fact(first, f"{key} evidence"), "last": _fact(last, f"{key} evidence")},
    )  # fmt: skip


def _where(book: Book, firing: Firing, key: str) -> Claim | None:
    def countries() -> Value:
        ends = {
            end for row in firing.rows for place in [int(np.searchsorted(book.rows, row))]
            for end in (int(book.sender[place]), int(book.receiver[place])) if end != CASH
        }  # fmt: skip
        return ", ".join(sorted({book.account(end).country or "unknown" for end in ends})) or "unknown"

    if not firing.rows:
        return None
    return Claim(
        kind="where",
        template="Where: accounts in {countries}.",
        facts={"countries": _fact(countries, f"{key} evidence")},
    )


def _why(firing: Firing, key: str) -> Claim:
    rule = rule_of(firing)
    names = list(firing.measures)[:3]
    facts: dict[str, Fact] = {"rule": _fact(lambda: rule.id, f"{key} rule")}
    facts |= {f"m{'abc'[place]}": _measured(firing, name, key) for place, name in enumerate(names)}
    numbers = ", ".join(f"{name.replace('_', ' ')} {{m{'abc'[place]}}}" for place, name in enumerate(names))
    return Claim(kind="why", template=f"Why: rule {{rule}} holds with {numbers}; {rule.title.lower()}.", facts=facts)


def _how(firing: Firing, key: str) -> Claim:
    rule = rule_of(firing)
    return Claim(
        kind="how", template=f"How: {HOW[firing.rule]}; see {{clauses}}.",
        facts={"clauses": _fact(lambda: "; ".join(clause.id for clause in rule.clauses), f"{key} rule")},
    )  # fmt: skip


def _measured(firing: Firing, name: str, key: str) -> Fact:
    return _number(partial(_of, firing.measures, name), f"{key} evidence", digits=2)


def _of(measures: Mapping[str, float], name: str) -> float:
    return measures[name]


def _fact(measure: Callable[[], Value], evidence: str) -> Fact:
    return Fact(value=measure(), evidence=evidence, measure=measure)


def _number(measure: Callable[[], float], evidence: str, *, unit: str = "", digits: int = 0) -> Fact:
    return Fact(value=measure(), evidence=evidence, measure=measure, digits=digits, unit=unit)
