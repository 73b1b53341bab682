"""What looks like a typology and is lawful: the hard negatives of the rules. Most have a document that says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..records import CASH, LEGAL_ENTITY, PERSON
from .background import GOODS
from .ledger import HOUR
from .people import Town
from .planted import begin, sleeper

TOLD = 0.6  # of look-alikes have a document


def told(town: Town, account: int, *clauses: str) -> None:
    """A document about the holder, most of the time."""
    if town.ledger.generator.random() < TOLD:
        town.ledger.document(town.ledger.holder[account], *clauses)


def cash_shop(town: Town) -> None:
    """A shop whose takings are always near the limit."""
    ledger = town.ledger
    account = town.company("retail", opened_day=-1500)
    paid, day, level = list[int](), 0.0, ledger.between(8_000, 9_200)
    while day < ledger.days:
        paid += ledger.pay(
            ledger.moment(day), CASH, account, min(9_900, level * ledger.between(0.9, 1.1)), channel="cash_in"
        )
        day += ledger.between(1, 3)
    for month in range(0, ledger.days, 15):
        ledger.pay(ledger.moment(month + 5), account, town.suppliers[0], level * 4)
    told(town, account, "Relationship: cash retail business.", f"Expected monthly turnover: USD {level * 16:,.0f}.")
    ledger.case("STRUCT-1", planted=False, accounts=[account], payments=paid)


def branches(town: Town) -> None:
    """Takings of branches swept to the head office, which pays a supplier abroad each month."""
    ledger = town.ledger
    head = town.company("retail", opened_day=-1200)
    body = ledger.holder[head]
    arms = [ledger.account(body, opened_day=-900) for _ in range(ledger.whole(3, 6))]
    abroad, paid = ledger.far("CN"), list[int]()
    for day in range(3, ledger.days - 5, 14):
        total = 0.0
        for arm in arms:
            when, amount = ledger.moment(day + ledger.whole(0, 1)), ledger.between(1_500, 2_950)
            paid += ledger.pay(when, CASH, arm, amount, channel="cash_in")
            paid += ledger.pay(when + ledger.between(2, 30) * HOUR, arm, head, amount * 0.98)
            total += amount
        paid += ledger.pay(ledger.moment(day + 4), head, abroad, total * ledger.between(0.6, 0.9), channel="wire")
    told(town, head, "Relationship: retailer with branches.", "Expected countries: CN.")
    ledger.case("STRUCT-2", planted=False, accounts=[head, *arms], payments=paid)


def escrow(town: Town) -> None:
    """A house passes through a notary; or a loan passes through a buyer to a car dealer."""
    ledger = town.ledger
    day, amount = begin(ledger), ledger.between(6_000, 60_000)
    if ledger.generator.random() < 0.5:
        account = int(ledger.generator.choice(town.notaries))
        paid = ledger.pay(ledger.moment(day), town.someone(), account, amount * 5)
        paid += ledger.pay(ledger.moment(day + 2), account, town.someone(), amount * 5 * ledger.between(0.97, 0.995))
        told(town, account, "Relationship: notary with escrow account.")
    else:
        account = town.someone()
        paid = ledger.pay(ledger.moment(day), town.state, account, amount)
        dealer = int(ledger.generator.choice(town.merchants))
        paid += ledger.pay(ledger.moment(day + 1), account, dealer, amount * ledger.between(0.93, 1))
        told(town, account, f"Expected payment: USD {amount:,.0f} (loan for a car).")
    ledger.case("RAPID", planted=False, accounts=[account], payments=paid)


def collection(town: Town) -> None:
    """A wedding, a club's fees or a shared journey: friends pay one of them."""
    ledger = town.ledger
    account, day, paid, total = town.someone(), begin(ledger), list[int](), 0.0
    for _ in range(ledger.whole(6, 16)):
        amount = ledger.between(8, 24) * 50 * ledger.between(0.9, 1.1)
        payer = town.someone() if ledger.generator.random() < 0.7 else town.stranger()
        paid += ledger.pay(ledger.moment(day + ledger.whole(0, 2)), payer, account, amount)
        total += amount
    if ledger.generator.random() < 0.6:
        merchant = int(ledger.generator.choice(town.merchants))
        paid += ledger.pay(ledger.moment(day + 4), account, merchant, total * ledger.between(0.6, 1))
    told(town, account, f"Expected payment: USD {total:,.0f} (collection among members).")
    ledger.case("FANIN", planted=False, accounts=[account], payments=paid)


def heirs(town: Town) -> None:
    """An executor pays heirs, or a traveller's agency pays refunds."""
    ledger = town.ledger
    account, day = town.someone(), begin(ledger)
    amount, count = ledger.between(900, 4_000), ledger.whole(5, 9)
    paid = ledger.pay(ledger.moment(day), int(ledger.generator.choice(town.notaries)), account, amount * count)
    for _ in range(count):
        other = town.someone() if ledger.generator.random() < 0.6 else town.stranger()
        paid += ledger.pay(ledger.moment(day + ledger.whole(1, 2)), account, other, amount)
    told(town, account, f"Expected payment: USD {amount * count:,.0f} (estate to be divided among heirs).")
    ledger.case("FANOUT", planted=False, accounts=[account], payments=paid)


def group_of(town: Town, size: int) -> list[int]:
    """A parent and subsidiaries that it owns wholly, with an account each; a person owns the parent."""
    ledger = town.ledger
    parent = town.company("group", opened_day=-2000)
    owner = ledger.parties[ledger.holder[parent]].id
    found = [parent]
    for _ in range(size):
        body = ledger.party(LEGAL_ENTITY, country="US", occupation="subsidiary")
        ledger.link(ledger.holder[parent], "owns", ledger.parties[body].id, share=100.0)
        found.append(ledger.account(body, opened_day=-1500))
    assert owner
    return found


def branches_pay(town: Town) -> None:
    """A group's centre funds its subsidiaries, which pay one supplier."""
    ledger = town.ledger
    parent, *others = group_of(town, ledger.whole(3, 5))
    supplier, paid = int(ledger.generator.choice(town.suppliers)), list[int]()
    for day in range(begin(ledger) % 25, ledger.days - 5, 45):
        for other in others:
            amount, when = ledger.between(1_500, 8_000), ledger.moment(day)
            paid += ledger.pay(when, parent, other, amount)
            paid += ledger.pay(when + ledger.between(5, 50) * HOUR, other, supplier, amount * ledger.between(0.85, 1))
    told(town, parent, "Relationship: group treasury that funds its subsidiaries.")
    ledger.case("SCATTER-GATHER", planted=False, accounts=[parent, *others, supplier], payments=paid)


def treasury(town: Town) -> None:
    """Overnight money goes round a group."""
    ledger = town.ledger
    ring, paid = group_of(town, ledger.whole(2, 4)), list[int]()
    for day in range(begin(ledger) % 25, ledger.days - 8, 40):
        when, amount = ledger.moment(day), ledger.between(4_000, 60_000)
        for one, other in zip(ring, [*ring[1:], ring[0]], strict=True):
            paid += ledger.pay(when, one, other, amount)
            when, amount = when + ledger.between(4, 30) * HOUR, amount * ledger.between(0.97, 1)
    told(town, ring[0], "Relationship: group treasury with cash pooling.")
    ledger.case("CYCLE", planted=False, accounts=ring, payments=paid)


def inheritance(town: Town) -> None:
    """Savings that slept take an inheritance or a refund, which stays or goes to the holder's own account."""
    ledger = town.ledger
    account = sleeper(town)
    day = ledger.whole(min(215, ledger.days - 20), ledger.days - 8)
    amount = ledger.between(6_000, 60_000)
    payer = town.state if ledger.generator.random() < 0.5 else int(ledger.generator.choice(town.notaries))
    paid = ledger.pay(ledger.moment(day), payer, account, amount)
    if ledger.generator.random() < 0.4:
        paid += ledger.pay(ledger.moment(day + 3), account, town.stranger(), amount * ledger.between(0.1, 0.4))
    told(town, account, f"Expected payment: USD {amount:,.0f} (inheritance).")
    ledger.case("DORMANT", planted=False, accounts=[account], payments=paid)


def instalments(town: Town) -> None:
    """Building works paid in round instalments, or a firm's retainers."""
    ledger = town.ledger
    account = town.someone() if ledger.generator.random() < 0.5 else town.company("property")
    day, paid = begin(ledger), list[int]()
    ends = [int(each) for each in ledger.generator.choice(town.suppliers, 2)]
    for _ in range(ledger.whole(5, 8)):
        amount = 100.0 * ledger.whole(12, 60)
        paid += ledger.pay(
            ledger.moment(day + ledger.whole(0, 11)), account, int(ledger.generator.choice(ends)), amount
        )
    told(town, account, "Expected payment: USD 40,000 (building works in instalments).")
    ledger.case("ROUND", planted=False, accounts=[account], payments=paid)


def journey(town: Town) -> None:
    """A journey, a relative or a declared importer in a listed country."""
    ledger = town.ledger
    country = str(ledger.generator.choice(("XA", "XB")))
    account = town.someone(foreign=False) if ledger.generator.random() < 0.6 else town.company("import")
    there, day, paid = ledger.far(country), begin(ledger), list[int]()
    for _ in range(ledger.whole(1, 4)):
        paid += ledger.pay(
            ledger.moment(day + ledger.whole(0, 20)), account, there, ledger.between(500, 6_000), channel="wire"
        )
    told(town, account, f"Expected countries: {country}.", "Relationship: relatives and travel.")
    ledger.case("GEO", planted=False, accounts=[account], payments=paid)


def house_sale(town: Town) -> None:
    """The price of a house, a bonus or a gift: one or two payments from a notary or employer."""
    ledger = town.ledger
    account = town.someone()
    amount = ledger.between(25_000, 240_000)
    payer = int(ledger.generator.choice([*town.notaries, *town.employers[:2]]))
    paid = ledger.pay(ledger.moment(begin(ledger)), payer, account, amount)
    told(town, account, f"Expected payment: USD {amount:,.0f} (sale of a house).")
    ledger.case("PROFILE", planted=False, accounts=[account], payments=paid)


def agent(town: Town) -> None:
    """Customers of a registered agent: one address, the agent's clerk as director, but owners known and a business."""
    ledger = town.ledger
    address, clerk = ledger.thing("ADDR"), ledger.party(PERSON, birth="1970-03-03", country="US")
    accounts, bodies, paid = list[int](), list[int](), list[int]()
    for _ in range(ledger.whole(5, 9)):
        account = town.company(
            "services", opened_day=ledger.between(-1500, -100), owner=ledger.generator.random() < 0.8
        )
        body = ledger.holder[account]
        ledger.link(body, "located_in", address)
        ledger.link(clerk, "director_of", ledger.parties[body].id)
        for month in range(0, ledger.days, 30):
            workers = ledger.generator.choice(town.people, 2)
            paid += ledger.pay(ledger.moment(month + 26), account, workers, ledger.between(1_800, 4_000))
            paid += ledger.pay(
                ledger.moment(month + 12), [town.stranger() for _ in range(4)], account, ledger.between(1_500, 6_000)
            )
            paid += ledger.pay(ledger.moment(month + 5), account, town.utilities[0], ledger.between(80, 300))
        accounts.append(account)
        bodies.append(body)
    told(town, accounts[0], "Relationship: customer of a registered agent.")
    ledger.case("SHELL", planted=False, accounts=accounts, payments=paid, parties=bodies)


def student(town: Town) -> None:
    """A new account whose family pays the first rent."""
    ledger = town.ledger
    day = begin(ledger)
    account = town.newcomer(job="student", birth=ledger.whole(2003, 2007), opened_day=day - ledger.between(3, 40))
    paid, total = list[int](), 0.0
    for _ in range(ledger.whole(3, 4)):
        payer = town.someone() if ledger.generator.random() < 0.5 else town.stranger()
        amount = ledger.between(250, 1_300)
        paid += ledger.pay(ledger.moment(day + ledger.whole(0, 1)), payer, account, amount)
        total += amount
    paid += ledger.pay(ledger.moment(day + 2), account, town.landlords[0], total * ledger.between(0.8, 0.98))
    told(town, account, f"Expected payment: USD {total:,.0f} (family pays the deposit of a flat).")
    ledger.case("MULE", planted=False, accounts=[account], payments=paid)


def trader(town: Town) -> None:
    """Someone who buys virtual assets with the wage of each month."""
    ledger = town.ledger
    account, paid = town.someone(job="trader"), list[int]()
    for month in range(2, ledger.days, 30):
        when, amount = ledger.moment(month + ledger.whole(0, 20)), ledger.between(3_200, 9_000)
        paid += ledger.pay(when, town.employers[0], account, amount)
        paid += ledger.pay(
            when + ledger.between(2, 22) * HOUR,
            account,
            town.exchange,
            amount * ledger.between(0.82, 0.98),
            channel="crypto",
        )
    told(town, account, "Relationship: private trader in virtual assets.")
    ledger.case("LAYER", planted=False, accounts=[account], payments=paid)


def special_grade(town: Town) -> None:
    """Goods whose price moved away from the list's band, or a special grade."""
    ledger = town.ledger
    account, partner = town.company("import"), ledger.far(str(ledger.generator.choice(("CN", "DE", "IN"))))
    goods = "lithium" if ledger.generator.random() < 0.6 else str(ledger.generator.choice(list(GOODS)))
    price, day, paid = GOODS[goods][0], begin(ledger) % 60, list[int]()
    factor = ledger.between(1.42, 1.7) if ledger.generator.random() < 0.5 else ledger.between(0.5, 0.58)
    for step in range(ledger.whole(2, 6)):
        quantity = round(ledger.between(15_000, 50_000) / price, 1) + 1
        amount = quantity * price * factor * ledger.between(0.9, 1.1)
        paid += ledger.pay(
            ledger.moment(day + 9 * step), account, partner, amount, channel="trade", goods=goods, quantity=quantity
        )
    told(town, account, f"Relationship: importer of special grades of {goods}.")
    ledger.case("TBML", planted=False, accounts=[account], payments=paid)


def charity(town: Town) -> None:
    """A registered charity, or a family, that supports people in a region of conflict."""
    ledger = town.ledger
    if ledger.generator.random() < 0.6:
        body = ledger.party("NotForProfitOrganization", country="US", occupation="relief", name="Helping Hands Relief")
        account = ledger.account(body, opened_day=-2000)
    else:
        account = town.someone(foreign=True)
    there, paid = ledger.far("XC"), list[int]()
    for day in range(begin(ledger) % 30, ledger.days - 12, 45):
        for _ in range(ledger.whole(3, 12)):
            payer = town.people[ledger.whole(0, len(town.people) - 1)]
            paid += ledger.pay(ledger.moment(day + ledger.whole(0, 7)), payer, account, ledger.between(20, 400))
        paid += ledger.pay(ledger.moment(day + 9), account, there, ledger.between(400, 2_500), channel="wire")
    told(town, account, "Relationship: registered charity with relief work.", "Expected countries: XC.")
    ledger.case("TF", planted=False, accounts=[account], payments=paid)


def shared_flat(town: Town) -> None:
    """Flatmates or colleagues at one device; or one person entered twice."""
    ledger = town.ledger
    if ledger.generator.random() < 0.5:
        accounts = town.some(3)
        thing = ledger.thing("DEV")
        for account in accounts:
            ledger.link(ledger.holder[account], "uses", thing)
        told(town, accounts[-1], "Relationship: colleagues who use one terminal.")
    else:
        one, other = town.someone(), town.newcomer()
        first, second = ledger.holder[one], ledger.holder[other]
        old, new = ledger.parties[first], ledger.parties[second]
        ledger.parties[second] = type(new)(
            id=new.id, kind=new.kind, name=old.name, birth=old.birth, country=old.country, income=new.income
        )
        thing = ledger.thing("ID")
        for party in (first, second):
            ledger.link(party, "identified_by", thing)
        ledger.pay(ledger.moment(begin(ledger)), one, other, ledger.between(100, 900))
        accounts = [one, other]
    ledger.case("IDENT-REUSE", planted=False, accounts=accounts, payments=[])


LOOKALIKES: Mapping[str, Callable[[Town], None]] = {
    "STRUCT-1": cash_shop, "STRUCT-2": branches, "RAPID": escrow, "FANIN": collection, "FANOUT": heirs,
    "SCATTER-GATHER": branches_pay, "CYCLE": treasury, "DORMANT": inheritance, "ROUND": instalments, "GEO": journey,
    "PROFILE": house_sale, "SHELL": agent, "MULE": student, "LAYER": trader, "TBML": special_grade, "TF": charity,
    "IDENT-REUSE": shared_flat,
}  # fmt: skip
