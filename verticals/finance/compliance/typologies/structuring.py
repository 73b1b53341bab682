"""Cash that stays below the limit of a report: into one account, or into many that pass it on. Knows cash and days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..book import CHANNEL, Book
from ..records import DAY
from .rule import Firing, cite
from .streams import Stream, replay, stream_of, window_count


@dataclass(frozen=True, kw_only=True)
class BelowLimit:
    """`least` deposits, each from `from_share` of the limit to below it, within `days`."""

    limit: float = 10_000.0
    from_share: float = 0.8
    least: int = 3
    days: float = 5
    pause_days: float = 30


@dataclass(frozen=True, kw_only=True)
class Feeders:
    """`accounts` that each took cash below `limit` and passed it on to one account, which paid abroad, within
    `days`.
    """

    limit: float = 3_000.0
    accounts: int = 3
    days: float = 7
    abroad_share: float = 0.5
    pause_days: float = 30


def below_limit(book: Book, given: BelowLimit) -> Iterator[Firing]:
    """STRUCT-1."""
    cash = (book.channel == CHANNEL["cash_in"]) & (book.worth >= given.from_share * given.limit)
    places = np.flatnonzero(cash & (book.worth < given.limit))
    stream = stream_of(places, book.receiver[places], book.time[places])
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)

    def check(first: int, last: int) -> Firing | None:
        if last - first + 1 < given.least:
            return None
        seen = stream.places[first : last + 1]
        end = int(seen[-1])
        return Firing(
            rule="STRUCT-1", subject=book.label(int(book.receiver[end])), at=int(book.time[end]),
            start=int(book.time[end]) - window, row=int(book.rows[end]), rows=cite(book.rows[seen[::-1]]),
            measures={"deposits": float(len(seen)), "total": float(book.worth[seen].sum()), "limit": given.limit},
        )  # fmt: skip

    candidates = window_count(stream, window) >= given.least
    yield from replay(stream, candidates, window=window, pause=pause, check=check)


def feeders(book: Book, given: Feeders) -> Iterator[Firing]:
    """STRUCT-2."""
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)
    places = np.flatnonzero((book.channel == CHANNEL["cash_in"]) & (book.worth < given.limit))
    cash = stream_of(places, book.receiver[places], book.time[places])
    passed = np.flatnonzero((book.channel == CHANNEL["transfer"]) & (book.worth < 1.5 * given.limit * 3))
    since = cash.before(book.sender[passed], book.time[passed] - window)
    until = cash.before(book.sender[passed], book.time[passed] + 1)
    fed = until > since
    passed, last_cash = passed[fed], cash.places[until[fed] - 1]
    wires = np.flatnonzero(book.channel == CHANNEL["wire"])
    masters = np.intersect1d(book.receiver[passed], book.sender[wires])
    passed_here = np.isin(book.receiver[passed], masters)
    passed, last_cash = passed[passed_here], last_cash[passed_here]
    wires = wires[np.isin(book.sender[wires], masters)]
    both = np.concatenate([passed, wires])
    subject = np.concatenate([book.receiver[passed], book.sender[wires]])
    stream = stream_of(both, subject, book.time[both])
    deposit = dict(zip(passed.tolist(), last_cash.tolist(), strict=True))

    def check(first: int, last: int) -> Firing | None:
        return _collected(book, given, stream, deposit, first, last)

    candidates = (book.channel[stream.places] == CHANNEL["wire"]) & (window_count(stream, window) > given.accounts)
    yield from replay(stream, candidates, window=window, pause=pause, check=check)


def _collected(
    book: Book, given: Feeders, stream: Stream, deposit: dict[int, int], first: int, last: int
) -> Firing | None:  # fmt: skip
    """What reached the master account in a window, if enough feeders sent it and enough of it went abroad."""
    seen = [int(each) for each in stream.places[first : last + 1]]
    fed = {int(book.sender[each]): each for each in seen if each in deposit}
    wires = [each for each in seen if book.channel[each] == CHANNEL["wire"] and each not in deposit]
    came, went = float(book.worth[list(fed.values())].sum()), float(book.worth[wires].sum())
    if len(fed) < given.accounts or went < given.abroad_share * came:
        return None
    shown = list(fed.values())[:9]
    end = seen[-1]
    window = int(given.days * DAY)
    return Firing(
        rule="STRUCT-2", subject=book.label(int(book.sender[end])), at=int(book.time[end]),
        start=int(book.time[end]) - window, row=int(book.rows[end]),
        rows=cite([book.rows[end]], book.rows[shown], book.rows[[deposit[each] for each in shown]],
                  book.rows[wires[::-1]]),
        measures={"feeders": float(len(fed)), "collected": came, "abroad": went},
    )  # fmt: skip
