"""What people and firms pay when nothing is wrong: wages, rent, bills, shopping, cash, friends, savings, suppliers.

Vectorised over everyone: a hundred thousand payments take well under a second.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from .....core.types import Array
from ..records import CASH, DAY
from .ledger import EPOCH, HOUR, Ledger
from .people import Town

MONTH = 30
GOODS = {"copper": (9_000.0, 0.08), "cotton": (1_900.0, 0.12), "phones": (240.0, 0.15), "timber": (420.0, 0.2),
         "lithium": (14_000.0, 0.35)}  # fmt: skip


def live(town: Town) -> None:
    """Everything lawful and ordinary in the town's days."""
    ledger = town.ledger
    work(town)
    dwell(town)
    shop(town)
    befriend(town)
    trade(town)
    for party in ledger.generator.choice(len(ledger.parties), max(1, len(ledger.parties) // 20), replace=False):
        if not np.isnan(ledger.parties[int(party)].income):
            income = ledger.parties[int(party)].income
            ledger.document(int(party), f"Expected monthly turnover: USD {income * ledger.between(1, 1.5):,.0f}.")


def work(town: Town) -> None:
    """Wages and pensions at the end of a month, wages of one employer on one day."""
    ledger, draw = town.ledger, town.ledger.generator
    people, income = np.array(town.people), np.array(town.income)
    job = np.array(town.job)
    employer = draw.choice(town.employers + town.merchants, len(people))
    employer = np.where((job == "retired") | (job == "student"), town.state, employer)
    payday = draw.integers(24, 29, len(ledger.accounts))
    for month in range(-(-ledger.days // MONTH)):
        when = EPOCH + (month * MONTH + payday[employer]) * DAY + (9 + draw.normal(0, 0.3, len(people))) * HOUR
        paid = job != "self-employed"
        ledger.pay(when[paid], employer[paid], people[paid], (income * draw.normal(1, 0.02, len(people)))[paid])
        own = ~paid
        for _ in range(3):
            day = month * MONTH + draw.uniform(0, MONTH, own.sum())
            clients = draw.choice(town.strangers, own.sum())
            ledger.pay(EPOCH + day * DAY, clients, people[own], income[own] / 3 * draw.lognormal(0, 0.4, own.sum()))


def dwell(town: Town) -> None:
    """Rent to landlords, bills to utilities, some to savings."""
    ledger, draw = town.ledger, town.ledger.generator
    people, income = np.array(town.people), np.array(town.income)
    renting = draw.random(len(people)) < 0.55
    landlord = draw.choice(town.landlords, len(people))
    rent = np.round(np.clip(income * draw.uniform(0.2, 0.35, len(people)), 300, 3500) / 50) * 50
    saving = np.array(town.savings)
    saves = (saving >= 0) & (draw.random(len(people)) < 0.8)
    for month in range(-(-ledger.days // MONTH)):
        first = month * MONTH + draw.integers(0, 4, len(people))
        ledger.pay(_at(first[renting], draw), people[renting], landlord[renting], rent[renting])
        for _ in range(2):
            day = month * MONTH + draw.integers(2, 28, len(people))
            ledger.pay(
                _at(day, draw), people, draw.choice(town.utilities, len(people)), draw.lognormal(4.2, 0.4, len(people))
            )
        day = month * MONTH + draw.integers(26, 30, len(people))
        put = np.round(income * draw.uniform(0.02, 0.12, len(people)) / 10) * 10 + 10
        ledger.pay(_at(day[saves], draw), people[saves], saving[saves], put[saves])


def shop(town: Town) -> None:
    """Cards at merchants, cash from machines, the takings of shops that deal in cash."""
    ledger, draw = town.ledger, town.ledger.generator
    people = np.array(town.people)
    rate = draw.gamma(3, 5, len(people)) / MONTH
    buys = draw.poisson(rate * ledger.days)
    who = np.repeat(np.arange(len(people)), buys)
    merchant = draw.choice(town.merchants, len(who), p=_popular(len(town.merchants), draw))
    ledger.pay(
        _spread(len(who), ledger, draw), people[who], merchant, draw.lognormal(3.4, 0.8, len(who)), channel="card"
    )
    draws = draw.poisson(1.5 / MONTH * ledger.days, len(people))
    who = np.repeat(people, draws)
    ledger.pay(_spread(len(who), ledger, draw), who, CASH, draw.integers(1, 16, len(who)) * 20, channel="cash_out")
    for shop in town.cash_shops:
        level = draw.uniform(1500, 7000)
        count = int(ledger.days * draw.uniform(0.2, 0.45))
        takings = np.clip(level * draw.lognormal(0, 0.25, count), 200, 9_500)
        ledger.pay(_spread(count, ledger, draw), CASH, shop, takings, channel="cash_in")


def befriend(town: Town) -> None:
    """Transfers among friends, shared bills, gifts at the year's feasts, and what migrants send home."""
    ledger, draw = town.ledger, town.ledger.generator
    people, count = np.array(town.people), len(town.people)
    friends = (np.arange(count)[:, None] + draw.integers(1, max(2, min(60, count)), (count, 6))) % count
    sends = draw.poisson(1.2 / MONTH * ledger.days, count)
    who = np.repeat(np.arange(count), sends)
    to = friends[who, draw.integers(0, 6, len(who))]
    apart = who != to
    amount = draw.lognormal(3.8, 0.9, len(who))
    ledger.pay(_spread(len(who), ledger, draw)[apart], people[who][apart], people[to][apart], amount[apart])
    outside = draw.poisson(0.5 / MONTH * ledger.days, count)
    who = np.repeat(people, outside)
    ledger.pay(
        _spread(len(who), ledger, draw), who, draw.choice(town.strangers, len(who)), draw.lognormal(4.5, 1.1, len(who))
    )
    outside = draw.poisson(0.3 / MONTH * ledger.days, count)
    who = np.repeat(people, outside)
    ledger.pay(
        _spread(len(who), ledger, draw), draw.choice(town.strangers, len(who)), who, draw.lognormal(4.8, 1.2, len(who))
    )
    for which in np.flatnonzero(np.array(town.home) != "US"):
        relative = ledger.far(town.home[which])
        months = np.arange(-(-ledger.days // MONTH))
        sum_home = np.round(town.income[which] * draw.uniform(0.05, 0.25, len(months)) / 10) * 10 + 20
        ledger.pay(
            _at(months * MONTH + draw.integers(1, 28, len(months)), draw),
            people[which],
            relative,
            sum_home,
            channel="wire",
        )


def trade(town: Town) -> None:
    """Firms pay suppliers each week; importers pay for goods at market prices."""
    ledger, draw = town.ledger, town.ledger.generator
    firms = np.array(town.merchants + town.employers)
    for firm in firms:
        partners = draw.choice(town.suppliers, 2)
        count = int(draw.poisson(ledger.days / 9))
        ledger.pay(_spread(count, ledger, draw), firm, draw.choice(partners, count), draw.lognormal(7.2, 0.7, count))
    for supplier in town.suppliers[: max(2, len(town.suppliers) // 3)]:
        goods = str(draw.choice(list(GOODS)))
        maker = ledger.far(str(draw.choice(("CN", "IN", "DE"))))
        count = int(draw.poisson(ledger.days / 15))
        price, width = GOODS[goods]
        quantity = np.round(draw.uniform(12_000, 60_000, count) / price, 1) + 1
        paid = price * (1 + draw.uniform(-width, width, count))
        ledger.pay(
            _spread(count, ledger, draw),
            supplier,
            maker,
            quantity * paid,
            channel="trade",
            goods=goods,
            quantity=quantity,
        )


def _at(day: Array, draw: Generator) -> Array:
    return EPOCH + np.asarray(day, np.float64) * DAY + np.clip(draw.normal(13, 3.5, len(day)), 0.1, 23.9) * HOUR


def _spread(count: int, ledger: Ledger, draw: Generator) -> Array:
    """Times over the whole of the days, by daylight."""
    return _at(draw.integers(0, ledger.days, count), draw)


def _popular(count: int, draw: Generator) -> Array:
    share = 1 / np.arange(1, count + 1) ** 0.7
    return draw.permutation(share / share.sum())
