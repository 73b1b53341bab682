"""A made-up world, whole: a town's ordinary life, look-alikes, planted cases, lists, documents, and the truth.

Everything is drawn from one seed. It can be written as the files that the pipeline reads.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from .....core.random import numpy_generator
from .....core.types import Array
from ..book import Book, book_of
from ..documents import read_documents
from ..records import Documents, Entities, Entry, Link, Payments, written
from .background import live
from .ledger import Case, Ledger
from .listed import bearers, lists
from .lookalikes import LOOKALIKES, TOLD
from .people import Town, populate
from .planted import PLANTED

TITLES = ("id", "time", "sender", "receiver", "amount", "currency", "channel", "goods", "quantity")
LIST_TITLES = ("list", "id", "name", "aliases", "kind", "birth", "country", "low", "high", "valid_from")
SLOW = 0.15  # of the cases take their time, and so may escape the windows of the rules
MIMIC = 0.12  # of what is wrong looks like its lawful counterpart
ODD = 0.12  # of what is lawful looks wrong
FALSE_STORY = 0.12  # of what is wrong has a document that explains it


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many people and days, and of each typology how many cases and look-alikes."""

    persons: int = 600
    days: int = 240
    planted: int = 2
    lookalikes: int = 5
    typologies: tuple[str, ...] = tuple(PLANTED)


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """What a bank would hold, and the cases in it; `Case.payments` are places in `payments`."""

    payments: Payments
    entities: Entities
    lists: tuple[Entry, ...]
    documents: Documents | None
    cases: tuple[Case, ...]

    def book(self) -> Book:
        return book_of(self.payments, self.entities, self.lists, self.documents)


def world(seed: int, size: Size | None = None) -> World:
    """The world of a seed."""
    size = size or Size()
    ledger = Ledger(numpy_generator(seed, "compliance/world"), size.days)
    town = populate(ledger, size.persons)
    entries = lists(numpy_generator(seed, "compliance/lists"), size.days)
    for name in size.typologies:
        for planted in [False] * size.lookalikes + [True] * size.planted:
            _act(town, name, planted=planted)
    bearers(town, entries, planted=size.planted, lookalikes=size.lookalikes)
    live(town)
    payments, numbers = _payments(ledger)
    place = np.empty(len(numbers), np.int64)
    place[numbers] = np.arange(len(numbers))
    cases = tuple(
        replace(each, payments=tuple(sorted(int(place[number]) for number in each.payments if number >= 0)))
        for each in ledger.cases
    )
    text = "\n\n".join(ledger.documents)
    return World(
        payments=payments,
        entities=Entities(parties=tuple(ledger.parties), accounts=tuple(ledger.accounts), links=tuple(ledger.links)),
        lists=tuple(entries),
        documents=read_documents(text) if text else None,
        cases=cases,
    )


def _act(town: Town, name: str, *, planted: bool) -> None:
    """One case. Some that are wrong look in every way like lawful ones, and some lawful ones look wrong."""
    ledger, draw = town.ledger, town.ledger.generator
    looks = draw.random() >= MIMIC if planted else draw.random() < ODD
    before = ledger.count
    (PLANTED if looks else LOOKALIKES)[name](town)
    ledger.cases[-1] = replace(ledger.cases[-1], planted=planted, looks=bool(looks))
    if looks and draw.random() < SLOW:
        ledger.slowed(before, ledger.between(2, 5))
    if looks and draw.random() < (FALSE_STORY if planted else TOLD):
        party = next(place for place, each in enumerate(ledger.parties) if each.id == ledger.cases[-1].parties[0])
        ledger.document(party, "Relationship: consulting and family.", "Expected monthly turnover: USD 50,000.")


def write_world(made: World, folder: str | Path) -> Path:
    """The files that the pipeline reads, and truth.csv beside them."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    payments = made.payments
    _table(folder / "payments.csv", TITLES, [
        (each, str(np.datetime64(int(time), "s")), sender, receiver, f"{amount:.2f}", currency, channel, goods,
         "" if math.isnan(quantity) else f"{quantity:g}")
        for each, time, sender, receiver, amount, currency, channel, goods, quantity in zip(
            payments.id, payments.time, payments.sender, payments.receiver, payments.amount, payments.currency,
            payments.channel, payments.goods, payments.quantity, strict=True)
    ])  # fmt: skip
    tables = {
        "parties": [_plain(asdict(each)) for each in made.entities.parties],
        "accounts": [_plain(asdict(each)) for each in made.entities.accounts],
        "links": [_link(each) for each in made.entities.links],
    }
    lines = [f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for name, rows in tables.items()]
    (folder / "entities.json").write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
    _table(folder / "lists.csv", LIST_TITLES, [
        (each.list, each.id, each.name, "|".join(each.aliases), each.kind, each.birth, each.country,
         *("" if math.isnan(value) else f"{value:g}" for value in (each.low, each.high)), written(each.span.valid_from))
        for each in made.lists
    ])  # fmt: skip
    if made.documents is not None:
        (folder / "documents.txt").write_text(made.documents.text + "\n", encoding="utf-8")
    _table(folder / "truth.csv", ("case", "typology", "planted", "parties", "accounts", "payments"), [
        (each.id, each.typology, str(each.planted).lower(), "|".join(each.parties), "|".join(each.accounts),
         "|".join(str(payments.id[place]) for place in each.payments))
        for each in made.cases
    ])  # fmt: skip
    return folder


def _payments(ledger: Ledger) -> tuple[Payments, Array]:
    """The payments, and the number that each had in the ledger."""
    columns = ledger.columns()
    names = np.array([each.id for each in ledger.accounts] + [""])  # the last is cash, -1
    made = Payments(
        name="made up", id=np.char.add("T", np.char.zfill(np.arange(ledger.count).astype("U8"), 7)),
        time=columns["time"], sender=names[columns["sender"]], receiver=names[columns["receiver"]],
        amount=columns["amount"], currency=columns["currency"], channel=columns["channel"], known_at=columns["time"],
        goods=columns["goods"], quantity=columns["quantity"],
    )  # fmt: skip
    return made, columns["number"]


def _link(link: Link) -> dict[str, object]:
    row = {"source": link.source, "kind": link.kind, "target": link.target, "share": link.share}
    return _plain(row) | {"valid_from": written(link.span.valid_from)}


def _plain(row: dict[str, object]) -> dict[str, object]:
    """Without what is not known, times as text."""
    found: dict[str, object] = {}
    for name, value in row.items():
        if value in ("", ()) or (isinstance(value, float) and math.isnan(value)):
            continue
        if name in ("opened", "known_at"):
            if value:
                found[name] = written(float(value))  # type: ignore[arg-type]
        else:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _table(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([header, *rows])
