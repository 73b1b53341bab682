from __future__ import annotations

from dataclasses import replace

import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.medical.guidelines.fleischner import ROWS, Nodule, Patient, advise

LOW = Patient(
    age=60, screening=False, cancer=False, immunosuppressed=False, high_risk_smoking=False, family_history=False,
    emphysema=False, fibrosis=False,
)  # fmt: skip
HIGH = replace(LOW, high_risk_smoking=True)
SOLID = Nodule(diameter_mm=7, texture="solid", multiple=False, upper_lobe=False, spiculated=False)


@pytest.mark.parametrize(
    ("millimetres", "low", "high"),
    [
        (5.49, "small-low", "small-high"), (5.5, "middle-low", "middle-high"), (8.49, "middle-low", "middle-high"),
        (8.5, "large", "large"),
    ],
)  # fmt: skip
def test_a_single_solid_nodule_is_measured_to_the_whole_millimetre(millimetres, low, high):
    nodule = replace(SOLID, diameter_mm=millimetres)
    assert advise(nodule, LOW).rows == (f"solid-single-{low}",)
    assert advise(nodule, HIGH).rows == (f"solid-single-{high}",)


@pytest.mark.parametrize(("millimetres", "size"), [(5.49, "small"), (5.5, "large"), (9.0, "large")])
def test_several_nodules_have_rows_of_their_own(millimetres, size):
    several = replace(SOLID, diameter_mm=millimetres, multiple=True)
    assert advise(several, LOW).rows == (f"solid-multiple-{size}-low",)
    assert advise(several, HIGH).rows == (f"solid-multiple-{size}-high",)
    assert advise(replace(several, texture="ground-glass"), HIGH).rows == (f"subsolid-multiple-{size}",)


@pytest.mark.parametrize(
    ("whole", "part", "row"),
    [
        (5.49, 3.0, "small"), (5.5, 5.49, "large"), (9.0, 5.5, "solid-part"), (9.0, 8.49, "solid-part"),
        (9.0, 8.5, "suspicious"),
    ],
)  # fmt: skip
def test_a_part_solid_nodule_goes_by_its_solid_part(whole, part, row):
    nodule = replace(SOLID, diameter_mm=whole, texture="part-solid", solid_part_mm=part)
    assert advise(nodule, LOW).rows == (f"part-solid-single-{row}",)


def test_risk_does_not_change_the_row_of_a_ground_glass_nodule():
    nodule = replace(SOLID, texture="ground-glass")
    assert advise(nodule, LOW).rows == advise(nodule, HIGH).rows == ("ground-glass-single-large",)


def test_what_is_not_known_leaves_several_rows_and_is_named():
    answer = advise(SOLID, replace(LOW, emphysema=None))
    assert answer.rows == ("solid-single-middle-low", "solid-single-middle-high")
    assert answer.missing == ("emphysema",)


def test_what_would_change_nothing_is_not_asked_for():
    answer = advise(replace(SOLID, diameter_mm=9), replace(LOW, emphysema=None))
    assert answer.rows == ("solid-single-large",)
    assert answer.missing == ()


def test_nothing_known_but_the_size_leaves_every_row_of_that_size():
    answer = advise(Nodule(diameter_mm=4), Patient())
    assert set(answer.rows) == {row for row in ROWS if "small" in row}
    assert {"texture", "multiple", "age", "cancer"} <= set(answer.missing)


@pytest.mark.parametrize(
    "change", [{"age": 34}, {"screening": True}, {"cancer": True}, {"immunosuppressed": True}], ids=str
)
def test_the_guideline_is_silent_about_those_it_was_not_made_for(change):
    answer = advise(SOLID, replace(LOW, **change))
    assert answer.rows == ()
    assert len(answer.silent_because) == 1


def test_a_patient_of_35_and_a_nodule_of_30_mm_are_within_it():
    assert advise(replace(SOLID, diameter_mm=30), replace(LOW, age=35)).rows
    assert not advise(replace(SOLID, diameter_mm=30.1), LOW).rows


@pytest.mark.parametrize("wrong", [{"diameter_mm": 0.0}, {"diameter_mm": float("nan")}, {"solid_part_mm": 8.0}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError, match=r"mm|millimetres"):
        advise(replace(SOLID, **wrong), LOW)
