"""The customers of a made-up bank and the bodies around them: households, employers, merchants, landlords, migrants.

It makes who there is; what they pay is in background.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..records import LEGAL_ENTITY, PERSON
from .ledger import Ledger

HOMES = ("MX", "PH", "IN", "PL", "NG", "XA", "XB", "XC")  # XA to XZ belong to no country
JOBS = ("employee", "student", "retired", "self-employed", "trader")


@dataclass
class Town:
    """Everyone by role, as places of accounts in the ledger (`savings` beside `people`, -1 where there is none)."""

    ledger: Ledger
    people: list[int] = field(default_factory=list)
    savings: list[int] = field(default_factory=list)
    income: list[float] = field(default_factory=list)
    job: list[str] = field(default_factory=list)
    home: list[str] = field(default_factory=list)
    employers: list[int] = field(default_factory=list)
    merchants: list[int] = field(default_factory=list)
    cash_shops: list[int] = field(default_factory=list)
    landlords: list[int] = field(default_factory=list)
    utilities: list[int] = field(default_factory=list)
    suppliers: list[int] = field(default_factory=list)
    notaries: list[int] = field(default_factory=list)
    strangers: list[int] = field(default_factory=list)
    exchange: int = -1
    state: int = -1
    taken: set[int] = field(default_factory=set)

    def someone(self, *, job: str | None = None, foreign: bool | None = None) -> int:
        """A person's account that is in no case yet."""
        draw = self.ledger.generator
        for _ in range(500):
            which = int(draw.integers(len(self.people)))
            fits = (job is None or self.job[which] == job) and (
                foreign is None or (self.home[which] != "US") == foreign
            )
            if fits and self.people[which] not in self.taken:
                self.taken.add(self.people[which])
                return self.people[which]
        return self.newcomer(job=job or "employee")

    def some(self, count: int) -> list[int]:
        return [self.someone() for _ in range(count)]

    def newcomer(self, *, job: str = "employee", birth: int | None = None, opened_day: float = -400.0) -> int:
        """A person who comes for a case, with an account of that day."""
        ledger = self.ledger
        year = birth or ledger.whole(1950, 2003)
        party = ledger.party(
            PERSON, birth=f"{year}-{ledger.whole(1, 12):02d}-{ledger.whole(1, 28):02d}", country="US", occupation=job,
            income=round(ledger.between(1800, 6500), -1),
        )  # fmt: skip
        ledger.link(party, "located_in", ledger.thing("ADDR"))
        ledger.link(party, "uses", ledger.thing("DEV"))
        return ledger.account(party, opened_day=opened_day)

    def company(self, job: str, *, opened_day: float = -900.0, owner: bool = True, country: str = "US") -> int:
        """A legal body with an owner of its own, an address and a director."""
        ledger = self.ledger
        body = ledger.party(LEGAL_ENTITY, country=country, occupation=job)
        ledger.link(body, "located_in", ledger.thing("ADDR"))
        if owner:
            person = ledger.party(
                PERSON, birth=f"{ledger.whole(1945, 1990)}-05-{ledger.whole(1, 28):02d}", country=country
            )
            ledger.link(person, "owns", ledger.parties[body].id, share=100.0)
            ledger.link(person, "director_of", ledger.parties[body].id)
        return ledger.account(body, opened_day=opened_day)

    def stranger(self) -> int:
        """An account at another bank."""
        return int(self.ledger.generator.choice(self.strangers))


def populate(ledger: Ledger, persons: int) -> Town:
    """A town of that many persons."""
    town, draw = Town(ledger), ledger.generator
    town.state = ledger.account(
        ledger.party("FinancialInstitution", name="State Treasury", country="US"), kind="external"
    )
    exchange = ledger.party("FinancialInstitution", name="Open Coin Exchange", country="US")
    town.exchange = ledger.account(exchange, kind="external")
    for role, count in (
        ("employers", max(3, persons // 25)), ("merchants", max(6, persons // 12)),
        ("landlords", max(2, persons // 40)),
        ("utilities", 4), ("suppliers", max(4, persons // 40)), ("notaries", max(1, persons // 300)),
    ):  # fmt: skip
        for _ in range(count):
            getattr(town, role).append(town.company(role[:-1] if role != "notaries" else "notary"))
    town.cash_shops = [
        int(each) for each in draw.choice(town.merchants, max(2, len(town.merchants) // 6), replace=False)
    ]
    town.strangers = [ledger.far("US", named=bool(draw.random() < 0.7)) for _ in range(max(30, persons // 3))]
    homes = _households(ledger, persons)
    for place in range(persons):
        _settle(town, homes[place])
    return town


def _settle(town: Town, household: tuple[str, str, str]) -> None:
    """One person with an account, and perhaps a savings account."""
    ledger, (address, device, family) = town.ledger, household
    year = ledger.whole(1940, 2006)
    job = str(ledger.generator.choice(JOBS, p=(0.66, 0.1, 0.14, 0.07, 0.03)))
    job = "retired" if year < 1958 else "student" if year > 2003 else job
    income = float(
        np.exp(ledger.generator.normal(8.3, 0.45)) * {"student": 0.3, "retired": 0.6, "trader": 2.0}.get(job, 1)
    )
    home = "US" if ledger.generator.random() < 0.88 else str(ledger.generator.choice(HOMES))
    said = round(income * ledger.between(0.8, 1.1), -1) if ledger.generator.random() < 0.9 else float("nan")
    party = ledger.party(
        PERSON,
        birth=f"{year}-{ledger.whole(1, 12):02d}-{ledger.whole(1, 28):02d}",
        country=home,
        occupation=job,
        income=said,
    )
    if family and ledger.generator.random() < 0.8:
        old = ledger.parties[party]
        ledger.parties[party] = type(old)(
            id=old.id, kind=old.kind, name=f"{old.name.split()[0]} {family}", birth=old.birth, country=old.country,
            occupation=old.occupation, income=old.income,
        )  # fmt: skip
    ledger.link(party, "located_in", address)
    ledger.link(party, "uses", device if ledger.generator.random() < 0.5 else ledger.thing("DEV"))
    opened = ledger.between(-3000, -100) if ledger.generator.random() < 0.93 else ledger.between(-60, ledger.days * 0.7)
    town.people.append(ledger.account(party, opened_day=opened))
    saves = ledger.generator.random() < 0.35
    town.savings.append(ledger.account(party, kind="savings", opened_day=opened) if saves else -1)
    town.income.append(income)
    town.job.append(job)
    town.home.append(home)


def _households(ledger: Ledger, persons: int) -> list[tuple[str, str, str]]:
    """Address, device and surname of each person's household."""
    from .names import person

    found: list[tuple[str, str, str]] = []
    while len(found) < persons:
        size = int(ledger.generator.choice((1, 2, 3, 4), p=(0.4, 0.3, 0.2, 0.1)))
        family = person(ledger.generator).split()[-1] if size > 1 else ""
        found += [(ledger.thing("ADDR"), ledger.thing("DEV"), family)] * size
    return found[:persons]
