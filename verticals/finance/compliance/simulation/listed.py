"""Dated lists for a made-up world, and people who are on them, or only bear such a name. All names are made up."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from .....knowledge.temporal import Span
from ..records import DAY, LEGAL_ENTITY, PERSON, Entry
from .background import GOODS
from .ledger import EPOCH
from .names import firm, person
from .people import Town
from .planted import begin
from .spelling import VARIANTS

SANCTIONED, EXPOSED = 60, 30
BEFORE = EPOCH - 400 * DAY
LISTED = (("XA", "call-for-action"), ("XB", "increased-monitoring"), ("XC", "conflict"), ("XD", "increased-monitoring"))


def lists(generator: Generator, days: int) -> list[Entry]:
    """Sanctions, exposed persons, jurisdictions and price bands; XD is named only half way through."""
    found = [_name("sanctions", place, generator) for place in range(SANCTIONED)]
    found += [_name("pep", place, generator) for place in range(EXPOSED)]
    for place, (country, kind) in enumerate(LISTED):
        since = float(EPOCH + days // 2 * DAY if country == "XD" else BEFORE)
        found.append(
            Entry(list="jurisdiction", id=f"J{place}", name=f"Country {country}", kind=kind, country=country,
                  span=Span(valid_from=since, known_at=since))
        )  # fmt: skip
    for place, (goods, (price, width)) in enumerate(GOODS.items()):
        span = Span(valid_from=float(BEFORE), known_at=float(BEFORE))
        found.append(
            Entry(
                list="price", id=f"G{place}", name=goods, low=price * (1 - width), high=price * (1 + width), span=span
            )
        )
    return found


def bearers(town: Town, entries: list[Entry], *, planted: int, lookalikes: int) -> None:
    """Customers who are on a list, bodies that they own, and customers who share no more than a name."""
    ledger, draw = town.ledger, town.ledger.generator
    people = [each for each in entries if each.list == "sanctions" and each.kind == "person"]
    exposed = [each for each in entries if each.list == "pep"]
    kinds = [name for name in VARIANTS if name not in ("initial", "middle name")]
    for _ in range(planted):
        entry = people[int(draw.integers(len(people)))]
        name = VARIANTS[str(draw.choice(kinds))](entry.name, draw)
        account = _customer(town, name, entry.birth if draw.random() < 0.8 else "", income=4_000)
        paid = _receipts(town, account, draw, large=draw.random() < 0.5)
        accounts, parties = [account], [ledger.holder[account]]
        if draw.random() < 0.6:
            body = ledger.party(LEGAL_ENTITY, country="US", occupation="trading")
            ledger.link(parties[0], "owns", ledger.parties[body].id, share=float(draw.choice((50.0, 60.0, 100.0))))
            accounts.append(ledger.account(body, opened_day=-300))
            parties.append(body)
            paid += _receipts(town, accounts[-1], draw, large=True)
        ledger.case("SANCTION", planted=True, accounts=accounts, payments=paid, parties=parties)
        entry = exposed[int(draw.integers(len(exposed)))]
        account = _customer(town, entry.name, entry.birth, income=5_000)
        wrong = draw.random() < 0.7  # large receipts of an exposed person may be in order too
        ledger.case("PEP", planted=bool(wrong), accounts=[account], payments=_receipts(town, account, draw, large=True))
    for _ in range(lookalikes):
        entry = people[int(draw.integers(len(people)))]
        birth = "" if draw.random() < 0.4 else f"{ledger.whole(1950, 2000)}-04-{ledger.whole(10, 28)}"
        name = entry.name if draw.random() < 0.5 else VARIANTS["slip"](entry.name, draw)
        account = _customer(town, name, birth, income=3_500)
        ledger.case("SANCTION", planted=False, accounts=[account], payments=_receipts(town, account, draw, large=False))
        entry = exposed[int(draw.integers(len(exposed)))]
        account = _customer(town, entry.name, entry.birth if draw.random() < 0.6 else "", income=9_000)
        paid = ledger.pay(ledger.moment(begin(ledger)), town.notaries[0], account, ledger.between(20_000, 90_000))
        if draw.random() < 0.7:
            ledger.document(ledger.holder[account], "Relationship: exposed person, source of wealth checked.",
                            "Expected payment: USD 90,000 (sale of a house).")  # fmt: skip
        ledger.case("PEP", planted=bool(draw.random() < 0.1), accounts=[account], payments=paid)


def _name(name: str, place: int, generator: Generator) -> Entry:
    body = name == "sanctions" and place % 5 == 4
    full = firm(generator) if body else person(generator, rare=0.7)
    aliases = () if body or generator.random() < 0.5 else (VARIANTS["transliteration"](full, generator),)
    birth = "" if body else f"{int(generator.integers(1945, 1985))}-{int(generator.integers(1, 13)):02d}-11"
    return Entry(
        list=name, id=f"{name[0].upper()}{place:03d}", name=full,
        aliases=tuple(each for each in aliases if each != full),
        kind="entity" if body else "person", birth=birth, country=str(generator.choice(("XA", "XB", ""))),
        span=Span(valid_from=float(BEFORE), known_at=float(BEFORE)),
    )  # fmt: skip


def _customer(town: Town, name: str, birth: str, *, income: float) -> int:
    ledger = town.ledger
    party = ledger.party(PERSON, name=name, birth=birth, country="US", occupation="employee", income=income)
    ledger.link(party, "located_in", ledger.thing("ADDR"))
    return ledger.account(party, opened_day=ledger.between(-900, -30))


def _receipts(town: Town, account: int, draw: Generator, *, large: bool) -> list[int]:
    ledger, paid = town.ledger, list[int]()
    day = begin(ledger)
    for step in range(ledger.whole(2, 5)):
        amount = float(draw.uniform(3_500, 15_000) if large else draw.uniform(300, 3_000))
        paid += ledger.pay(ledger.moment(day + 2 * step), town.stranger(), account, amount)
        paid += ledger.pay(
            ledger.moment(day + 2 * step + 1),
            account,
            town.stranger(),
            amount * float(np.clip(draw.normal(0.6, 0.2), 0.1, 1)),
        )
    return paid
