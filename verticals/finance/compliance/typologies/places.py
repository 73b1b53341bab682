"""Payments with countries that are named on a list at the time, and small sums gathered for regions of conflict.

Knows countries and the dates of lists. Which country is on which list is the list's to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .....core.types import Array
from ..book import Book
from ..records import CASH, DAY
from .flow import moved, one_each
from .rule import MOST, Firing, cite
from .streams import Stream, replay, stream_of, window_count, window_sum

RISKY = ("call-for-action", "increased-monitoring")


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Payments with a listed country of `least` together within `days`, by a holder without a tie to that country."""

    days: float = 30
    least: float = 1_000.0
    pause_days: float = 60


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """Small sums, below `small` each, of `payers` or more, within `days`, and then a payment to a region of
    conflict.
    """

    small: float = 1_000.0
    payers: int = 3
    days: float = 14
    pause_days: float = 60


def exposure(book: Book, given: Exposure) -> Iterator[Firing]:
    """GEO."""
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)
    places, here, entry = abroad(book, RISKY)
    tied = np.array(
        [_tied(book, int(account), book.lists[int(e)].country) for account, e in zip(here, entry, strict=True)], bool
    )
    places, here, entry = places[~tied], here[~tied], entry[~tied]
    which = dict(zip(places.tolist(), entry.tolist(), strict=True))
    stream = stream_of(places, here, book.time[places])

    def check(first: int, last: int) -> Firing | None:
        seen = stream.places[first : last + 1]
        total = float(book.worth[seen].sum())
        if total < given.least:
            return None
        end = int(seen[-1])
        order = seen[np.argsort(-book.worth[seen], kind="stable")]
        return Firing(
            rule="GEO", subject=book.label(int(stream.subject[last])), at=int(book.time[end]),
            start=int(book.time[end]) - window, row=int(book.rows[end]),
            rows=cite([book.rows[end]], book.rows[order], most=MOST - 2), entries=(which[end],),
            measures={"payments": float(len(seen)), "total": total},
        )  # fmt: skip

    candidates = window_sum(stream, book.worth, window) >= given.least - 1e-6
    yield from replay(stream, candidates, window=window, pause=pause, check=check)


def pooled(book: Book, given: Pooled) -> Iterator[Firing]:
    """TF."""
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)
    out, here, entry = abroad(book, ("conflict",), outward=True)
    which = dict(zip(out.tolist(), entry.tolist(), strict=True))
    into = moved(book)
    into = into[(book.worth[into] < given.small) & np.isin(book.receiver[into], here)]
    both = np.concatenate([into, out])
    stream = stream_of(both, np.concatenate([book.receiver[into], here]), book.time[both])
    sent = np.isin(stream.places, out) & _own(book, stream)

    def check(first: int, last: int) -> Firing | None:
        seen = stream.places[first : last + 1]
        end, account = int(seen[-1]), int(stream.subject[last])
        small = seen[(book.receiver[seen] == account) & (book.worth[seen] < given.small)]
        payers = len(np.unique(book.sender[small]))
        if payers < given.payers:
            return None
        return Firing(
            rule="TF", subject=book.label(account), at=int(book.time[end]), start=int(book.time[end]) - window,
            row=int(book.rows[end]),
            rows=cite([book.rows[end]], book.rows[one_each(small, book.sender, book.worth)], most=MOST - 2),
            entries=(which[end],),
            measures={"payers": float(payers), "gathered": float(book.worth[small].sum()),
                      "sent": float(book.worth[end])},
        )  # fmt: skip

    candidates = sent & (window_count(stream, window) > given.payers)
    yield from replay(stream, candidates, window=window, pause=pause, check=check)


def abroad(book: Book, kinds: tuple[str, ...], *, outward: bool = False) -> tuple[Array, Array, Array]:
    """Payments with a country that was listed at the time: their places, the account here, and the entry that says
    so.
    """
    countries = np.array([each.country for each in book.entities.accounts], dtype="U2")
    found: list[tuple[Array, Array, Array]] = []
    for place in sorted(book.entries):
        listed = book.lists[place]
        if listed.list != "jurisdiction" or listed.kind not in kinds:
            continue
        there = np.concatenate([countries == listed.country, [False]])  # cash, -1, is nowhere
        during = (book.time >= listed.span.valid_from) & (book.time < listed.span.valid_to)
        for here, other in ((book.sender, book.receiver), (book.receiver, book.sender)):
            rows = np.flatnonzero(during & there[other] & ~there[here] & (here != CASH))
            rows = rows[~book.external[here[rows]]]
            found.append((rows, here[rows], np.full(len(rows), place)))
            if outward:
                break
    if not found:
        return (np.zeros(0, np.int64),) * 3
    rows, here, entry = (np.concatenate(each) for each in zip(*found, strict=True))
    _, first = np.unique(rows, return_index=True)  # a country on two lists is told once
    return rows[first], here[first], entry[first]


def _own(book: Book, stream: Stream) -> Array:
    return np.asarray(book.sender[stream.places] == stream.subject)


def _tied(book: Book, account: int, country: str) -> bool:
    """Whether the holder is known to come from or live in that country."""
    party = book.party_of(account)
    return party is not None and party.country == country
