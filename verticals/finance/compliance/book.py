"""All that a review reads, as of a moment: payments as columns of numbers, who holds what, lists, what documents state.

What became known later is not in it. It can be cut: to a moment, to some payments, or without some; that is how proofs
are tried. It knows no rule.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array
from .documents import Stated, stated
from .money import rates_of
from .records import CASH, CHANNELS, PERSON, Account, Documents, Entities, Entry, Link, Party, Payments

CHANNEL = {name: place for place, name in enumerate(CHANNELS)}


class UnknownAccount(FormatError):
    """A payment from or to an account that the entities do not have."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Book:
    """Payments `[payment]` in the order in which they happened; ends are places of accounts, `CASH` where there is
    none.

    `rows` are their places in what was given. `worth` is in the reference currency. `links` and `entries` are the
    places that are known and still in it.
    """

    payments: Payments
    entities: Entities
    lists: tuple[Entry, ...]
    documents: Documents | None
    as_of: int
    rows: Array
    time: Array
    sender: Array
    receiver: Array
    amount: Array
    worth: Array
    channel: Array
    links: frozenset[int]
    entries: frozenset[int]

    def __len__(self) -> int:
        return len(self.rows)

    # ---- cuts -----------------------------------------------------------------------------------------------------

    def kept(self, rows: Array) -> Book:
        """The book with some of its payments only, by their places in it."""
        columns = {
            name: getattr(self, name)[rows]
            for name in ("rows", "time", "sender", "receiver", "amount", "worth", "channel")
        }
        return replace(self, **columns)

    def without(
        self, *, rows: Iterable[int] = (), links: Iterable[int] = (), entries: Iterable[int] = ()
    ) -> Book:  # fmt: skip
        """The book without some payments (by their places in what was given), links and entries."""
        gone = np.isin(self.rows, np.fromiter(rows, np.int64))
        book = self.kept(np.flatnonzero(~gone)) if gone.any() else self
        return replace(book, links=self.links - set(links), entries=self.entries - set(entries))

    def until(self, row: int) -> Book:
        """The book up to a payment, that payment included."""
        return self.kept(np.arange(int(np.searchsorted(self.rows, row)) + 1))

    # ---- who is who -----------------------------------------------------------------------------------------------

    @cached_property
    def holder(self) -> Array:
        """The place of the party that holds each account, -1 where none is known."""
        found = np.full(len(self.entities.accounts), -1, np.int64)
        for link in self.linked("holds"):
            found[self.entities.account_index[link.target]] = self.entities.party_index[link.source]
        return found

    @cached_property
    def holding(self) -> Mapping[int, tuple[int, ...]]:
        """The accounts of each party, by their places."""
        found: dict[int, list[int]] = {}
        for account, party in enumerate(self.holder):
            if party >= 0:
                found.setdefault(int(party), []).append(account)
        return {party: tuple(accounts) for party, accounts in found.items()}

    @cached_property
    def by_kind(self) -> Mapping[str, tuple[tuple[int, Link], ...]]:
        """Links that are known, and hold at some time up to now, by kind, with their places."""
        found: dict[str, list[tuple[int, Link]]] = {}
        for place, link in enumerate(self.entities.links):
            if place in self.links:
                found.setdefault(link.kind, []).append((place, link))
        return {kind: tuple(links) for kind, links in found.items()}

    def linked(self, kind: str) -> Sequence[Link]:
        return [link for _, link in self.by_kind.get(kind, ())]

    @cached_property
    def is_person(self) -> Array:
        return np.array([each.kind == PERSON for each in self.entities.parties], bool)

    @cached_property
    def stated(self) -> Mapping[str, Stated]:
        """What documents state of each party; empty without documents."""
        return {} if self.documents is None else stated(self.documents, known=self.as_of)

    @cached_property
    def income(self) -> Array:
        """Declared income a month by party, in the reference currency; NaN where none is known."""
        return np.array([each.income for each in self.entities.parties], np.float64)

    @cached_property
    def opened(self) -> Array:
        return np.array([each.opened for each in self.entities.accounts], np.int64)

    @cached_property
    def external(self) -> Array:
        """Accounts at other banks: their other payments are not seen."""
        return np.array([each.kind == "external" for each in self.entities.accounts], bool)

    @cached_property
    def birth_year(self) -> Array:
        """By party; 0 where it is not known."""
        return np.array([int(each.birth[:4] or 0) for each in self.entities.parties], np.int64)

    def party_of(self, account: int) -> Party | None:
        party = int(self.holder[account]) if account != CASH else -1
        return self.entities.parties[party] if party >= 0 else None

    def account(self, place: int) -> Account:
        return self.entities.accounts[place]

    def label(self, account: int) -> str:
        return "cash" if account == CASH else self.entities.accounts[account].id


def book_of(
    payments: Payments, entities: Entities, lists: Sequence[Entry] = (), documents: Documents | None = None, *,
    as_of: int | None = None,
) -> Book:  # fmt: skip
    """The book as it stood at `as_of` (None: when the last payment was known).

    Raises:
        UnknownAccount: a payment from or to an account that the entities do not have.
        FormatError: a document about a party that the entities do not have.
    """
    moment = int(payments.known_at.max()) if as_of is None and len(payments) else int(as_of or 0)
    sender, receiver = (_places(payments, ends, entities) for ends in ("sender", "receiver"))
    for clause in documents.clauses if documents is not None else ():
        if clause.party not in entities.party_index:
            raise FormatError(
                f"document {clause.document} is about {clause.party!r}, which is no party of the entities"
            )
    rows = np.flatnonzero((payments.known_at <= moment) & (payments.time <= moment))
    channels, which = np.unique(payments.channel, return_inverse=True)
    channel = (
        np.array([CHANNEL[str(each)] for each in channels], np.int8)[which] if len(payments) else np.zeros(0, np.int8)
    )
    return Book(
        payments=payments,
        entities=entities,
        lists=tuple(lists),
        documents=documents,
        as_of=moment,
        rows=rows,
        time=payments.time[rows],
        sender=sender[rows],
        receiver=receiver[rows],
        amount=payments.amount[rows],
        worth=(payments.amount * rates_of(payments.currency))[rows],
        channel=channel[rows],
        links=frozenset(
            place
            for place, each in enumerate(entities.links)
            if each.span.known_at <= moment and each.span.valid_from <= moment
        ),
        entries=frozenset(
            place for place, each in enumerate(lists) if each.span.known_at <= moment and each.span.valid_from <= moment
        ),
    )


def _places(payments: Payments, end: str, entities: Entities) -> Array:
    names, which = np.unique(getattr(payments, end), return_inverse=True)
    index = entities.account_index
    places = np.empty(len(names), np.int64)
    for number, name in enumerate(names):
        if name and str(name) not in index:
            payment = payments.id[int(np.argmax(which == number))]
            near = difflib.get_close_matches(str(name), list(index)[:5000], n=1)
            raise UnknownAccount(
                f"{payments.name}, payment {payment}: the {end} {str(name)!r} is no account of the entities"
                f"{f' (did you mean {near[0]!r}?)' if near else ''}: other banks' accounts are of kind 'external'"
            )
        places[number] = index[str(name)] if name else CASH
    return places[which]
