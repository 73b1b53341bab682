"""What speaks against an alert, from data and documents, and what an analyst would still have to see.

Everything said is counted from the book; nothing is weighed here. It knows no score.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .answers import Said
from .book import Book
from .ranking.counters import PLACE, accounts_of, party_of
from .records import CASH, PERSON, Party, day_of
from .review import rule_of
from .typologies.rule import Firing

STEADY = 2  # earlier firings of a rule that make a habit
HALF = 0.5


def against(book: Book, firing: Firing, row: np.ndarray) -> tuple[Said, ...]:
    """Reasons why an alert may be in order; `row` is its counters."""
    party = party_of(book, firing)
    return (*_habits(book, firing, row), *_others(book, firing, party, row), *_told(book, firing, party))


def missing(book: Book, firing: Firing) -> tuple[str, ...]:
    """What is not known and would help, most of all what is not known of the holder."""
    found = []
    party = party_of(book, firing)
    if party is None:
        found.append("who holds the account")
    elif party.kind == PERSON:
        found += ["date of birth of the holder"] if not party.birth else []
        found += ["declared income of the holder"] if math.isnan(party.income) else []
    unnamed = {end for end in _ends(book, firing) if book.party_of(end) is None}
    if unnamed:
        found.append(f"who holds {len(unnamed)} of the accounts at the other end")
    if book.documents is None:
        found.append("documents: none were given")
    elif party is not None and party.id not in book.stated:
        found.append("documents about the holder: there is none")
    if firing.rule in ("SANCTION", "PEP") and firing.measures.get("birth", 1.0) == 0.0:
        found.append("a date of birth on both sides, to tell people of one name apart")
    return (*found, *rule_of(firing).asks)


def _habits(book: Book, firing: Firing, row: np.ndarray) -> Iterator[Said]:
    before = int(row[PLACE["same_before"]])
    if before >= STEADY:
        yield Said(sentence=f"The same pattern was there {before} times before: it may be this account's habit.",
                   source="payments")  # fmt: skip
    opened = min((int(book.opened[each]) for each in accounts_of(book, firing)), default=firing.at)
    years = (firing.at - opened) / (365.25 * 86_400)
    if 3 <= years < 50:
        yield Said(sentence=f"The account has been open for {years:.0f} years.", source="entities")


def _others(book: Book, firing: Firing, party: Party | None, row: np.ndarray) -> Iterator[Said]:
    """Who is at the other end."""
    ends = _ends(book, firing)
    known = [each for end in ends if (each := book.party_of(end)) is not None]
    if row[PLACE["owned_share"]] >= HALF:
        yield Said(sentence="Most of the other accounts belong to the same owner or group.", source="entities")
    kin = row[PLACE["family_share"]] + row[PLACE["home_share"]]
    if party is not None and party.kind == PERSON and kin >= HALF:  # of bodies, a shared address is no comfort
        yield Said(sentence="Most of the others share the holder's surname or address.", source="entities")
    public = sorted({each.name for each in known if each.kind == "FinancialInstitution"})
    if public:
        yield Said(
            sentence=f"Among the others is {', '.join(public[:2])}, a supervised institution.", source="entities"
        )
    notaries = sorted({each.name for each in known if each.occupation == "notary"})
    if notaries:
        yield Said(sentence=f"Among the others is {notaries[0]}, a notary.", source="entities")
    if party is not None and row[PLACE["country_tie"]] == 1:
        yield Said(sentence=f"The holder is from {party.country}, where the other account is.", source="entities")
    if firing.rule in ("SANCTION", "PEP") and firing.measures.get("birth", 0.0) < 0:
        yield Said(sentence="The dates of birth differ by more than a year.", source="lists")
    if party is not None and party.kind == "NotForProfitOrganization":
        yield Said(sentence="The holder is registered as a not-for-profit organisation.", source="entities")


def _told(book: Book, firing: Firing, party: Party | None) -> Iterator[Said]:
    """What documents state, with the clause; whether the numbers agree is said too."""
    said = book.stated.get(party.id) if party is not None else None
    if said is None:
        return
    cited = np.searchsorted(book.rows, np.array(firing.rows, np.int64))
    worth = float(book.worth[cited].sum()) if len(cited) else 0.0
    if said.relation is not None:
        yield Said(
            sentence=f"{said.relation[1].id}: relationship stated as {said.relation[0]!r}.", source=said.relation[1].id
        )
    for amount, clause in said.payments[:2]:
        agrees = "covers" if amount >= HALF * worth else "does not cover"
        yield Said(
            sentence=f"{clause.id}: a payment of {amount:,.0f} USD was announced on {day_of(clause.dated)}; "
            f"it {agrees} the {worth:,.0f} USD cited here.",
            source=clause.id,
        )  # fmt: skip
    countries = {book.account(end).country for end in _ends(book, firing)}
    for country, clause in said.countries:
        if country in countries:
            yield Said(sentence=f"{clause.id}: payments with {country} were announced.", source=clause.id)
    if said.turnover is not None:
        amount, clause = said.turnover
        yield Said(sentence=f"{clause.id}: a turnover of {amount:,.0f} USD a month is stated.", source=clause.id)


def _ends(book: Book, firing: Firing) -> set[int]:
    """The accounts of the cited payments that are not the subject's own."""
    cited = np.searchsorted(book.rows, np.array(firing.rows, np.int64))
    ends = {int(end) for place in cited for end in (book.sender[place], book.receiver[place])}
    return ends - set(accounts_of(book, firing)) - {CASH}
