"""One merchant, however its name is written; words that stood on frauds weigh, others do not."""

from __future__ import annotations

import pytest

from colonnade.verticals.finance.fraud.descriptor import Words, normal


@pytest.mark.parametrize("text", ["SQ *BLUE BOTTLE 0423", "blue bottle 99", "POS BLUE-BOTTLE #12", "TST* Blue Bottle"])
def test_a_merchant_has_one_name(text):
    assert normal(text) == ("BLUE BOTTLE", ("BLUE", "BOTTLE"))


def test_a_text_without_words_has_no_name():
    assert normal("12345 ** !!") == ("", ())


def test_words_of_frauds_score_above_words_of_honest_payments():
    words = Words()
    for fraud, text in ((True, ("GIFT", "CARD")), (False, ("CAFE", "ROMA"))):
        for _ in range(50):
            words.told(text, fraud)
    assert words.score(("GIFT",), 0.01) > 2
    assert words.score(("CAFE",), 0.01) < -0.5
    assert words.score(("NEVER", "SEEN"), 0.01) == 0
