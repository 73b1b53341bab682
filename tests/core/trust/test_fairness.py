from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.core.result import Interval
from colonnade.core.trust.fairness import by_group, unlike


def decisions(false: float, rows: int = 6000, seed: int = 0):
    """Two groups; the second has so many times the false positives of the first."""
    random = np.random.default_rng(seed)
    group = np.where(random.random(rows) < 0.6, "a", "b")
    happened = random.random(rows) < 0.2
    rate = np.where(happened, 0.6, np.where(group == "b", 0.05 * false, 0.05))
    return random.random(rows) < rate, happened, group


def test_twice_the_false_positives_are_found_beyond_chance():
    flagged, happened, group = decisions(2.0)
    first, second = by_group(flagged, happened, group)
    assert (first.name, second.name) == ("a", "b")  # the largest is the reference
    ratio = second.false_positive_ratio
    assert ratio.low < 2 < ratio.high
    assert ratio.low > 1.25
    assert not second.alike
    assert second.recall_ratio.low < 1 < second.recall_ratio.high


def test_equal_groups_are_alike():
    assert all(each.alike for each in by_group(*decisions(1.0)))


def test_the_rates_are_plain_shares():
    flagged, happened, group = decisions(1.5)
    for each in by_group(flagged, happened, group, rounds=10):
        own = group == each.name
        assert each.false_positive_rate == pytest.approx(flagged[own & ~happened].mean())
        assert each.recall == pytest.approx(flagged[own & happened].mean())
        assert each.count == own.sum()


def test_the_reference_is_the_first_that_is_named():
    flagged, happened, group = decisions(2.0)
    found = by_group(flagged, happened, group, names=("b", "a"), rounds=50)
    assert found[0].name == "b"
    assert found[1].false_positive_ratio.value < 1


def test_rows_that_repeat_widen_the_interval_when_clusters_are_named():
    flagged, happened, group = decisions(2.0, rows=1000)
    again = np.tile(np.arange(1000), 10)
    alone = by_group(flagged[again], happened[again], group[again])[1].false_positive_ratio
    together = by_group(flagged[again], happened[again], group[again], clusters=again)[1].false_positive_ratio
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_a_ratio_outside_with_one_in_its_interval_is_no_finding():
    assert not unlike(Interval(value=1.4, low=0.9, high=2.0))
    assert unlike(Interval(value=1.4, low=1.1, high=1.8))
    assert not unlike(Interval(value=1.2, low=1.1, high=1.3))


def test_too_few_cases_are_refused():
    with pytest.raises(FormatError, match="two are needed"):
        by_group(np.ones(20, bool), np.arange(20) % 2 == 0, np.array(["a"] * 19 + ["b"]))
