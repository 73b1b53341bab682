"""Cases of each typology, planted in a town: who does what, and when, so that a reader could tell why it is one.

Most people in them lived in the town before. Amounts, pauses and shares vary, and some cases stay below every limit of
the rules: those are missed, and are counted as missed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..records import CASH, DAY, LEGAL_ENTITY, PERSON
from .background import GOODS
from .ledger import EPOCH, HOUR, Ledger
from .people import Town

MARGIN = 12  # days at the end in which no case begins


def begin(ledger: Ledger, *, first: float = 20) -> int:
    return ledger.whole(int(first), ledger.days - MARGIN)


def struct_1(town: Town) -> None:
    ledger = town.ledger
    account = town.someone() if ledger.generator.random() < 0.7 else town.company("import")
    day, paid, total = begin(ledger), [], 0.0
    for _ in range(ledger.whole(3, 7)):
        amount = ledger.between(7_800, 9_950)
        paid += ledger.pay(ledger.moment(day), CASH, account, amount, channel="cash_in")
        total += amount
        day += ledger.whole(0, 2)
    if ledger.generator.random() < 0.7:
        paid += ledger.pay(
            ledger.moment(day + 1), account, town.stranger(), total * ledger.between(0.7, 0.95), channel="wire"
        )
    ledger.case("STRUCT-1", planted=True, accounts=[account], payments=paid)


def struct_2(town: Town) -> None:
    ledger = town.ledger
    master = town.company("trading", opened_day=ledger.between(-300, -20))
    day, paid, total = begin(ledger), [], 0.0
    feeders = town.some(ledger.whole(3, 7))
    for feeder in feeders:
        when = ledger.moment(day + ledger.whole(0, 2))
        amount = ledger.between(1_300, 3_050)
        paid += ledger.pay(when, CASH, feeder, amount, channel="cash_in")
        paid += ledger.pay(when + ledger.between(2, 40) * HOUR, feeder, master, amount * ledger.between(0.92, 0.99))
        total += amount
    abroad = ledger.far(str(ledger.generator.choice(("HK", "AE", "XA"))))
    paid += ledger.pay(ledger.moment(day + 4), master, abroad, total * ledger.between(0.7, 0.95), channel="wire")
    ledger.case("STRUCT-2", planted=True, accounts=[master, *feeders], payments=paid)


def rapid(town: Town) -> None:
    ledger = town.ledger
    account = town.someone() if ledger.generator.random() < 0.6 else town.company("consulting")
    when, total, paid = ledger.moment(begin(ledger)), ledger.between(4_500, 60_000), list[int]()
    sources, ends = ledger.whole(1, 3), ledger.whole(1, 4)
    for _ in range(sources):
        paid += ledger.pay(when + ledger.between(0, 6) * HOUR, town.stranger(), account, total / sources)
    out = total * ledger.between(0.91, 0.995)
    for _ in range(ends):
        paid += ledger.pay(when + ledger.between(7, 60) * HOUR, account, town.stranger(), out / ends)
    ledger.case("RAPID", planted=True, accounts=[account], payments=paid)


def fan_in(town: Town) -> None:
    ledger = town.ledger
    account, day, paid, total = town.someone(), begin(ledger), list[int](), 0.0
    for _ in range(ledger.whole(5, 14)):
        payer = town.stranger() if ledger.generator.random() < 0.6 else town.someone()
        amount = ledger.between(450, 2_400)
        paid += ledger.pay(ledger.moment(day + ledger.whole(0, 2)), payer, account, amount)
        total += amount
    paid += ledger.pay(
        ledger.moment(day + 4), account, town.stranger(), total * ledger.between(0.6, 0.95), channel="wire"
    )
    ledger.case("FANIN", planted=True, accounts=[account], payments=paid)


def fan_out(town: Town) -> None:
    ledger = town.ledger
    account, day, count = town.someone(), begin(ledger), ledger.whole(5, 14)
    total = count * ledger.between(600, 2_000)
    paid = ledger.pay(ledger.moment(day), town.stranger(), account, total * 1.05)
    for _ in range(count):
        other = town.stranger() if ledger.generator.random() < 0.6 else town.someone()
        paid += ledger.pay(
            ledger.moment(day + ledger.whole(1, 3)), account, other, total / count * ledger.between(0.7, 1.3)
        )
    ledger.case("FANOUT", planted=True, accounts=[account], payments=paid)


def scatter_gather(town: Town) -> None:
    ledger = town.ledger
    source, sink, when = town.someone(), town.someone(), ledger.moment(begin(ledger))
    between = [
        town.someone() if ledger.generator.random() < 0.8 else town.newcomer() for _ in range(ledger.whole(3, 7))
    ]
    paid = []
    for each in between:
        amount, first = ledger.between(900, 6_000), when + ledger.between(0, 20) * HOUR
        paid += ledger.pay(first, source, each, amount)
        paid += ledger.pay(first + ledger.between(3, 60) * HOUR, each, sink, amount * ledger.between(0.75, 0.99))
    ledger.case("SCATTER-GATHER", planted=True, accounts=[source, sink, *between], payments=paid)


def cycle(town: Town) -> None:
    ledger = town.ledger
    ring = town.some(ledger.whole(3, 5))
    if ledger.generator.random() < 0.4:
        ring[0] = town.company("trading")
    when, amount, paid = ledger.moment(begin(ledger)), ledger.between(2_500, 50_000), list[int]()
    keeps = ledger.between(0.94, 0.995)
    for one, other in zip(ring, [*ring[1:], ring[0]], strict=True):
        paid += ledger.pay(when, one, other, amount)
        when, amount = when + ledger.between(2, 36) * HOUR, amount * keeps
    ledger.case("CYCLE", planted=True, accounts=ring, payments=paid)


def dormant(town: Town) -> None:
    ledger = town.ledger
    account = sleeper(town)
    day = ledger.whole(min(215, ledger.days - 20), ledger.days - 8)
    amount, paid = ledger.between(6_000, 45_000), list[int]()
    parts = ledger.whole(1, 2)
    for part in range(parts):
        paid += ledger.pay(ledger.moment(day + part), town.stranger(), account, amount / parts)
    for part in range(ledger.whole(1, 3)):
        paid += ledger.pay(ledger.moment(day + 2 + part), account, town.stranger(), amount * ledger.between(0.25, 0.32))
    ledger.case("DORMANT", planted=True, accounts=[account], payments=paid)


def round_sums(town: Town) -> None:
    ledger = town.ledger
    account = town.someone() if ledger.generator.random() < 0.6 else town.company("consulting")
    day, paid, count = begin(ledger), list[int](), ledger.whole(5, 9)
    amounts = [100.0 * ledger.whole(12, 70) for _ in range(count)]
    paid += ledger.pay(ledger.moment(day), town.stranger(), account, sum(amounts) * ledger.between(0.9, 1.1))
    ends = [town.stranger() for _ in range(ledger.whole(2, 4))]
    for amount in amounts:
        paid += ledger.pay(
            ledger.moment(day + ledger.whole(0, 11)), account, int(ledger.generator.choice(ends)), amount
        )
    ledger.case("ROUND", planted=True, accounts=[account], payments=paid)


def geo(town: Town) -> None:
    ledger = town.ledger
    account, day, paid = town.someone(foreign=False), begin(ledger), list[int]()
    there = ledger.far(str(ledger.generator.choice(("XA", "XB"))), named=ledger.generator.random() < 0.5)
    for _ in range(ledger.whole(1, 4)):
        ends = (account, there) if ledger.generator.random() < 0.7 else (there, account)
        paid += ledger.pay(ledger.moment(day + ledger.whole(0, 10)), *ends, ledger.between(700, 8_000), channel="wire")
    ledger.case("GEO", planted=True, accounts=[account], payments=paid)


def profile(town: Town) -> None:
    ledger = town.ledger
    account = town.someone()
    party = ledger.parties[ledger.holder[account]]
    income = party.income if party.income == party.income else 3_000.0
    day, paid, total = begin(ledger), list[int](), max(12_000.0, income * ledger.between(5.5, 14))
    count = ledger.whole(4, 10)
    for _ in range(count):
        cash = ledger.generator.random() < 0.3
        ends = (CASH if cash else town.stranger(), account)
        when = ledger.moment(day + ledger.whole(0, 11))
        paid += ledger.pay(
            when, *ends, total / count * ledger.between(0.7, 1.3), channel="cash_in" if cash else "transfer"
        )
    ledger.case("PROFILE", planted=True, accounts=[account], payments=paid)


def shell(town: Town) -> None:
    ledger = town.ledger
    address, count = ledger.thing("ADDR"), ledger.whole(5, 8)
    nominee = ledger.party(PERSON, birth="1961-02-02", country="US")
    accounts, bodies, paid = list[int](), list[int](), list[int]()
    for _ in range(count):
        body = ledger.party(
            LEGAL_ENTITY, country="US", occupation=str(ledger.generator.choice(("trading", "consulting")))
        )
        ledger.link(body, "located_in", address)
        ledger.link(nominee, "director_of", ledger.parties[body].id)
        owner = body
        for _ in range(ledger.whole(1, 4)):
            above = ledger.party(LEGAL_ENTITY, country=str(ledger.generator.choice(("US", "PA", "XB"))))
            ledger.link(above, "owns", ledger.parties[owner].id, share=100.0)
            owner = above
        bodies.append(body)
        accounts.append(ledger.account(body, opened_day=ledger.between(-200, -20)))
    for day in range(begin(ledger, first=ledger.days - 80), ledger.days, 9):
        one, other = ledger.generator.choice(accounts, 2, replace=False)
        amount = ledger.between(9_000, 60_000)
        paid += ledger.pay(ledger.moment(day), town.stranger(), int(one), amount)
        paid += ledger.pay(ledger.moment(day + 1), int(one), int(other), amount * ledger.between(0.9, 0.99))
    ledger.case("SHELL", planted=True, accounts=accounts, payments=paid, parties=bodies)


def mule(town: Town) -> None:
    ledger = town.ledger
    day = begin(ledger)
    young = ledger.generator.random() < 0.7
    account = town.newcomer(job="student" if young else "employee", birth=ledger.whole(2001, 2006) if young else None,
                            opened_day=day - ledger.between(5, 45))  # fmt: skip
    if not young:
        other = town.newcomer(opened_day=day - 20)
        device = ledger.thing("DEV")
        ledger.link(ledger.holder[account], "uses", device)
        ledger.link(ledger.holder[other], "uses", device)
    paid, total = list[int](), 0.0
    for _ in range(ledger.whole(3, 6)):
        amount = ledger.between(250, 1_900)
        paid += ledger.pay(ledger.moment(day + ledger.whole(0, 1)), town.stranger(), account, amount)
        total += amount
    out, channel = (CASH, "cash_out") if ledger.generator.random() < 0.6 else (town.exchange, "crypto")
    paid += ledger.pay(ledger.moment(day + 2), account, out, total * ledger.between(0.84, 0.98), channel=channel)
    ledger.case("MULE", planted=True, accounts=[account], payments=paid)


def layer(town: Town) -> None:
    ledger = town.ledger
    account, when, amount = town.someone(), ledger.moment(begin(ledger)), ledger.between(3_100, 40_000)
    paid = ledger.pay(when, town.stranger(), account, amount)
    hop, keeps = when, ledger.between(0.93, 0.99)
    if ledger.generator.random() < 0.7:
        paid += ledger.pay(hop + ledger.between(1, 20) * HOUR, account, town.exchange, amount * keeps, channel="crypto")
    else:
        second, third = town.some(2)
        for one, other, currency, rate in ((account, second, "EUR", 1.08), (second, third, "GBP", 1.28)):
            hop, amount = hop + ledger.between(1, 20) * HOUR, amount * keeps
            paid += ledger.pay(hop, one, other, amount / rate, channel="fx", currency=currency)
    ledger.case("LAYER", planted=True, accounts=[account], payments=paid)


def tbml(town: Town) -> None:
    ledger = town.ledger
    account = (
        town.company("import") if ledger.generator.random() < 0.6 else int(ledger.generator.choice(town.suppliers))
    )
    partner = ledger.far(str(ledger.generator.choice(("CN", "HK", "AE", "XA"))))
    goods = str(ledger.generator.choice([each for each in GOODS if each != "lithium"]))
    price, day, paid = GOODS[goods][0], begin(ledger), list[int]()
    factor = ledger.between(1.45, 2.6) if ledger.generator.random() < 0.6 else ledger.between(0.3, 0.58)
    for step in range(ledger.whole(2, 5)):
        quantity = round(ledger.between(15_000, 60_000) / price / factor, 1) + 1
        amount = quantity * price * factor * ledger.between(0.97, 1.03)
        paid += ledger.pay(
            ledger.moment(day + 6 * step), account, partner, amount, channel="trade", goods=goods, quantity=quantity
        )
    ledger.case("TBML", planted=True, accounts=[account], payments=paid)


def financing(town: Town) -> None:
    ledger = town.ledger
    account, day, paid, total = town.someone(foreign=False), begin(ledger), list[int](), 0.0
    for _ in range(ledger.whole(3, 9)):
        amount = ledger.between(40, 850)
        payer = town.someone() if ledger.generator.random() < 0.6 else town.stranger()
        paid += ledger.pay(ledger.moment(day + ledger.whole(0, 7)), payer, account, amount)
        total += amount
    there = ledger.far("XC", named=ledger.generator.random() < 0.4)
    paid += ledger.pay(ledger.moment(day + 9), account, there, total * ledger.between(0.85, 1.0), channel="wire")
    ledger.case("TF", planted=True, accounts=[account], payments=paid)


def reuse(town: Town) -> None:
    ledger = town.ledger
    paid = list[int]()
    document = ledger.generator.random() < 0.5
    thing = ledger.thing("ID" if document else "DEV")
    accounts = [town.newcomer(opened_day=ledger.between(-60, 60)) for _ in range(ledger.whole(2, 4) if document else 4)]
    for account in accounts:
        ledger.link(ledger.holder[account], "identified_by" if document else "uses", thing)
        paid += ledger.pay(ledger.moment(begin(ledger, first=70)), town.stranger(), account, ledger.between(800, 4_000))
    ledger.case("IDENT-REUSE", planted=True, accounts=accounts, payments=paid)


PLANTED: Mapping[str, Callable[[Town], None]] = {
    "STRUCT-1": struct_1, "STRUCT-2": struct_2, "RAPID": rapid, "FANIN": fan_in, "FANOUT": fan_out,
    "SCATTER-GATHER": scatter_gather, "CYCLE": cycle, "DORMANT": dormant, "ROUND": round_sums, "GEO": geo,
    "PROFILE": profile, "SHELL": shell, "MULE": mule, "LAYER": layer, "TBML": tbml, "TF": financing,
    "IDENT-REUSE": reuse,
}  # fmt: skip


def sleeper(town: Town) -> int:
    """An account with a few small payments at the beginning, and nothing after them."""
    ledger = town.ledger
    account = ledger.account(ledger.holder[town.someone()], kind="savings", opened_day=-2000)
    for _ in range(ledger.whole(4, 7)):
        when = EPOCH + ledger.between(0, 25) * DAY
        ledger.pay(when, town.stranger(), account, ledger.between(60, 400))
    return account
