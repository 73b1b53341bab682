"""Money followed from account to account: relays (most of what came in goes on), their fans and their circles.

Source of the counters: Graph Feature Preprocessor, Blanusa et al. 2024 (arXiv 2402.08593). Knows times and ratios.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .....core.types import Array
from ..book import CHANNEL, Book
from ..records import CASH, CHANNELS, DAY
from .rule import MOST, Firing, cite
from .streams import Stream, replay, stream_of, window_count

BUSY = 64  # payments into an account within the window: what goes on from such a hub is not followed


@dataclass(frozen=True, kw_only=True)
class Reunion:
    """One account's money through `between` others to one account, `keeps` of each part, within `days`."""

    between: int = 3
    days: float = 5
    keeps: float = 0.7
    least: float = 5_000.0
    smallest: float = 500.0
    pause_days: float = 30


@dataclass(frozen=True, kw_only=True)
class Circle:
    """Back at its origin in `fewest` to `most` steps within `days`, with `keeps` of its value."""

    fewest: int = 3
    most: int = 5
    days: float = 7
    keeps: float = 0.8
    smallest: float = 1_000.0
    pause_days: float = 30


@dataclass(frozen=True, kw_only=True)
class Layers:
    """What came in left within `hours` in virtual assets, or through `changes` of currency, `keeps` of it."""

    hours: float = 24
    keeps: float = 0.8
    changes: int = 2
    least: float = 3_000.0
    pause_days: float = 30


@dataclass(frozen=True, eq=False)
class Relays:
    """Pairs of payments: `first` into an account, `then` out of it, most of the value going on. Places in the book."""

    first: Array
    then: Array


def relays_of(book: Book, *, window: int, keeps: float, smallest: float, channels: tuple[str, ...]) -> Relays:
    """Every relay within the window, but through hubs that take more than `BUSY` payments in it."""
    kinds = [CHANNEL[name] for name in channels]
    places = np.flatnonzero(
        np.isin(book.channel, kinds) & (book.worth >= smallest) & (book.sender != CASH) & (book.receiver != CASH)
    )
    into = stream_of(places, book.receiver[places], book.time[places])
    since = into.before(book.sender[places], book.time[places] - window)
    until = into.before(book.sender[places], book.time[places] + 1)
    count = until - since
    count[count > BUSY] = 0
    then = np.repeat(places, count)
    offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    first = into.places[np.repeat(since, count) + offset]
    ratio = book.worth[then] / book.worth[first]
    good = (ratio >= keeps) & (ratio <= 1.02) & (first < then)
    return Relays(first[good], then[good])


def reunion(book: Book, given: Reunion) -> Iterator[Firing]:
    """SCATTER-GATHER."""
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)
    relays = relays_of(
        book, window=window, keeps=given.keeps, smallest=given.smallest, channels=("transfer", "wire", "cheque")
    )
    start, end = book.sender[relays.first], book.receiver[relays.then]
    apart = start != end
    first, then = relays.first[apart], relays.then[apart]
    _, pair = np.unique(np.column_stack([start[apart], end[apart]]), axis=0, return_inverse=True)
    stream = stream_of(np.arange(len(then)), pair.ravel(), book.time[then])
    # within one moment the order is that of the book, so that the last payment is what completes a pattern
    order = np.lexsort((then[stream.places], stream.time, stream.subject))
    stream = Stream(stream.places[order], stream.subject, stream.time)

    def check(lower: int, last: int) -> Firing | None:
        seen = stream.places[lower : last + 1]
        seen = seen[book.time[first[seen]] > stream.time[last] - window]
        between = {int(book.sender[then[each]]): int(each) for each in seen}
        if len(between) < given.between:
            return None
        shown = list(between.values())[::-1][: MOST // 2]
        total = float(book.worth[then[shown]].sum())
        if total < given.least:
            return None
        done = int(then[stream.places[last]])
        return Firing(
            rule="SCATTER-GATHER", subject=book.label(int(book.receiver[done])), at=int(book.time[done]),
            start=int(book.time[done]) - window, row=int(book.rows[done]),
            rows=cite([book.rows[done]], book.rows[then[shown]], book.rows[first[shown]]),
            measures={"between": float(len(between)), "total": total,
                      "kept": total / float(book.worth[first[shown]].sum())},
        )  # fmt: skip

    candidates = window_count(stream, window) >= given.between
    yield from _latest(replay(stream, candidates, window=window, pause=pause, check=check), pause)


def circle(book: Book, given: Circle) -> Iterator[Firing]:
    """CYCLE. The subject is the account where the money began and came back."""
    window = int(given.days * DAY)
    relays = relays_of(
        book, window=window, keeps=given.keeps, smallest=given.smallest, channels=("transfer", "wire", "cheque", "fx")
    )
    order = np.argsort(relays.first, kind="stable")
    first, then = relays.first[order], relays.then[order]
    begun = np.unique(first)
    paths = begun[:, None]
    found: list[tuple[int, ...]] = []
    for length in range(2, given.most + 1):
        low, high = np.searchsorted(first, paths[:, -1]), np.searchsorted(first, paths[:, -1], side="right")
        count = high - low
        offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        step = then[np.repeat(low, count) + offset]
        paths = np.column_stack([np.repeat(paths, count, axis=0), step])
        near = book.time[step] - book.time[paths[:, 0]] <= window
        near &= book.worth[step] >= given.keeps * book.worth[paths[:, 0]]
        visited = (book.receiver[step][:, None] == book.sender[paths[:, 1:]]).any(axis=1)
        back = book.receiver[step] == book.sender[paths[:, 0]]
        if length >= given.fewest:
            found += [tuple(path) for path in paths[near & back].tolist()]
        paths = paths[near & ~back & ~visited]
    yield from _circles(book, given, found)


def _circles(book: Book, given: Circle, found: list[tuple[int, ...]]) -> Iterator[Firing]:
    """The circles in the order in which they closed; one that began before the pause of its origin is over is left."""
    quiet: dict[int, int] = {}
    for path in sorted(found, key=lambda each: (each[-1], len(each), -each[0])):
        origin = int(book.sender[path[0]])
        if book.time[path[0]] <= quiet.get(origin, -1):
            continue
        quiet[origin] = int(book.time[path[-1]] + given.pause_days * DAY)
        yield Firing(
            rule="CYCLE", subject=book.label(origin), at=int(book.time[path[-1]]), start=int(book.time[path[0]]),
            row=int(book.rows[path[-1]]), rows=cite(book.rows[list(path)]),
            measures={"steps": float(len(path)), "sent": float(book.worth[path[0]]),
                      "kept": float(book.worth[path[-1]] / book.worth[path[0]])},
        )  # fmt: skip


def layers(book: Book, given: Layers) -> Iterator[Firing]:
    """LAYER: an exit into virtual assets, or currency changed again and again. The subject passed it on."""
    window, pause = int(given.hours * 3600), int(given.pause_days * DAY)
    relays = relays_of(
        book, window=window, keeps=given.keeps, smallest=given.least,
        channels=tuple(each for each in CHANNELS if each not in ("card", "cash_in", "cash_out", "trade")),
    )  # fmt: skip
    first, then = relays.first, relays.then
    crypto = (book.channel[then] == CHANNEL["crypto"]) & (book.channel[first] != CHANNEL["crypto"])
    money = book.payments.currency[book.rows]
    changed = money[first] != money[then]
    chains = [(int(a), int(b)) for a, b in zip(first[crypto], then[crypto], strict=True)]
    after = {int(a): int(b) for a, b in zip(first[changed], then[changed], strict=True)}
    for one in after:
        chain = [one]
        while chain[-1] in after and len(chain) <= given.changes:
            chain.append(after[chain[-1]])
        if len(chain) > given.changes:
            chains.append(tuple(chain))  # type: ignore[arg-type]
    quiet: dict[int, int] = {}
    for chain in sorted(chains, key=lambda each: (each[-1], -each[0])):  # type: ignore[assignment]
        subject, end = int(book.receiver[chain[0]]), int(chain[-1])
        if book.time[chain[0]] <= quiet.get(subject, -1):
            continue
        quiet[subject] = int(book.time[end]) + pause
        yield Firing(
            rule="LAYER", subject=book.label(subject), at=int(book.time[end]), start=int(book.time[chain[0]]),
            row=int(book.rows[end]), rows=cite(book.rows[list(chain)]),
            measures={"came": float(book.worth[chain[0]]), "left": float(book.worth[end]),
                      "hours": float(book.time[end] - book.time[chain[0]]) / 3600},
        )  # fmt: skip


def _latest(firings: Iterator[Firing], pause: int) -> Iterator[Firing]:
    """One firing of a subject in a pause, the earliest, of pairs that share it."""
    quiet: dict[str, int] = {}
    for each in sorted(firings, key=lambda firing: firing.row):
        if each.start <= quiet.get(each.subject, -1):
            continue
        quiet[each.subject] = each.at + pause
        yield each
