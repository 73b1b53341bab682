"""What does not fit an account's own past, or what is known of its holder. Knows sums, history and declared income."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .....core.types import Array
from ..book import CHANNEL, Book
from ..records import CASH, DAY
from .flow import both_ways, moved
from .rule import MOST, Firing, cite
from .streams import replay, stream_of, window_count, window_sum


@dataclass(frozen=True, kw_only=True)
class Sleeper:
    """Nothing for `asleep_days`, then within `days` a payment of at least `least` whose logarithm lies `deviations`
    from the mean of the account's `history` or more earlier ones.
    """

    asleep_days: float = 180
    days: float = 7
    deviations: float = 4
    history: int = 3
    least: float = 5_000.0
    pause_days: float = 90


@dataclass(frozen=True, kw_only=True)
class RoundSums:
    """`least` payments out of at least `from_worth` within `days`, a `share` of them of whole hundreds."""

    share: float = 0.7
    count: int = 5
    from_worth: float = 1_000.0
    days: float = 14
    pause_days: float = 30


@dataclass(frozen=True, kw_only=True)
class BeyondMeans:
    """What came in within `days` is above `times` what the holder declared for a month, and at least `least`."""

    times: float = 5.0
    days: float = 30
    least: float = 10_000.0
    pause_days: float = 60


def sleeper(book: Book, given: Sleeper) -> Iterator[Firing]:
    """DORMANT."""
    stream, _ = both_ways(book, np.ones(len(book), bool))
    count = len(stream.places)
    if not count:
        return
    start = np.searchsorted(stream.subject, stream.subject)
    place = np.arange(count)
    gap = np.where(place > start, np.diff(stream.time, prepend=0), 0)
    woke = gap > given.asleep_days * DAY
    last_woke = np.maximum.accumulate(np.where(woke, place, -1))
    awake = (last_woke >= start) & (stream.time - stream.time[np.maximum(last_woke, 0)] <= given.days * DAY)
    large = book.worth[stream.places] >= given.least
    pause = int(given.pause_days * DAY)
    fresh: dict[int, int] = {}
    for index in np.flatnonzero(awake & large & ~book.external[stream.subject]):
        subject, wake = int(stream.subject[index]), int(last_woke[index])
        earlier = stream.places[start[index] : wake]
        if len(earlier) < given.history or stream.time[index] <= fresh.get(subject, -1):
            continue
        past, end = np.log(book.worth[earlier]), int(stream.places[index])
        spread = max(float(past.std()), 0.25)
        score = float((np.log(book.worth[end]) - past.mean()) / spread)
        if score < given.deviations:
            continue
        fresh[subject] = int(stream.time[index]) + pause
        yield Firing(
            rule="DORMANT", subject=book.label(subject), at=int(book.time[end]), start=int(stream.time[wake]),
            row=int(book.rows[end]), rows=cite([book.rows[end]], book.rows[earlier[::-1][: MOST - 1]]),
            measures={"asleep_days": float(gap[wake] // DAY), "worth": float(book.worth[end]), "deviations": score},
        )  # fmt: skip


def round_sums(book: Book, given: RoundSums) -> Iterator[Firing]:
    """ROUND."""
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)
    places = moved(book)
    places = places[(book.worth[places] >= given.from_worth) & ~book.external[book.sender[places]]]
    stream = stream_of(places, book.sender[places], book.time[places])
    whole = np.zeros(len(book), bool)
    whole[places] = np.isclose(book.amount[places] % 100, 0)

    def check(first: int, last: int) -> Firing | None:
        seen = stream.places[first : last + 1]
        share = float(whole[seen].mean())
        if whole[seen].sum() < given.count or share < given.share:
            return None
        end = int(seen[-1])
        return Firing(
            rule="ROUND", subject=book.label(int(stream.subject[last])), at=int(book.time[end]),
            start=int(book.time[end]) - window, row=int(book.rows[end]),
            rows=cite([book.rows[end]], book.rows[seen[whole[seen]][::-1]], book.rows[seen]),
            measures={"payments": float(len(seen)), "round": float(whole[seen].sum()), "share": share,
                      "total": float(book.worth[seen].sum())},
        )  # fmt: skip

    candidates = (window_sum(stream, whole.astype(np.float64), window) >= given.count) & whole[stream.places]
    yield from replay(stream, candidates, window=window, pause=pause, check=check)


def beyond_means(book: Book, given: BeyondMeans) -> Iterator[Firing]:
    """PROFILE. The subject is a party; what moves between its own accounts does not count."""
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)
    places, party = incoming(book)
    stream = stream_of(places, party, book.time[places])
    limit = np.maximum(given.times * _declared(book), given.least)
    total = window_sum(stream, book.worth, window)
    candidates = (window_count(stream, window) > 0) & (total > limit[stream.subject] - 1e-6)

    def check(first: int, last: int) -> Firing | None:
        seen, who = stream.places[first : last + 1], int(stream.subject[last])
        came = float(book.worth[seen].sum())
        if not came > limit[who]:
            return None
        end = int(seen[-1])
        order = seen[np.argsort(-book.worth[seen], kind="stable")]
        needed = int(np.searchsorted(np.cumsum(book.worth[order]), limit[who], side="right")) + 1
        return Firing(
            rule="PROFILE", subject=book.entities.parties[who].id, at=int(book.time[end]),
            start=int(book.time[end]) - window, row=int(book.rows[end]),
            rows=cite([book.rows[end]], book.rows[order[:needed]]), of_party=True,
            measures={"came": came, "declared": float(_declared(book)[who]),
                      "times": came / float(_declared(book)[who])},
        )  # fmt: skip

    yield from replay(stream, candidates, window=window, pause=pause, check=check)


def incoming(book: Book) -> tuple[Array, Array]:
    """Payments into accounts of known parties from others, and the place of the party; cards and trade left out."""
    places = np.flatnonzero(
        (book.receiver != CASH) & (book.channel != CHANNEL["card"]) & (book.channel != CHANNEL["trade"])
    )
    party = book.holder[book.receiver[places]]
    payer = np.where(book.sender[places] == CASH, -1, book.holder[book.sender[places]])
    other = (party >= 0) & (payer != party)
    return places[other], party[other]


def _declared(book: Book) -> Array:
    """Declared income by party; infinite where none is known, so that nothing exceeds it."""
    return np.where(np.isnan(book.income) | (book.income <= 0), np.inf, book.income)
