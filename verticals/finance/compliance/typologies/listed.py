"""Parties on a list, by name or by who owns them. Knows lists and shares; how names are compared is screening's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..book import Book
from ..records import DAY, LEGAL_ENTITY
from ..screening.screen import Hit, screen
from .rule import MOST, Firing

ROOM = 6  # payments shown beside a listed party
BIRTH = {"same": 1.0, "near": 0.5, "": 0.0, "differ": -1.0}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Names at least .92 alike (match.py), date of birth and country heard; `half` per cent owned by listed parties."""

    half: float = 50.0


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """A politically exposed holder, by name, whose accounts took `least` or more within `days`."""

    least: float = 10_000.0
    days: float = 30


def sanctioned(book: Book, given: Listed) -> Iterator[Firing]:
    """SANCTION: listed by name, or owned to half or more by those who are, together and through others."""
    hits = _hits(book, "sanctions")
    for party, hit in hits.items():
        yield _by_name(book, party, hit, "SANCTION")
    owned: dict[int, tuple[float, tuple[int, ...]]] = {}
    listed = {book.entities.parties[party].id for party in hits}
    owners: dict[str, list[int]] = {}
    for place, link in book.by_kind.get("owns", ()):
        owners.setdefault(link.target, []).append(place)
    blocked: dict[str, tuple[int, ...]] = dict.fromkeys(listed, ())
    grew = True
    while grew:
        grew = False
        for body, places in owners.items():
            through = [place for place in places if book.entities.links[place].source in blocked]
            share = sum(book.entities.links[place].share for place in through)
            if body not in blocked and share >= given.half:
                chain = (*through, *(each for place in through for each in blocked[book.entities.links[place].source]))
                blocked[body] = chain
                owned[book.entities.party_index[body]] = share, chain
                grew = True
    for party, (share, chain) in owned.items():
        roots = {book.entities.links[place].source for place in chain} & listed
        entries = tuple(hits[book.entities.party_index[root]].entry for root in sorted(roots))
        rows = _payments(book, party)
        yield Firing(
            rule="SANCTION", subject=book.entities.parties[party].id, at=_at(book, rows), start=0, of_party=True,
            links=tuple(dict.fromkeys(chain))[: MOST - ROOM - 2], entries=entries[:2], rows=tuple(sorted(rows)),
            measures={
                "owned": share,
                "score": min(hits[book.entities.party_index[root]].match.score for root in roots),
            },
        )  # fmt: skip


def exposed(book: Book, given: Exposed) -> Iterator[Firing]:
    """PEP."""
    for party, hit in _hits(book, "pep").items():
        accounts = book.holding.get(party, ())
        into = np.flatnonzero(np.isin(book.receiver, accounts))
        total = np.concatenate([[0.0], np.cumsum(book.worth[into])])
        since = np.searchsorted(book.time[into], book.time[into] - given.days * DAY, side="right")
        sums = total[1:] - total[since]
        if len(sums) and sums.max() >= given.least:
            peak = int(np.argmax(sums >= given.least))
            seen = into[since[peak] : peak + 1]
            shown = seen[np.argsort(-book.worth[seen], kind="stable")][: MOST - 1]
            firing = _by_name(book, party, hit, "PEP")
            yield Firing(
                rule="PEP", subject=firing.subject, at=int(book.time[into[peak]]), start=0, of_party=True,
                rows=tuple(sorted(int(each) for each in book.rows[shown])), entries=(hit.entry,),
                measures={**firing.measures, "came": float(sums[peak])},
            )  # fmt: skip


def _hits(book: Book, name: str) -> dict[int, Hit]:
    """The strongest hit of each party that holds an account or owns something, against one list."""
    entries = {place: book.lists[place] for place in sorted(book.entries) if book.lists[place].list == name}
    if not entries:
        return {}
    return {hit.party: hit for hit in reversed(screened(book, name))}


def screened(book: Book, name: str) -> tuple[Hit, ...]:
    """All hits against one list as of the book, kept with it: the same list is asked by several rules."""
    kept: dict[str, tuple[Hit, ...]] = book.__dict__.setdefault("_screened", {})
    if name not in kept:
        entries = {
            place: each
            for place in sorted(book.entries)
            if (each := book.lists[place]).list == name and each.span.valid_to > book.as_of
        }
        hits = screen(book.entities.parties, entries)
        kept[name] = tuple(
            hit
            for hit in hits
            if (book.entities.parties[hit.party].kind == LEGAL_ENTITY) == (entries[hit.entry].kind == "entity")
        )
    return kept[name]


def _by_name(book: Book, party: int, hit: Hit, rule: str) -> Firing:
    others = [
        each.entry
        for each in screened(book, "sanctions" if rule == "SANCTION" else "pep")
        if each.party == party and each.entry != hit.entry
    ]
    rows = _payments(book, party)
    return Firing(
        rule=rule, subject=book.entities.parties[party].id, at=_at(book, rows), start=0, of_party=True,
        rows=tuple(sorted(rows)), entries=(hit.entry, *others[:3]),
        measures={"score": hit.match.score, "name": hit.match.name, "birth": BIRTH[hit.match.birth]},
    )  # fmt: skip


def _payments(book: Book, party: int) -> list[int]:
    """The largest payments of a party, by their places in what was given."""
    accounts = book.holding.get(party, ())
    places = np.flatnonzero(np.isin(book.sender, accounts) | np.isin(book.receiver, accounts))
    return [int(each) for each in book.rows[places[np.argsort(-book.worth[places], kind="stable")][:ROOM]]]


def _at(book: Book, rows: list[int]) -> int:
    return int(book.payments.time[max(rows)]) if rows else book.as_of
