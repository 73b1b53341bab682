"""Money that passes through an account, gathers there or spreads from there. Knows sums, counts and hours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .....core.types import Array
from ..book import CHANNEL, Book
from ..records import CASH, DAY
from .rule import MOST, Firing, cite
from .streams import Stream, replay, stream_of, window_count, window_sum

HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Through:
    """Within `hours`, from `low` to `high` of what came in went out again, at least `least` dollars; cards not
    counted.
    """

    hours: float = 72
    low: float = 0.9
    high: float = 1.0
    least: float = 5_000.0
    pause_days: float = 30


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """`others` different accounts at the other end within `days`, `least` dollars together."""

    others: int = 5
    days: float = 3
    least: float = 5_000.0
    pause_days: float = 30


@dataclass(frozen=True, kw_only=True)
class Mule:
    """An account younger than `new_days` that took from `payers` who never paid it before within `days`, and passed on
    `share` of it within that time; the holder is `young` at most or shares a device.
    """

    new_days: float = 60
    payers: int = 3
    days: float = 4
    share: float = 0.8
    least: float = 1_000.0
    young: int = 25
    pause_days: float = 30


def through(book: Book, given: Through) -> Iterator[Firing]:
    """RAPID. It looks when money leaves, and again at each payment until the share is met."""
    window, pause = int(given.hours * HOUR), int(given.pause_days * DAY)
    stream, inward = both_ways(book, book.channel != CHANNEL["card"])
    worth = np.where(inward, book.worth[stream.places], 0.0)
    gone = np.where(inward, 0.0, book.worth[stream.places])
    since = stream.since(window)
    came, went = (np.concatenate([[0.0], np.cumsum(each)]) for each in (worth, gone))
    index = np.arange(len(since)) + 1
    enough = came[index] - came[since] >= given.least - 1e-6
    enough &= went[index] - went[since] >= given.low * given.least - 1e-6

    def check(first: int, last: int) -> Firing | None:
        seen, side = stream.places[first : last + 1], inward[first : last + 1]
        into, out = (float(book.worth[seen[side == way]].sum()) for way in (True, False))
        if into < given.least or not given.low * into <= out <= given.high * into + 1e-6:
            return None
        largest = [seen[side == way][np.argsort(-book.worth[seen[side == way]])] for way in (True, False)]
        end = int(seen[-1])
        return Firing(
            rule="RAPID", subject=book.label(int(stream.subject[last])), at=int(book.time[end]),
            start=int(book.time[end]) - window, row=int(book.rows[end]),
            rows=cite([book.rows[end]], book.rows[largest[0][: MOST // 2]], book.rows[largest[1]],
                      book.rows[largest[0]]),
            measures={"came": into, "went": out, "share": out / into},
        )  # fmt: skip

    external = book.external[stream.subject]
    yield from replay(stream, enough & ~inward & ~external, window=window, pause=pause, check=check)


def fan_in(book: Book, given: Gathering) -> Iterator[Firing]:
    """FANIN."""
    yield from _fan(book, given, "FANIN", book.receiver, book.sender)


def fan_out(book: Book, given: Gathering) -> Iterator[Firing]:
    """FANOUT."""
    yield from _fan(book, given, "FANOUT", book.sender, book.receiver)


def _fan(book: Book, given: Gathering, rule: str, centre: Array, other: Array) -> Iterator[Firing]:
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)
    places = moved(book)
    places = places[~book.external[centre[places]]]
    stream = stream_of(places, centre[places], book.time[places])

    def check(first: int, last: int) -> Firing | None:
        seen = stream.places[first : last + 1]
        if len(np.unique(other[seen])) < given.others or book.worth[seen].sum() < given.least:
            return None
        end = int(seen[-1])
        return Firing(
            rule=rule, subject=book.label(int(stream.subject[last])), at=int(book.time[end]),
            start=int(book.time[end]) - window, row=int(book.rows[end]),
            rows=cite([book.rows[end]], book.rows[one_each(seen, other, book.worth)[: given.others]],
                      book.rows[seen[np.argsort(-book.worth[seen], kind="stable")]]),
            measures={"others": float(len(np.unique(other[seen]))), "total": float(book.worth[seen].sum())},
        )  # fmt: skip

    candidates = window_count(stream, window) >= given.others
    candidates &= window_sum(stream, book.worth, window) >= given.least - 1e-6
    yield from replay(stream, candidates, window=window, pause=pause, check=check)


def mule(book: Book, given: Mule) -> Iterator[Firing]:
    """MULE."""
    window, pause = int(given.days * DAY), int(given.pause_days * DAY)
    stream, inward = both_ways(book, book.channel != CHANNEL["card"])
    place = stream.places
    age = stream.time - book.opened[stream.subject]
    young = (age >= 0) & (age < given.new_days * DAY) & ~book.external[stream.subject]
    candidates = young & ~inward & (window_count(stream, window) > given.payers)
    sharing = sharing_devices(book)

    def check(first: int, last: int) -> Firing | None:
        account = int(stream.subject[last])
        seen, side = place[first : last + 1], inward[first : last + 1]
        start = int(np.searchsorted(stream.subject, account))
        earlier = set(book.sender[place[start:first][inward[start:first]]].tolist())
        new = [int(each) for each in seen[side] if book.sender[each] not in earlier and book.sender[each] != CASH]
        strangers = len({int(book.sender[each]) for each in new})
        out = seen[~side]
        came, went = float(book.worth[new].sum()), float(book.worth[out].sum())
        party = int(book.holder[account])
        years = _age(book, party, int(stream.time[last]))
        shared = sharing.get(party, ())
        if strangers < given.payers or came < given.least or went < given.share * came:
            return None
        if not (years <= given.young or shared):
            return None
        end = int(seen[-1])
        return Firing(
            rule="MULE", subject=book.label(account), at=int(book.time[end]), start=int(book.time[end]) - window,
            row=int(book.rows[end]), rows=cite([book.rows[end]], book.rows[new[::-1]], book.rows[out], most=MOST - 2),
            links=tuple(shared[:2]),
            measures={"payers": float(strangers), "came": came, "went": went, "age_days": float(age[last] // DAY),
                      "years": float(years)},
        )  # fmt: skip

    yield from replay(stream, candidates, window=window, pause=pause, check=check)


def moved(book: Book) -> Array:
    """Payments from account to account, cards and trade left out."""
    channels = [CHANNEL[name] for name in ("transfer", "wire", "cheque")]
    return np.flatnonzero(np.isin(book.channel, channels))


def both_ways(book: Book, counted: Array) -> tuple[Stream, Array]:
    """Every payment once under each account that it touches, and True where it came in."""
    out = np.flatnonzero(counted & (book.sender != CASH))
    into = np.flatnonzero(counted & (book.receiver != CASH))
    places = np.concatenate([out, into])
    subject = np.concatenate([book.sender[out], book.receiver[into]])
    way = np.concatenate([np.zeros(len(out), bool), np.ones(len(into), bool)])
    order = np.lexsort((places, book.time[places], subject))
    return Stream(places[order], subject[order], book.time[places[order]]), way[order]


def one_each(seen: Array, other: Array, worth: Array) -> Array:
    """The largest payment of each account at the other end, the largest first."""
    order = seen[np.argsort(-worth[seen], kind="stable")]
    _, first = np.unique(other[order], return_index=True)
    return order[np.sort(first)]


def sharing_devices(book: Book) -> dict[int, tuple[int, ...]]:
    """By party, the links to devices that others use too, and the others' links: its own first."""
    by_device: dict[str, list[int]] = {}
    for place, link in book.by_kind.get("uses", ()):
        by_device.setdefault(link.target, []).append(place)
    found: dict[int, tuple[int, ...]] = {}
    for places in by_device.values():
        users = {place: book.entities.party_index[book.entities.links[place].source] for place in places}
        if len(set(users.values())) > 1:
            for place, party in users.items():
                others = [each for each in places if users[each] != party]
                found[party] = (*found.get(party, ()), place, *others)
    return found


def _age(book: Book, party: int, at: int) -> float:
    if party < 0 or not book.birth_year[party]:
        return float("inf")
    return float(1970 + at / (365.25 * DAY) - book.birth_year[party])
