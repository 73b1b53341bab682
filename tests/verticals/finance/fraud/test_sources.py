"""Payments from files: every format to the same events, every fault to one sentence."""

from __future__ import annotations

import gzip
import json
import time as clock

import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError, UnknownName
from colonnade.verticals.finance.fraud.records import DAY
from colonnade.verticals.finance.fraud.sources import read_payments

HANDBOOK = """\
,TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_SECONDS,TX_TIME_DAYS,TX_FRAUD,TX_FRAUD_SCENARIO
0,0,2018-04-01 00:00:31,596,3156,57.16,31,0,0,0
1,1,2018-04-01 00:02:10,4961,3412,81.51,130,0,1,2
"""
PLAIN = "id,time,card,terminal,amount\na,2024-05-01 10:00:00,c1,t1,5.5\nb,2024-05-01 11:00:00,c2,t1,7\n"


def written(folder, text: str, name: str = "payments.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_handbook_is_read_as_published_one_file_or_a_folder(tmp_path):
    one = read_payments(written(tmp_path, HANDBOOK, "2018-04.csv"))
    assert one.events.card.tolist() == ["596", "4961"]
    assert one.events.time[0] == np.datetime64("2018-04-01T00:00:31", "s").astype(float)
    assert one.labels.fraud.tolist() == [False, True]
    assert one.labels.scenario.tolist() == [0, 2]
    assert (one.labels.known_at == one.events.time + 7 * DAY).all()
    later = HANDBOOK.replace("2018-04", "2018-05").replace("0,0,2018", "2,2,2018").replace("1,1,2018", "3,3,2018")
    (tmp_path / "2018-05.csv.gz").write_bytes(gzip.compress(later.encode()))
    whole = read_payments(tmp_path)
    assert whole.events.id.tolist() == ["0", "1", "2", "3"]


def test_parquet_and_json_lines_say_the_same_as_csv(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = written(tmp_path, PLAIN)
    pandas.read_csv(path).to_parquet(tmp_path / "p.parquet")
    rows = [dict(zip(("id", "time", "card", "terminal", "amount"), line.split(","), strict=True))
            for line in PLAIN.splitlines()[1:]]  # fmt: skip
    lines = written(tmp_path, "\n".join(json.dumps({**row, "amount": float(row["amount"])}) for row in rows), "p.jsonl")
    first = read_payments(path).events
    for other in (tmp_path / "p.parquet", lines):
        events = read_payments(other).events
        for column in ("id", "time", "card", "terminal", "amount"):
            np.testing.assert_array_equal(getattr(events, column), getattr(first, column))


def test_a_map_of_columns_is_followed_and_a_wrong_one_names_the_nearest(tmp_path):
    path = written(tmp_path, PLAIN.replace("card", "PAN_HASH"))
    with pytest.raises(FormatError, match=r"no column card.*columns\.json"):
        read_payments(path)
    written(tmp_path, json.dumps({"card": "pan_hash"}), "columns.json")
    assert read_payments(path).events.card.tolist() == ["c1", "c2"]
    with pytest.raises(UnknownName, match="did you mean 'PAN_HASH'"):
        read_payments(path, columns={"card": "PAN_HAS"})
    with pytest.raises(UnknownName, match="did you mean 'card'"):
        read_payments(path, columns={"crad": "PAN_HASH"})


def test_times_are_read_with_zones_and_as_unix_seconds(tmp_path):
    want = read_payments(written(tmp_path, PLAIN)).events.time.tolist()
    for first, second in (
        ("2024-05-01T12:00:00+02:00", "2024-05-01T13:00:00+02:00"),
        (f"{want[0]:.0f}", f"{want[1]:.0f}"),
        (f"{want[0] * 1000:.0f}", f"{want[1] * 1000:.0f}"),
        ("2024-05-01T10:00:00Z", "2024-05-01 11:00:00.000"),
    ):
        text = PLAIN.replace("2024-05-01 10:00:00", first).replace("2024-05-01 11:00:00", second)
        assert read_payments(written(tmp_path, text)).events.time.tolist() == want


def test_payments_out_of_order_are_sorted_with_their_labels_and_it_is_said(tmp_path):
    text = "id,time,card,terminal,amount,fraud\nb,2024-05-02 10:00:00,c,t,5,1\na,2024-05-01 10:00:00,c,t,6,\n"
    found = read_payments(written(tmp_path, text))
    assert found.events.id.tolist() == ["a", "b"]
    assert found.labels.fraud.tolist() == [False, True]
    assert np.isinf(found.labels.known_at[0])
    assert "sorted by time" in found.events.warnings[0]


FAULTS = {
    "future": (PLAIN.replace("2024", str(clock.gmtime().tm_year + 2)), "in the future"),
    "twice": (PLAIN.replace("b,", "a,"), "stands twice"),
    "negative": (PLAIN.replace(",7", ",-7"), "is no payment"),
    "absurd": (PLAIN.replace(",7", ",7e12"), "is no payment"),
    "nan": (PLAIN.replace(",7", ",nan"), "NaN"),
    "no number": (PLAIN.replace(",7", ",seven"), "no number"),
    "no card": (PLAIN.replace("c2", ""), "has no card"),
    "no time": (PLAIN.replace("2024-05-01 11:00:00", "yesterday"), "no moment"),
    "slashes": (PLAIN.replace("2024-05-01 11:00:00", "05/01/2024 11:00"), "no moment"),
    "no column": (PLAIN.replace("amount", "worth"), "no column amount"),
    "letter": ("Dear sir,\nI write,\n", "no column"),
    "currency": (
        PLAIN.replace("amount\n", "amount,currency\n").replace("5.5\n", "5.5,EUR\n").replace(",7\n", ",7,EUX\n"),
        "no currency 'EUX'",
    ),
    "currencies": (
        PLAIN.replace("amount\n", "amount,currency\n").replace("5.5\n", "5.5,EUR\n").replace(",7\n", ",7,USD\n"),
        "convert them to one",
    ),
    "label": (
        PLAIN.replace("amount\n", "amount,fraud\n").replace("5.5\n", "5.5,0\n").replace(",7\n", ",7,perhaps\n"),
        "neither yes nor no",
    ),
    "label before": (
        PLAIN.replace("amount\n", "amount,fraud,known_at\n").replace("5.5\n", "5.5,0,2024-04-01 00:00:00\n")
        .replace(",7\n", ",7,1,2024-05-09 00:00:00\n"), "known before their payment",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_met_with_a_sentence(fault, tmp_path):
    text, sentence = FAULTS[fault]
    with pytest.raises((FormatError, UnknownName), match=sentence):
        read_payments(written(tmp_path, text))


def test_files_that_are_cut_or_no_text_are_refused(tmp_path):
    whole = gzip.compress(PLAIN.encode() * 50)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "noise.csv").write_bytes(bytes(range(1, 256)) * 20)
    (tmp_path / "cut.jsonl").write_text('{"id": "a", "time": ')
    (tmp_path / "empty").mkdir()
    for name in ("cut.csv.gz", "noise.csv", "cut.jsonl", "empty"):
        with pytest.raises((FileError, FormatError)):
            read_payments(tmp_path / name)
