"""What cannot be is refused in one sentence that says what, where and how to mend it."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import FormatError, InputError, UnknownName
from colonnade.verticals.finance.compliance.book import UnknownAccount, book_of
from colonnade.verticals.finance.compliance.documents import read_documents, stated
from colonnade.verticals.finance.compliance.entities import OwnershipError, entities_of, read_entities
from colonnade.verticals.finance.compliance.lists import read_lists
from colonnade.verticals.finance.compliance.payments import payments_of, read_payments
from colonnade.verticals.finance.compliance.simulation.world import World, write_world

GOOD = {
    "id": "t1", "time": "2025-01-02T10:00:00", "sender": "a", "receiver": "b", "amount": "100", "currency": "EUR",
    "channel": "transfer",
}  # fmt: skip
PARTIES = [{"id": each, "kind": "LegalEntity", "name": f"Firm {each}"} for each in "pqr"]
TOMORROW = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%S")


def _payments(*rows: dict[str, str]):
    return payments_of("p.csv", {name: [{**GOOD, **row}.get(name, "") for row in rows] for name in GOOD})


def _entities(*links: dict[str, object]):
    accounts = [{"id": "a"}, {"id": "b"}]
    return entities_of("e.json", {"parties": PARTIES, "accounts": accounts, "links": list(links)})


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"amount": "-5"}, "not above zero"),
        ({"amount": "1e14"}, "more than any payment"),
        ({"amount": "ten"}, "is no number"),
        ({"amount": "nan"}, "is no number"),
        ({"currency": "EUX"}, "did you mean"),
        ({"channel": "pigeon"}, "no channel"),
        ({"time": TOMORROW}, "after today"),
        ({"time": "1969-05-05"}, "before 1970"),
        ({"time": "yesterday"}, "is no time"),
        ({"time": "2025-13-01"}, "calendar"),
        ({"sender": "b"}, "are both"),
        ({"sender": ""}, "has sender and receiver"),
        ({"channel": "cash_in"}, "nothing at its other end"),
    ],
)
def test_a_payment_that_cannot_be_is_refused(row: dict[str, str], says: str):
    with pytest.raises(InputError, match=says):
        _payments(row)


def test_an_id_that_stands_twice_is_refused():
    with pytest.raises(FormatError, match="rows 2 and 3"):
        _payments({}, {"amount": "7"})


def test_a_column_that_is_missing_is_named():
    with pytest.raises(FormatError, match="no column for receiver, currency"):
        payments_of("p.csv", {name: [GOOD[name]] for name in GOOD if name not in ("receiver", "currency")})


def test_other_titles_of_a_column_are_known_and_rows_are_put_in_order():
    found = payments_of("p.csv", {
        "transaction_id": ["1", "2"], "Timestamp": ["2025-01-03", "2025-01-02"], "from": ["a", "b"], "to": ["b", "a"],
        "value": ["1", "2"], "ccy": ["USD", "USD"], "type": ["wire", "card"],
    })  # fmt: skip
    assert found.id.tolist() == ["2", "1"]
    assert np.isnan(found.quantity).all()


def test_an_account_that_nobody_knows_is_refused_with_the_nearest():
    with pytest.raises(UnknownAccount, match="'external'"):
        book_of(_payments({"receiver": "bb"}), _entities())


@pytest.mark.parametrize(
    ("links", "says"),
    [
        ([("p", "q", 60), ("r", "q", 50)], "110 %"),
        ([("p", "q", 100), ("q", "p", 100)], "a circle nobody owns"),
        ([("p", "p", 10)], "owns itself"),
    ],
)
def test_shares_that_cannot_all_be_true_are_refused(links, says: str):
    with pytest.raises(OwnershipError, match=says):
        _entities(*({"source": a, "kind": "owns", "target": b, "share": share} for a, b, share in links))


def test_shares_that_follow_each_other_in_time_may_sum_to_more():
    later = {"source": "r", "kind": "owns", "target": "q", "share": 80, "valid_from": "2025-02-01"}
    assert _entities({"source": "p", "kind": "owns", "target": "q", "share": 80, "valid_to": "2025-02-01"}, later)


@pytest.mark.parametrize(
    "link",
    [
        {"source": "p", "kind": "owns", "target": "q"},
        {"source": "p", "kind": "holds", "target": "zz"},
        {"source": "zz", "kind": "uses", "target": "device"},
        {"source": "p", "kind": "knows", "target": "q"},
    ],
)
def test_a_link_that_joins_nothing_is_refused(link: dict[str, object]):
    with pytest.raises(InputError):
        _entities(link)


def test_what_is_known_later_is_not_in_the_book():
    late = {"source": "q", "kind": "holds", "target": "b", "valid_from": "2025-01-01", "known_at": "2025-03-01"}
    entities = _entities({"source": "p", "kind": "holds", "target": "a"}, late)
    book = book_of(_payments({}), entities)
    assert book.holder.tolist() == [0, -1]
    moment = int(np.datetime64("2025-04-01", "s").astype(int))
    assert book_of(_payments({}), entities, as_of=moment).holder.tolist() == [0, 1]


def test_documents_state_amounts_countries_and_relations():
    text = (
        "## K1 | kyc | p | 2025-01-01\n1. Relationship: payroll agent.\n2. Expected payment: EUR 1,000 (car).\n"
        "3. Expected countries: XA, PH.\n\n## K2 | kyc | p | 2025-06-01\n1. Expected monthly turnover: USD 500.\n"
    )
    documents = read_documents(text)
    said = stated(documents, known=np.datetime64("2025-02-01", "s").astype(int))["p"]
    assert said.relation is not None
    assert said.relation[0] == "payroll agent"
    assert said.payments[0][0] == pytest.approx(1080)
    assert [country for country, _ in said.countries] == ["XA", "PH"]
    assert said.turnover is None, "the second document was not known then"
    assert text[said.payments[0][1].start : said.payments[0][1].end] == said.payments[0][1].text


def test_text_without_sections_is_refused():
    with pytest.raises(FormatError, match="## id"):
        read_documents("Dear Sir or Madam")


def test_a_world_reads_back_as_it_was_written(made: World, tmp_path: Path):
    folder = write_world(made, tmp_path / "world")
    payments, entities = read_payments(folder / "payments.csv"), read_entities(folder / "entities.json")
    assert payments.id.tolist() == made.payments.id.tolist()
    assert payments.time.tolist() == made.payments.time.tolist()
    assert len(entities.links) == len(made.entities.links)
    assert [each.id for each in read_lists(folder / "lists.csv")] == [each.id for each in made.lists]
    tables = json.loads((folder / "entities.json").read_text())
    tables["parties"][0]["colour"] = "red"
    (folder / "entities.json").write_text(json.dumps(tables))
    with pytest.raises(UnknownName, match="colour"):
        read_entities(folder / "entities.json")
