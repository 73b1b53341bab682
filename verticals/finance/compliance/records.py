"""The nouns of compliance: parties, accounts, links between them, payments, list entries, documents. FIBO's class
names.

Times are whole seconds since 1970 in UTC. They check nothing: what is read is checked where it is read.
Source of the names: FIBO (EDM Council), modules FND, BE, FBC.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ....core.types import Array
from ....knowledge.temporal import Span

PERSON, LEGAL_ENTITY = "Person", "LegalEntity"
PARTIES = (PERSON, LEGAL_ENTITY, "Trust", "FinancialInstitution", "NotForProfitOrganization")
LINKS = ("holds", "owns", "controls", "director_of", "located_in", "reachable_at", "uses", "identified_by")
THINGS = {"located_in": "Address", "reachable_at": "Phone", "uses": "Device", "identified_by": "IdentityDocument"}
CHANNELS = ("transfer", "card", "cash_in", "cash_out", "wire", "crypto", "fx", "cheque", "trade")
LISTS = ("sanctions", "pep", "jurisdiction", "price")
CASH = -1  # where an account would stand
DAY = 86_400


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """A person or body; `income` is what was declared, a month, in the reference currency (NaN: not known)."""

    id: str
    kind: str
    name: str
    aliases: tuple[str, ...] = ()
    birth: str = ""
    country: str = ""
    occupation: str = ""
    income: float = math.nan
    known_at: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """An account here or at another bank (`external`); `country` is where it is kept."""

    id: str
    kind: str = "current"
    country: str = ""
    currency: str = "USD"
    opened: int = 0
    known_at: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """What joins a party to an account, a party or a thing; `share` in per cent, of `owns`."""

    source: str
    kind: str
    target: str
    share: float = math.nan
    span: Span = field(default_factory=Span)


@dataclass(frozen=True, kw_only=True, eq=False)
class Entities:
    """All that is known of parties and accounts, whenever it became known."""

    parties: tuple[Party, ...]
    accounts: tuple[Account, ...]
    links: tuple[Link, ...]

    @cached_property
    def party_index(self) -> dict[str, int]:
        return {each.id: place for place, each in enumerate(self.parties)}

    @cached_property
    def account_index(self) -> dict[str, int]:
        return {each.id: place for place, each in enumerate(self.accounts)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Payments:
    """Columns of equal length, in the order of time. `sender` and `receiver` are names of accounts ("" is cash).

    `quantity` (NaN: none) of `goods` is what a payment of trade pays for.
    """

    name: str
    id: Array
    time: Array
    sender: Array
    receiver: Array
    amount: Array
    currency: Array
    channel: Array
    known_at: Array
    goods: Array
    quantity: Array

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A row of a dated list: a name, a country or a price band, with when it held and when it was published."""

    list: str
    id: str
    name: str
    aliases: tuple[str, ...] = ()
    kind: str = ""
    birth: str = ""
    country: str = ""
    low: float = math.nan
    high: float = math.nan
    span: Span = field(default_factory=Span)


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """A clause of a document about a party: its text, and where it stands in the whole."""

    document: str
    kind: str
    party: str
    dated: int
    number: int
    text: str
    start: int
    end: int

    @property
    def id(self) -> str:
        return f"{self.document} §{self.number}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Documents:
    """The text as given, and its clauses."""

    text: str
    clauses: tuple[Clause, ...]


def lists_of(entries: Sequence[Entry], name: str) -> list[int]:
    """The places of the entries of one list."""
    return [place for place, each in enumerate(entries) if each.list == name]


def written(seconds: float) -> str:
    """A time as people write it; the hour only where it is not midnight."""
    text = str(np.datetime64(int(seconds), "s"))
    return text[:10] if text.endswith("T00:00:00") else text.replace("T", " ")[:16]


def day_of(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s"))[:10]
