"""Trade paid at prices far from the market's. Knows quantities, prices and bands of a list, no goods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..book import CHANNEL, Book
from ..records import DAY
from .rule import Firing, cite
from .streams import replay, stream_of, window_count


@dataclass(frozen=True, kw_only=True)
class OffMarket:
    """`count` payments between two accounts within `days` at more than `beyond` above or below the band's middle, and
    outside of the band.
    """

    beyond: float = 0.4
    count: int = 2
    least: float = 10_000.0
    days: float = 90
    pause_days: float = 90


def off_market(book: Book, given: OffMarket) -> Iterator[Firing]:
    """TBML. The subject is the account here that paid, or was paid."""
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)
    trades = np.flatnonzero(book.channel == CHANNEL["trade"])
    quantity, goods = book.payments.quantity[book.rows[trades]], book.payments.goods[book.rows[trades]]
    price = book.worth[trades] / quantity
    off = np.full(len(trades), np.nan)
    entry = np.full(len(trades), -1)
    for place in sorted(book.entries):
        band = book.lists[place]
        if band.list != "price":
            continue
        during = (book.time[trades] >= band.span.valid_from) & (book.time[trades] < band.span.valid_to)
        same = (goods == band.name) & during
        ratio = price[same] / (0.5 * (band.low + band.high))
        outside = (price[same] < band.low) | (price[same] > band.high)
        off[same] = np.where(outside & (np.abs(ratio - 1) > given.beyond), ratio, np.nan)
        entry[same] = place
    bad = np.isfinite(off) & (book.worth[trades] >= given.least)
    places, entry, off = trades[bad], entry[bad], off[bad]
    which = dict(zip(places.tolist(), zip(entry.tolist(), off.tolist(), strict=True), strict=True))
    here = np.where(book.external[book.sender[places]], book.receiver[places], book.sender[places])
    stream = stream_of(places, here, book.time[places])

    def check(first: int, last: int) -> Firing | None:
        seen = stream.places[first : last + 1]
        end = int(seen[-1])
        pair = seen[(book.sender[seen] == book.sender[end]) & (book.receiver[seen] == book.receiver[end])]
        if len(pair) < given.count:
            return None
        return Firing(
            rule="TBML", subject=book.label(int(stream.subject[last])), at=int(book.time[end]),
            start=int(book.time[end]) - window, row=int(book.rows[end]), rows=cite(book.rows[pair[::-1]], most=16),
            entries=tuple(dict.fromkeys(which[int(each)][0] for each in pair))[:4],
            measures={"payments": float(len(pair)), "total": float(book.worth[pair].sum()),
                      "price_ratio": float(which[end][1])},
        )  # fmt: skip

    candidates = window_count(stream, window) >= given.count
    yield from replay(stream, candidates, window=window, pause=pause, check=check)
