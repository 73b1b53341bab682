from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import get_args

import pytest

from colonnade.core.errors import InputError
from colonnade.core.result import Interval
from colonnade.verticals.medical.guidelines import bts
from colonnade.verticals.medical.guidelines.bts import TABLE, Nodule, advise, attributes
from colonnade.verticals.medical.guidelines.risk import Chance

SOLID = Nodule(long_axis_mm=7, texture="solid", benign=False, juxtapleural=False, compared="first")
GLASS = replace(SOLID, texture="ground-glass", concerning=False)


def _chance(low: float, high: float) -> Chance:
    return Chance(low=low, high=high, missing=("emphysema",), source="")


def _days(value: float) -> Interval:
    return Interval(value=value, low=value, high=value)


def _row(nodule: Nodule) -> str:
    advice = advise(nodule)
    assert len(advice.rows) == 1, advice.rows
    return advice.rows[0]


@pytest.mark.parametrize(
    ("volume", "row"),
    [(79.9, "small"), (80.0, "middle"), (299.9, "middle"), (300.0, "large-low-risk"), (3000.0, "large-low-risk")],
)
def test_a_solid_nodule_goes_by_its_volume(volume, row):
    assert _row(replace(SOLID, volume_mm3=volume, brock=_chance(0.01, 0.01))) == f"solid-{row}"


@pytest.mark.parametrize(
    ("axis", "row"),
    [(4.94, "small"), (4.95, "five"), (5.0, "five"), (5.9, "five"), (6.0, "middle"), (7.9, "middle"),
     (8.0, "large-low-risk")],
)  # fmt: skip
def test_without_a_volume_it_goes_by_its_longest_axis(axis, row):
    assert _row(replace(SOLID, long_axis_mm=axis, brock=_chance(0.01, 0.01))) == f"solid-{row}"


@pytest.mark.parametrize(("risk", "row"), [(0.0999, "low"), (0.1, "high")])
def test_brock_decides_at_ten_per_cent(risk, row):
    assert _row(replace(SOLID, volume_mm3=400, brock=_chance(risk, risk))) == f"solid-large-{row}-risk"
    stable = replace(GLASS, compared="stable", brock=_chance(risk, risk))
    assert _row(stable) == f"subsolid-stable-{row}-risk"


def test_a_risk_on_both_sides_of_the_limit_leaves_both_rows_and_names_what_is_missing():
    advice = advise(replace(SOLID, volume_mm3=400, brock=_chance(0.05, 0.2)))
    assert advice.rows == ("solid-large-low-risk", "solid-large-high-risk")
    assert advice.missing == ("emphysema",)
    assert advise(replace(SOLID, volume_mm3=400)).missing == ("age",)


@pytest.mark.parametrize(
    ("days", "row"), [(400.0, "fast"), (400.5, "grown"), (600.0, "grown"), (600.5, "slow"), (5000.0, "slow")]
)
def test_growth_goes_by_the_doubling_time(days, row):
    grown = replace(SOLID, compared="grown", doubling=_days(days), days=365.0)
    assert _row(grown) == f"solid-{row}"
    early = replace(grown, days=90.0)
    assert _row(early) == ("solid-fast" if row == "fast" else "solid-grown-early")


def test_a_doubling_time_leaves_every_row_that_its_interval_reaches():
    wide = Interval(value=390.0, low=300.0, high=float("inf"))
    advice = advise(replace(SOLID, compared="grown", doubling=wide, days=365.0))
    assert advice.rows == ("solid-fast", "solid-grown", "solid-slow")


@pytest.mark.parametrize(("days", "row"), [(90.0, "stable"), (299.0, "stable"), (300.0, "stable-a-year")])
def test_a_stable_solid_nodule_is_let_go_after_a_year(days, row):
    assert _row(replace(SOLID, compared="stable", days=days)) == f"solid-{row}"


@pytest.mark.parametrize(("axis", "row"), [(4.9, "small"), (5.0, "first"), (20.0, "first")])
def test_a_subsolid_nodule_goes_by_its_longest_axis(axis, row):
    assert _row(replace(GLASS, long_axis_mm=axis, volume_mm3=1000.0)) == f"subsolid-{row}"
    assert _row(replace(GLASS, texture="part-solid", long_axis_mm=axis)) == f"subsolid-{row}"


def test_a_subsolid_nodule_that_grows_or_looks_odd_is_not_only_watched():
    assert _row(replace(GLASS, compared="grown")) == "subsolid-grown"
    assert _row(replace(GLASS, compared="stable", concerning=True, brock=_chance(0, 0))) == "subsolid-stable-concerning"


def test_benign_and_juxtapleural_nodules_are_let_go():
    assert _row(replace(SOLID, benign=True)) == "benign"
    assert _row(replace(SOLID, juxtapleural=True)) == "solid-juxtapleural"
    assert _row(replace(SOLID, juxtapleural=True, long_axis_mm=10.0, brock=_chance(0, 0))) == "solid-large-low-risk"


def test_a_new_nodule_below_the_size_is_not_let_go():
    assert _row(replace(SOLID, long_axis_mm=4.0, compared="new")) == "solid-small-new"


def test_every_case_has_exactly_one_row():
    values = (
        get_args(bts.Texture), (True, False), (True, False), get_args(bts.Compared), (4.0, 5.0, 6.0, 9.0, 12.0),
        (None, 50.0, 100.0, 400.0), (0.05, 0.1), (300.0, 500.0, 700.0), (90.0, 365.0), (True, False),
    )  # fmt: skip
    cases = random.Random(0).sample(list(itertools.product(*values)), 2000)
    for texture, benign, near, compared, axis, volume, risk, doubling, days, odd in cases:
        nodule = Nodule(
            long_axis_mm=axis, volume_mm3=volume, texture=texture, benign=benign, juxtapleural=near, compared=compared,
            doubling=_days(doubling), days=days, brock=_chance(risk, risk), concerning=odd,
        )  # fmt: skip
        assert len(TABLE.read(attributes(nodule)).rows) == 1, nodule


@pytest.mark.parametrize("wrong", [{"long_axis_mm": 0.0}, {"volume_mm3": -1.0}, {"volume_mm3": float("nan")}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError, match="positive"):
        advise(replace(SOLID, **wrong))
