"""The table of accounts: read from any table, joined by the card, and refused where it contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.verticals.finance.fraud.accounts import read_accounts
from colonnade.verticals.finance.fraud.records import DAY
from colonnade.verticals.finance.fraud.stream import NAMES, features_of

from .conftest import START, made


def written(folder, text: str, encoding: str = "utf-8"):
    path = folder / "accounts.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_rows_are_joined_by_card_whatever_the_encoding(encoding, tmp_path):
    text = "Customer_ID;Opened;Credit_Limit;Segment\nc1;2020-01-31;1500,50;Küche\nc2;;;\n"
    found = read_accounts(written(tmp_path, text, encoding))
    assert found.rows["c1"] == {"opened": 1580428800.0, "limit": 1500.5, "segment": "küche"}
    assert found.rows["c2"] == {}
    assert found.warnings == ()


def test_repeated_rows_count_once_and_contradictions_are_refused(tmp_path):
    found = read_accounts(written(tmp_path, "card,tenure_days\na,5\na,5\nb,7\n"))
    assert dict(found.rows) == {"a": {"account_days": 5.0}, "b": {"account_days": 7.0}}
    assert "1 rows of accounts.csv repeat another one" in found.warnings[0]
    with pytest.raises(FormatError, match="card a more than once with different values"):
        read_accounts(written(tmp_path, "card,tenure_days\na,5\na,6\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("iban,limit\nx,5\n", "no column that names the card"),
        ("card\nx\n", "0 columns to read"),
        ("card,limit\nx,much\n", "'much' in the column limit is no number"),
        ("card,opened\nx,31/12/2020\n", "no moment"),
        ("card,limit\n,5\n", "row 2 names no card"),
    ],
)
def test_tables_that_cannot_be_joined_are_refused(text, said, tmp_path):
    with pytest.raises(FormatError, match=said):
        read_accounts(written(tmp_path, text))


def test_no_decision_rests_on_sex_or_origin(tmp_path):
    found = read_accounts(written(tmp_path, "card,sex,nationality,limit\na,f,xx,5\n"))
    assert dict(found.rows) == {"a": {"limit": 5.0}}
    assert "sex, nationality" in found.warnings[0]


def test_accounts_that_were_struck_more_often_lift_others_like_them():
    whole = made(4, 600, cards=30, days=60)
    numbers = np.char.lstrip(whole.events.card, "c").astype(int)
    account = {
        f"c{n}": {"band": "low" if n % 2 else "high", "opened": START - 100 * DAY, "limit": 50.0} for n in range(28)
    }
    labels = replace(whole.labels, fraud=whole.labels.fraud & (numbers % 2 == 1), known_at=whole.events.time + DAY)
    found = features_of(replace(whole.events, account=account), labels)
    column = lambda name: found[-200:, NAMES.index(name)]  # noqa: E731
    last, known = numbers[-200:], numbers[-200:] < 28
    low = (last % 2 == 1) & known
    assert column("account_lift")[low].min() > column("account_lift")[~low & known].max()
    assert np.isnan(column("account_lift")[~known]).all()
    share = column("account_amount_to_limit")[known]
    np.testing.assert_allclose(share, whole.events.amount[-200:][known] / 50, rtol=1e-5)
    assert (column("account_age")[known] > 100).all()
    without = features_of(whole.events, labels)
    assert np.isnan(without[:, NAMES.index("account_lift")]).all()
