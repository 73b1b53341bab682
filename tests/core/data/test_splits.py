"""Splits that do not leak: rows, groups and time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.core.data.splits import Split, grouped_split, random_split, timed_split
from colonnade.core.errors import InputError


def disjoint(split: Split) -> bool:
    rows = np.concatenate(split)
    return len(np.unique(rows)) == len(rows)


@given(st.integers(10, 200), st.integers(0, 5))
def test_a_random_split_deals_every_row_once_and_replays(rows: int, seed: int) -> None:
    split = random_split(rows, seed=seed)
    assert sorted(np.concatenate(split)) == list(range(rows))
    assert all(np.array_equal(a, b) for a, b in zip(split, random_split(rows, seed=seed), strict=True))
    assert len(split.train) == round(0.7 * rows)


@settings(deadline=None)
@given(st.lists(st.integers(0, 12), min_size=3, max_size=80).filter(lambda groups: len(set(groups)) >= 3))
def test_a_grouped_split_keeps_each_group_on_one_side(groups: list[int]) -> None:
    split = grouped_split(groups, seed=1)
    sides = [{groups[row] for row in side} for side in split]
    assert sorted(np.concatenate(split)) == list(range(len(groups)))
    assert all(sides)
    assert sides[0].isdisjoint(sides[1] | sides[2])
    assert sides[1].isdisjoint(sides[2])


def test_a_grouped_split_comes_near_its_shares() -> None:
    split = grouped_split([row // 5 for row in range(500)], shares=(0.6, 0.2, 0.2))
    assert [len(side) for side in split] == pytest.approx([300, 100, 100], abs=10)


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1000), min_size=30, max_size=120, unique=True),
    st.floats(0, 30),
    st.randoms(use_true_random=False),
)
def test_a_timed_split_leaves_the_embargo_between_sides(times: list[float], embargo: float, chance) -> None:
    chance.shuffle(times)
    try:
        split = timed_split(times, embargo=embargo)
    except InputError as error:
        assert "would be empty" in str(error)  # noqa: PT017 - hypothesis may crowd all times into the embargo
        return
    at = np.array(times)
    assert disjoint(split)
    for before, after in ((split.train, split.validation), (split.validation, split.test), (split.train, split.test)):
        assert at[before].max() + embargo <= at[after].min()
        assert at[before].max() < at[after].min()


def test_rows_of_one_instant_stay_on_one_side() -> None:
    times = np.repeat(np.arange(20.0), 5)
    split = timed_split(times, shares=(0.52, 0.0, 0.48))
    assert not set(times[split.train]) & set(times[split.test])
    assert len(split.validation) == 0


def test_without_embargo_no_row_is_lost() -> None:
    assert sum(map(len, timed_split(np.arange(40.0)))) == 40


def test_an_empty_side_and_wrong_shares_are_refused() -> None:
    with pytest.raises(InputError, match="test side of the split would be empty"):
        random_split(2, shares=(0.5, 0.5 - 1e-3, 1e-3))
    with pytest.raises(InputError, match="sum to 1"):
        random_split(10, shares=(0.5, 0.5, 0.5))
    with pytest.raises(InputError, match="2 groups cannot fill 3 sides"):
        grouped_split(["a", "b", "a"])
    with pytest.raises(InputError, match="finite"):
        timed_split([0.0, float("nan")])
