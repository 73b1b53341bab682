"""What of payments a checkpoint may keep."""

import re

from colonnade.core.vertical import tasks
from colonnade.verticals.finance.fraud.described import NAMES, rows_of
from colonnade.verticals.finance.fraud.sources import read_payments


def test_what_is_kept_of_a_payment_names_no_card_and_no_terminal():
    payments = read_payments(tasks()["finance/fraud"].sample()["history"])
    rows = rows_of(payments)
    assert len(rows) > 100
    assert rows.names == NAMES
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in rows.digests)
