from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import get_args

import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.medical.guidelines import lung_rads
from colonnade.verticals.medical.guidelines.lung_rads import TABLE, Nodule, advise, attributes

SOLID = Nodule(
    diameter_mm=7, texture="solid", comparison="baseline", benign=False, juxtapleural=False, airway="no", cyst="no",
    suspicious=False,
)  # fmt: skip
PART = replace(SOLID, texture="part-solid", solid_part_mm=0.0)
GLASS = replace(SOLID, texture="ground-glass")


def _category(nodule: Nodule) -> str:
    advice = advise(nodule)
    assert len(advice.rows) == 1, advice.rows
    assert advice.missing == ()
    return advice.open[0].row.category


@pytest.mark.parametrize(
    ("millimetres", "baseline", "new", "growing"),
    [
        (3.94, "2", "2", "4A"), (3.95, "2", "3", "4A"), (4.0, "2", "3", "4A"), (5.9, "2", "3", "4A"),
        (5.94, "2", "3", "4A"), (5.95, "3", "4A", "4A"), (6.0, "3", "4A", "4A"), (7.9, "3", "4A", "4A"),
        (7.95, "4A", "4B", "4B"), (8.0, "4A", "4B", "4B"), (14.9, "4A", "4B", "4B"), (14.95, "4B", "4B", "4B"),
        (15.0, "4B", "4B", "4B"), (31.0, "4B", "4B", "4B"),
    ],
)  # fmt: skip
def test_a_solid_nodule_goes_by_its_diameter_to_a_tenth(millimetres, baseline, new, growing):
    for comparison, category in (("baseline", baseline), ("new", new), ("growing", growing)):
        assert _category(replace(SOLID, diameter_mm=millimetres, comparison=comparison)) == category


@pytest.mark.parametrize(
    ("whole", "part", "baseline", "new"),
    [
        (5.9, 5.0, "2", "3"), (6.0, 0.0, "3", "4A"), (6.0, 3.9, "3", "4A"), (6.0, 4.0, "3", "4B"),
        (9.0, 5.9, "3", "4B"),
        (9.0, 6.0, "4A", "4B"), (9.0, 7.9, "4A", "4B"), (9.0, 8.0, "4B", "4B"),
    ],
)  # fmt: skip
def test_a_part_solid_nodule_goes_by_its_solid_part(whole, part, baseline, new):
    nodule = replace(PART, diameter_mm=whole, solid_part_mm=part)
    assert _category(nodule) == baseline
    assert _category(replace(nodule, comparison="new")) == new


@pytest.mark.parametrize(("part", "category"), [(3.9, "4A"), (4.0, "4B")])
def test_a_growing_solid_part_goes_by_its_size(part, category):
    assert _category(replace(PART, diameter_mm=9, solid_part_mm=part, comparison="growing")) == category


@pytest.mark.parametrize(
    ("millimetres", "comparison", "category"),
    [
        (29.9, "baseline", "2"), (29.9, "new", "2"), (29.9, "growing", "2"), (30.0, "baseline", "3"),
        (30.0, "new", "3"),
        (30.0, "stable", "2"), (30.0, "growing slowly", "2"),
    ],
)  # fmt: skip
def test_a_ground_glass_nodule_changes_at_30_mm(millimetres, comparison, category):
    assert _category(replace(GLASS, diameter_mm=millimetres, comparison=comparison)) == category


def test_slow_growth_of_what_is_solid_is_4b():
    assert _category(replace(SOLID, comparison="growing slowly")) == "4B"
    assert _category(replace(PART, comparison="growing slowly")) == "4B"


@pytest.mark.parametrize(("millimetres", "category"), [(5.9, "2"), (9.9, "2"), (9.95, "4A"), (10.0, "4A")])
def test_a_juxtapleural_nodule_is_benign_below_10_mm(millimetres, category):
    assert _category(replace(SOLID, diameter_mm=millimetres, juxtapleural=True)) == category


@pytest.mark.parametrize(("earlier", "category"), [("1", "2"), ("2", "2"), ("3", "2"), ("4A", "3")])
def test_a_nodule_that_has_not_grown_steps_down(earlier, category):
    stable = replace(SOLID, comparison="stable", earlier_category=earlier)
    assert _category(stable) == category
    assert _category(replace(stable, cyst="multilocular")) == category


def test_after_4b_only_a_proof_of_benignity_steps_down():
    stable = replace(SOLID, comparison="stable", earlier_category="4B")
    assert _category(replace(stable, proven_benign=True)) == "2"
    open_row = advise(replace(stable, proven_benign=False)).open[0].row
    assert open_row.silent
    assert open_row.category == ""


@pytest.mark.parametrize(
    ("change", "category"),
    [
        ({"benign": True}, "1"),
        ({"airway": "subsegmental"}, "2"),
        ({"airway": "segmental or more proximal"}, "4A"),
        ({"airway": "segmental or more proximal", "comparison": "stable"}, "4B"),
        ({"airway": "segmental or more proximal", "comparison": "stable", "earlier_category": "4A"}, "4B"),
        ({"cyst": "thick wall"}, "4A"),
        ({"cyst": "thick wall, cystic part growing"}, "3"),
        ({"cyst": "thick wall, wall growing"}, "4B"),
        ({"cyst": "multilocular"}, "4A"),
        ({"cyst": "became multilocular"}, "4A"),
        ({"cyst": "multilocular, growing"}, "4B"),
    ],
    ids=str,
)
def test_benign_patterns_airways_and_cysts_have_rows_of_their_own(change, category):
    assert _category(replace(SOLID, **change)) == category


def test_suspicion_beside_size_makes_4x_of_3_and_4_only():
    assert _category(replace(SOLID, diameter_mm=5, suspicious=True)) == "2"
    for millimetres in (6.0, 8.0, 15.0):
        assert _category(replace(SOLID, diameter_mm=millimetres, suspicious=True)) == "4X"


def test_what_is_not_known_leaves_its_rows_open_and_is_named():
    advice = advise(replace(SOLID, juxtapleural=None))
    assert advice.rows == ("2-juxtapleural-baseline", "3-solid-baseline")
    assert advice.missing == ("juxtapleural",)
    assert [str(each) for each in advice.open[0].provided] == ["juxtapleural = true"]


def test_what_would_change_nothing_is_not_asked_for():
    advice = advise(replace(SOLID, diameter_mm=5, juxtapleural=None, suspicious=None, earlier_category=None))
    assert advice.rows == ("2-solid-baseline",)
    assert advice.missing == ()


def test_an_unknown_solid_part_is_no_wider_than_its_nodule():
    rows = advise(replace(PART, diameter_mm=7.0, solid_part_mm=None)).rows
    assert rows == ("3-part-solid-baseline", "4A-part-solid-baseline")


def test_nothing_known_but_the_size_excludes_only_other_sizes():
    categories = {each.row.category for each in advise(Nodule(diameter_mm=5)).open}
    assert categories >= {"1", "2", "3", "4A", "4B", "4X"}
    assert "3-solid-baseline" not in advise(Nodule(diameter_mm=5)).rows


def test_every_case_has_exactly_one_row():
    values = (
        get_args(lung_rads.Texture), get_args(lung_rads.Comparison), (True, False), (True, False),
        get_args(lung_rads.Airway), get_args(lung_rads.Cyst), get_args(lung_rads.Category), (True, False),
        (True, False), (3.9, 4.0, 6.0, 8.0, 10.0, 15.0, 30.0), (0.0, 3.9, 6.0, 8.0),
    )  # fmt: skip
    cases = [case for case in itertools.product(*values) if case[-1] <= case[-2]]
    for texture, comparison, benign, near, airway, cyst, earlier, proven, odd, size, part in random.Random(0).sample(
        cases, 1500
    ):
        nodule = Nodule(
            diameter_mm=size, texture=texture, comparison=comparison, solid_part_mm=part, benign=benign,
            juxtapleural=near, airway=airway, cyst=cyst, earlier_category=earlier, proven_benign=proven, suspicious=odd,
        )  # fmt: skip
        assert len(TABLE.read(attributes(nodule)).rows) == 1, nodule


@pytest.mark.parametrize("wrong", [{"diameter_mm": 0.0}, {"diameter_mm": float("nan")}, {"solid_part_mm": 8.0}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError, match=r"mm|millimetres"):
        advise(replace(SOLID, **wrong))
