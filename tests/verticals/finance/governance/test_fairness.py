from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.verticals.finance.governance.fairness import fairness, grouped

WORDS = ("stopped", "fraud")


def test_few_values_are_groups_as_they_are_written():
    assert grouped("sex", np.array(["m", " f", ""])).tolist() == ["m", "f", "not said"]


def test_ages_are_cut_at_thirty_forty_five_and_sixty():
    ages = np.arange(20, 80)
    found = grouped("age", ages.astype(str))
    assert found[ages == 29] == "age below 30"
    assert found[ages == 30] == "age 30 to 45"
    assert found[ages == 60] == "age 60 and above"


def test_other_numbers_are_cut_by_quarters_and_names_in_numbers_are_refused():
    income = np.arange(100).astype(str)
    assert len(np.unique(grouped("income", income))) == 4
    with pytest.raises(FormatError, match="town has 20 different values"):
        grouped("town", np.array([f"t{number}" for number in range(20)]))


def test_without_columns_the_line_says_what_to_give():
    chapter = fairness(np.ones(3, bool), np.ones(3, bool), {}, clusters=None, words=WORDS, seed=0)
    assert [each.status for each in chapter.expects] == ["not run"]
    assert "--groups sex,age" in chapter.expects[0].found


def test_an_unequal_group_fails_and_a_column_that_cannot_be_compared_says_why():
    random = np.random.default_rng(0)
    group, happened = np.where(np.arange(4000) % 2 == 0, "a", "b"), random.random(4000) < 0.3
    flagged = random.random(4000) < np.where(group == "a", 0.1, 0.4)
    alone = np.array(["one"] * 4000)
    chapter = fairness(flagged, happened, {"kind": group, "all": alone}, clusters=None, words=WORDS, seed=0)
    assert [each.status for each in chapter.expects] == ["fail", "not run"]
    assert "false positives of b 3.8" in chapter.expects[0].found
