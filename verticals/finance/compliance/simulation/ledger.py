"""Where a made-up world is written down while it is made: parties, accounts, links, payments, documents, cases.

Payments have a number when they are made, and an id only when the world is done and they are in the order of time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import Generator

from .....core.types import Array
from .....knowledge.temporal import Span
from ..records import CASH, DAY, PERSON, Account, Link, Party
from .names import firm, person

EPOCH = int(np.datetime64("2025-01-01", "s").astype(np.int64))
HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Case:
    """A case: the typology, who is in it (ids), the numbers of its payments. `planted`: it is wrong; `looks`: it
    looks so.
    """

    id: str
    typology: str
    planted: bool
    parties: tuple[str, ...]
    accounts: tuple[str, ...]
    payments: tuple[int, ...]
    looks: bool = True


@dataclass
class Ledger:
    """A world in the making. Ends of payments are places of accounts, `CASH` for cash."""

    generator: Generator
    days: int
    parties: list[Party] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    holder: dict[int, int] = field(default_factory=dict)
    count: int = 0
    chunks: list[dict[str, Array]] = field(default_factory=list)
    singles: list[tuple[Any, ...]] = field(default_factory=list)  # number, then the columns of a chunk

    # ---- who ------------------------------------------------------------------------------------------------------

    def party(self, kind: str = PERSON, **known: Any) -> int:
        """A new party; what is not said of it is drawn."""
        place = len(self.parties)
        name = known.pop("name", None) or (person if kind == PERSON else firm)(self.generator)
        self.parties.append(Party(id=f"P{place:06d}", kind=kind, name=name, **known))
        return place

    def account(self, party: int | None, *, opened_day: float = -1000.0, **known: Any) -> int:
        place = len(self.accounts)
        opened = EPOCH + int(opened_day * DAY)
        self.accounts.append(Account(id=f"A{place:06d}", opened=opened, known_at=opened, **{"country": "US", **known}))
        if party is not None:
            self.holder[place] = party
            self.link(party, "holds", self.accounts[place].id, known_day=opened_day)
        return place

    def link(self, source: int, kind: str, target: str, *, share: float = math.nan, known_day: float = -1000.0) -> None:
        since = EPOCH + int(known_day * DAY)
        span = Span(valid_from=float(since), known_at=float(since))
        self.links.append(Link(source=self.parties[source].id, kind=kind, target=target, share=share, span=span))

    def thing(self, prefix: str) -> str:
        return f"{prefix}-{int(self.generator.integers(10**9)):09d}"

    def far(self, country: str, *, named: bool = True) -> int:
        """An account at a bank abroad, its holder known by name or not at all."""
        holder = self.party(country=country) if named else None
        return self.account(holder, kind="external", country=country)

    # ---- what -----------------------------------------------------------------------------------------------------

    def pay(
        self, time: Any, sender: Any, receiver: Any, amount: Any, *, channel: str = "transfer", currency: str = "USD",
        goods: str = "", quantity: Any = math.nan,
    ) -> list[int]:  # fmt: skip
        """Payments, by arrays that are broadcast against each other; their numbers (-1: outside of the days)."""
        if not any(isinstance(each, (list, np.ndarray)) for each in (time, sender, receiver, amount, quantity)):
            if not EPOCH <= time < EPOCH + self.days * DAY:
                return [-1]
            row = (int(time), int(sender), int(receiver), max(round(float(amount), 2), 0.01), float(quantity))
            self.singles.append((self.count, *row, channel, currency, goods))
            self.count += 1
            return [self.count - 1]
        columns = np.broadcast_arrays(
            *(np.asarray(each, kind) for each, kind in (
                (time, np.float64), (sender, np.int64), (receiver, np.int64), (amount, np.float64),
                (quantity, np.float64),
            ))
        )  # fmt: skip
        when, sender, receiver, amount, quantity = (np.atleast_1d(each).ravel() for each in columns)
        good = (when >= EPOCH) & (when < EPOCH + self.days * DAY)
        numbers = np.full(len(when), -1)
        size = int(good.sum())
        numbers[good] = np.arange(self.count, self.count + size)
        self.chunks.append(
            {
                "number": numbers[good], "time": when[good].astype(np.int64), "sender": sender[good],
                "receiver": receiver[good],
                "amount": np.maximum(amount[good].round(2), 0.01), "quantity": quantity[good],
                "channel": np.full(size, channel, dtype="U8"), "currency": np.full(size, currency, dtype="U4"),
                "goods": np.full(size, goods, dtype="U12"),
            }
        )  # fmt: skip
        self.count += size
        return numbers[good].tolist()

    def slowed(self, since: int, factor: float) -> None:
        """The single payments from that number on, drawn out in time; the last days take those that would come
        later.
        """
        begin = min((row[1] for row in self.singles if row[0] >= since), default=0)
        end = EPOCH + self.days * DAY - HOUR
        for place, row in enumerate(self.singles):
            if row[0] >= since:
                self.singles[place] = (row[0], min(int(begin + factor * (row[1] - begin)), end), *row[2:])

    def columns(self) -> dict[str, Array]:
        """All payments, in the order of time."""
        kinds = (np.int64, np.int64, np.int64, np.int64, np.float64, np.float64, "U8", "U4", "U12")
        names = ("number", "time", "sender", "receiver", "amount", "quantity", "channel", "currency", "goods")
        single = {
            name: np.array(column, kind)  # type: ignore[call-overload]
            for name, kind, column in zip(names, kinds, zip(*self.singles, strict=True), strict=True)
        }
        found = {name: np.concatenate([*(chunk[name] for chunk in self.chunks), single[name]]) for name in names}
        order = np.argsort(found["time"], kind="stable")
        return {name: column[order] for name, column in found.items()}

    def case(
        self, typology: str, *, planted: bool, accounts: Sequence[int], payments: Sequence[int],
        parties: Sequence[int] = (),
    ) -> None:  # fmt: skip
        everyone = dict.fromkeys([*parties, *(self.holder[each] for each in accounts if each in self.holder)])
        self.cases.append(
            Case(
                id=f"{'C' if planted else 'L'}{len(self.cases):04d}", typology=typology, planted=planted,
                parties=tuple(self.parties[each].id for each in everyone),
                accounts=tuple(self.accounts[each].id for each in dict.fromkeys(accounts) if each != CASH),
                payments=tuple(payments), looks=planted,
            )
        )  # fmt: skip

    def document(self, party: int, *clauses: str, day: float = -30.0) -> None:
        name, date = f"KYC-{len(self.documents):05d}", str(np.datetime64(EPOCH + int(day * DAY), "s"))[:10]
        lines = [f"{number}. {clause}" for number, clause in enumerate(clauses, start=1)]
        self.documents.append("\n".join([f"## {name} | kyc | {self.parties[party].id} | {date}", *lines]))

    # ---- draws ----------------------------------------------------------------------------------------------------

    def moment(self, day: float, *, spread_hours: float = 4.0, hour: float = 13.0) -> float:
        """A time of that day, around an hour."""
        draw = float(np.clip(self.generator.normal(hour, spread_hours), 0.1, 23.9))
        return EPOCH + int(day) * DAY + draw * HOUR

    def between(self, low: float, high: float) -> float:
        return float(self.generator.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self.generator.integers(low, high + 1))
