from __future__ import annotations

import numpy as np

from colonnade.verticals.finance.governance.duplicates import altered, apart, nearest

LEARNT = (
    "my card has not arrived", "how do I change my PIN", "the exchange rate looks wrong", "please close my account",
    "the machine kept my card", "I was charged twice for one purchase",
)  # fmt: skip
JUDGED = (
    "where can I see my statement", "the top up was refused", "is there a fee for cash abroad",
    "my phone was stolen on holiday",
)  # fmt: skip


def test_a_text_with_one_small_change_is_found_and_other_texts_are_not():
    found = nearest(LEARNT, (*JUDGED, "my card has not arived", "MY CARD HAS NOT ARRIVED!"))
    assert found.twins.tolist() == [4, 5]
    assert found.place[[4, 5]].tolist() == [0, 0]


def test_long_texts_are_compared_by_words_and_not_by_the_letters_that_all_have():
    random = np.random.default_rng(0)
    words = [f"word{number}" for number in range(40)]
    one, other = (" ".join(random.choice(words, 120)) for _ in range(2))
    assert not len(nearest([one], [other], shingles="words").twins)
    assert len(nearest([one], [altered(one, random)], shingles="words").twins)


def test_the_chapter_passes_where_sides_are_apart_and_shows_that_it_can_fail():
    chapter = apart(LEARNT, JUDGED, left_out=3, what="messages", shingles="letters", seed=0)
    assert [each.status for each in chapter.expects] == ["pass", "pass"]
    assert "3 were left out" in chapter.expects[0].found


def test_twins_that_were_not_left_out_are_a_failure():
    chapter = apart(LEARNT, (*JUDGED, LEARNT[2]), left_out=0, what="messages", shingles="letters", seed=0)
    assert chapter.expects[0].status == "fail"
    assert chapter.tables[0].rows[0][0] == LEARNT[2]
