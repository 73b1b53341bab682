from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.core.trust.stability import shift_of
from colonnade.verticals.finance.governance.comparison import compared_table, none_better, paired_means
from colonnade.verticals.finance.governance.shifts import shifts_expected, shifts_table

RANDOM = np.random.default_rng(0)
OURS = RANDOM.random(600) < 0.7
MARKS = {"ours": OURS, "worse": OURS & (RANDOM.random(600) < 0.8), "better": OURS | (RANDOM.random(600) < 0.5)}
GROUPS = np.arange(600) // 3


def found(**more: np.ndarray):
    return paired_means({**MARKS, **more}, groups=GROUPS, against="ours", metric="share", seed=0)


def test_means_are_those_of_the_marks_and_differences_are_paired():
    means = found()
    assert means["ours"].metrics["share"].value == pytest.approx(OURS.mean())
    assert means["worse"].less["share"].high < 0 < means["better"].less["share"].low
    assert means["ours"].less["share"].low == means["ours"].less["share"].high == 0


def test_a_baseline_that_is_better_beyond_chance_is_named():
    line = none_better(found(), ours="ours", metric="share")
    assert line.status == "fail"
    assert "better: better" in line.found
    assert none_better(found(), ours="ours", metric="share", but=("better",)).status == "pass"


def test_the_table_has_a_line_a_score_and_no_difference_for_ours():
    table = compared_table(found(), ours="ours", metrics={"share": "right"}, caption="c")
    assert [row[0] for row in table.rows] == ["ours", "worse", "better"]
    assert table.rows[0][2] == ""
    assert table.rows[1][2].startswith("-")


def test_one_group_gives_no_interval():
    with pytest.raises(InputError, match="two groups"):
        paired_means(MARKS, groups=np.zeros(600), against="ours", metric="share", seed=0)


def test_what_has_shifted_is_named_and_what_moved_most_comes_first():
    same, moved = RANDOM.normal(size=(2, 800)), RANDOM.normal(2, 1, 800)
    shifts = {"same": shift_of(same[0], same[1]), "moved": shift_of(same[0], moved)}
    lines = shifts_expected(shifts["same"], shifts, what="inputs", dealt="days")
    assert [each.status for each in lines] == ["pass", "fail"]
    assert lines[1].found.endswith("moved")
    table = shifts_table(("score", shifts["same"]), shifts, dealt="days", of=("inputs", "rows"))
    assert [row[0] for row in table.rows] == ["score", "moved", "same"]
