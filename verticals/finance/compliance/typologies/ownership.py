"""Who owns, directs and shares what: bodies without a visible owner, and identities that several use. Knows links
only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..book import Book
from ..records import DAY, LEGAL_ENTITY, PERSON, Link
from .rule import MOST, Firing, cite

Placed = Sequence[tuple[int, Link]]


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A legal body with payments of `least` or more within `days` and at least `signs` of: an address or phone of
    `together` bodies or more; a director of as many; `layers` or more of owners above it; declared owners of whom no
    person has more than `owner_share` per cent.
    """

    together: int = 5
    layers: int = 3
    owner_share: float = 25.0
    signs: int = 2
    least: float = 10_000.0
    days: float = 90


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """An identity document of two parties or more, or a device of `users` or more without an address or name in
    common.
    """

    users: int = 3


def shell(book: Book, given: Shell) -> Iterator[Firing]:
    """SHELL."""
    volume, last = _volume(book, given)
    at_place = [_grouped(book.by_kind.get(kind, ()), "target") for kind in ("located_in", "reachable_at")]
    directing = _grouped(book.by_kind.get("director_of", ()), "source")
    owners = _grouped(book.by_kind.get("owns", ()), "target")
    crowded = [links for where in at_place for links in where.values() if _crowded(links, "source", given.together)]
    busy = [links for links in directing.values() if _crowded(links, "target", given.together)]
    for place, party in enumerate(book.entities.parties):
        if party.kind != LEGAL_ENTITY or volume.get(place, 0.0) < given.least:
            continue
        signs: dict[str, tuple[int, ...]] = {}
        if shared := _joined(party.id, crowded, "source", given.together):
            signs["shared_place"] = shared
        if shared := _joined(party.id, busy, "target", given.together):
            signs["shared_director"] = shared
        chain = _longest(party.id, owners, ())
        if len(chain) >= given.layers:
            signs["layers"] = chain[:6]
        if party.id in owners and _largest_person(book, party.id, owners) <= given.owner_share:
            signs["no_owner"] = tuple(each for each, _ in owners[party.id])[:4]
        if len(signs) >= given.signs:
            links = tuple(dict.fromkeys(each for found in signs.values() for each in found))[:MOST]
            yield Firing(
                rule="SHELL",
                subject=party.id,
                at=last[place],
                start=last[place] - int(given.days * DAY),
                of_party=True,
                links=links,
                rows=_moving(book, place, given, MOST - len(links)),
                measures={
                    "signs": float(len(signs)),
                    "volume": volume[place],
                    **{name: float(len(each)) for name, each in signs.items()},
                },
            )


def reuse(book: Book, given: Reuse) -> Iterator[Firing]:
    """IDENT-REUSE. One firing a document or device, of the party that came to use it last."""
    addresses = _grouped(book.by_kind.get("located_in", ()), "source")
    at = book.as_of
    for kind, least in (("identified_by", 2), ("uses", given.users)):
        for shared in _grouped(book.by_kind.get(kind, ()), "target").values():
            users = {link.source: (place, link) for place, link in shared}
            parties = [book.entities.parties[book.entities.party_index[user]] for user in users]
            if len(users) < least or any(each.kind != PERSON for each in parties):
                continue
            homes = {link.target for user in users for _, link in addresses.get(user, ())[:1]}
            names = {each.name.split()[-1].lower() for each in parties}
            if kind == "uses" and (len(homes) < len(users) or len(names) < len(users)):
                continue  # a household
            newest = max(users.values(), key=lambda each: (each[1].span.known_at, each[0]))
            others = [place for place, _ in users.values() if place != newest[0]]
            links = (newest[0], *others[: MOST - 1])
            # without the newest's own link, too few others may still share: all of them are cited up to the limit
            yield Firing(
                rule="IDENT-REUSE", subject=newest[1].source, at=int(max(newest[1].span.known_at, 0)) or at,
                start=0, of_party=True, links=links,
                measures={"users": float(len(users)), "documents": float(kind == "identified_by")},
            )  # fmt: skip


def _crowded(links: Placed, end: str, together: int) -> bool:
    return len({getattr(link, end) for _, link in links}) >= together


def _joined(party: str, crowds: Sequence[Placed], end: str, together: int) -> tuple[int, ...]:
    """A party's own links to crowds, all of them, then others' links up to as many as make a crowd."""
    own = [place for crowd in crowds for place, link in crowd if getattr(link, end) == party]
    here = [crowd for crowd in crowds if any(getattr(link, end) == party for _, link in crowd)]
    others = [place for crowd in here[:1] for place, link in crowd if getattr(link, end) != party]
    return (*own[:3], *others[: together - 1]) if own else ()


def _volume(book: Book, given: Shell) -> tuple[dict[int, float], dict[int, int]]:
    """What moved through each party's accounts in the last days before its last payment, and when that was."""
    volume: dict[int, float] = {}
    last: dict[int, int] = {}
    for ends in (book.receiver, book.sender):
        known = ends >= 0
        party = np.where(known, book.holder[np.where(known, ends, 0)], -1)
        rows = np.flatnonzero(party >= 0)
        recent = rows[book.time[rows] > book.as_of - given.days * DAY]
        sums = np.bincount(party[recent], weights=book.worth[recent], minlength=0)
        for who in np.flatnonzero(sums):
            volume[int(who)] = volume.get(int(who), 0.0) + float(sums[who])
        for row in recent:
            last[int(party[row])] = max(last.get(int(party[row]), 0), int(book.time[row]))
    return volume, last


def _moving(book: Book, party: int, given: Shell, most: int) -> tuple[int, ...]:
    """The largest recent payments of a party that make up the volume asked for."""
    accounts = book.holding.get(party, ())
    mine = np.isin(book.sender, accounts) | np.isin(book.receiver, accounts)
    recent = np.flatnonzero(mine & (book.time > book.as_of - given.days * DAY))
    order = recent[np.argsort(-book.worth[recent], kind="stable")]
    needed = int(np.searchsorted(np.cumsum(book.worth[order]), given.least)) + 1
    return cite(book.rows[order[:needed]], most=most)


def _grouped(links: Placed, end: str) -> Mapping[str, list[tuple[int, Link]]]:
    found: dict[str, list[tuple[int, Link]]] = {}
    for place, link in links:
        found.setdefault(getattr(link, end), []).append((place, link))
    return found


def _longest(body: str, owners: Mapping[str, Placed], seen: tuple[str, ...]) -> tuple[int, ...]:
    """The longest chain of owners above a body, as links."""
    best: tuple[int, ...] = ()
    if len(seen) >= 8:
        return best
    for place, link in owners.get(body, ()):
        if link.source not in (*seen, body):
            chain = (place, *_longest(link.source, owners, (*seen, body)))
            best = chain if len(chain) > len(best) else best
    return best


def _largest_person(book: Book, body: str, owners: Mapping[str, Placed]) -> float:
    """The largest share of a body that one person has, through whatever bodies, in per cent."""
    shares: dict[str, float] = {}

    def climb(here: str, share: float, seen: tuple[str, ...]) -> None:
        for _, link in owners.get(here, ()):
            if link.source in seen or len(seen) > 8:
                continue
            part = share * link.share / 100
            if book.entities.parties[book.entities.party_index[link.source]].kind == PERSON:
                shares[link.source] = shares.get(link.source, 0.0) + part
            else:
                climb(link.source, part, (*seen, here))

    climb(body, 100.0, ())
    return max(shares.values(), default=0.0)
