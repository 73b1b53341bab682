from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.core.trust.stability import Bins, critical_value, index_of, shift_of


def test_under_the_null_the_index_exceeds_its_critical_value_in_one_of_twenty():
    random = np.random.default_rng(0)
    beyond = [
        each.index > each.critical
        for each in (shift_of(random.normal(size=800), random.normal(size=500)) for _ in range(400))
    ]
    assert 0.02 < np.mean(beyond) < 0.09


def test_days_that_differ_raise_the_null_of_whole_days_above_that_of_rows():
    random = np.random.default_rng(1)
    level, day = random.normal(size=40), np.repeat(np.arange(40), 200)
    values = level[day] + 0.3 * random.normal(size=len(day))
    found = shift_of(values[day < 20], values[day >= 20], groups=(day[day < 20], day[day >= 20]))
    assert found.critical_by_group > 10 * found.critical
    assert found.index > found.critical
    assert not found.beyond_chance
    assert found.word == "stable"


def test_a_moved_mean_is_called_shifted():
    random = np.random.default_rng(2)
    found = shift_of(random.normal(size=2000), random.normal(1.0, size=2000))
    assert found.beyond_chance
    assert found.word == "shifted"


def test_missing_values_have_a_bin_of_their_own():
    values = np.random.default_rng(3).normal(size=1000)
    gone = np.where(np.arange(1000) % 2 == 0, np.nan, values)
    assert shift_of(values, gone).word == "shifted"
    assert Bins.of(values).of_rows(np.array([np.nan])) == Bins.of(values).size - 1


def test_a_value_that_never_changes_has_no_index():
    assert shift_of(np.ones(100), np.ones(50)).index == pytest.approx(0, abs=1e-12)


def test_the_index_is_the_published_sum():
    before, now = np.array([30.0, 70.0]), np.array([50.0, 50.0])
    p, q = (before + 0.5) / 101, (now + 0.5) / 101
    assert index_of(before, now) == pytest.approx(((q - p) * np.log(q / p)).sum())
    assert critical_value(100, 100, 2) == pytest.approx(0.02 * 3.8415, rel=1e-4)


def test_an_empty_side_is_refused():
    with pytest.raises(FormatError, match="both sides"):
        shift_of(np.zeros(0), np.zeros(3))
