from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.core.result import Interval, dumps, plain
from colonnade.verticals.medical.followup.growth import Change
from colonnade.verticals.medical.guidelines.facts import Detail, Reading
from colonnade.verticals.medical.guidelines.manage import manage
from colonnade.verticals.medical.guidelines.patient import Patient
from colonnade.verticals.medical.records import Attribute, Finding

LOW = Patient(
    age=60, female=False, cancer=False, immunosuppressed=False, high_risk_smoking=False, family_history=False,
    emphysema=False, fibrosis=False,
)  # fmt: skip
KNOWN = {"texture": "solid", "spiculation": "none", "location": "right lower lobe", "calcification": "none"}
CLEAR = Detail(juxtapleural=False, suspicious=False)


def _attributes(probability: float = 0.95, **values: str) -> dict[str, Attribute]:
    return {
        name: Attribute(value=value, probability=probability, probabilities={value: probability})
        for name, value in (KNOWN | values).items()
    }


def _finding(label: int, diameter: float, **changed: object) -> Finding:
    made = Finding(
        label=label, center_mm=(0.0, 0.0, 0.0), diameter_mm=float(diameter), long_axis_mm=diameter,
        short_axis_mm=diameter,
        diameter_interval=Interval(value=diameter, low=diameter, high=diameter), volume_mm3=diameter**3 * 0.5236,
        median_hu=0.0, side="right", score=0.95, attributes=_attributes(), slice_index=1, mask=np.zeros((1, 3)),
    )  # fmt: skip
    return replace(made, **changed)  # type: ignore[arg-type]


def _change(status: str, wider: float, ratio: float, days: float | None = None) -> Change:
    return Change(
        status=status, label=1, earlier=1, diameter_change_mm=wider,  # type: ignore[arg-type]
        ratio=Interval(value=ratio, low=ratio, high=ratio),
        doubling_days=None if days is None else Interval(value=days, low=days, high=days),
    )  # fmt: skip


def test_screening_chooses_the_guideline_and_not_knowing_asks_both():
    findings = [_finding(1, 7)]
    assert [each.guideline for each in manage(findings, LOW, screening=False)] == ["fleischner-2017"]
    assert [each.guideline for each in manage(findings, LOW, screening=True)] == ["lung-rads-2022"]
    both = manage(findings, LOW, screening=None, bts=True)
    assert [each.guideline for each in both] == ["fleischner-2017", "lung-rads-2022", "bts-2015"]
    assert all("not known" in each.because and "screening" in each.missing for each in both[:2])


def test_where_all_is_known_there_is_one_row_and_nothing_is_missing():
    (entry,) = manage([_finding(1, 7)], LOW, screening=False)
    assert entry.rows == ("solid-single-middle-low",)
    assert entry.missing == ()
    assert entry.label == 1
    assert entry.choices[0].provided == ()


def test_the_proof_ends_in_the_management_and_begins_with_sourced_facts():
    (entry,) = manage([_finding(1, 7)], replace(LOW, emphysema=True), screening=False)
    proof = entry.choices[0].proof
    assert proof.statement.value == entry.choices[0].says
    leaves = {each.statement.predicate: each for each in proof.leaves()}
    assert leaves["whole_mm"].source == "diameter_mm = 7.00, measured on mask 1"
    assert leaves["texture"].source == "texture solid, probability 0.95"
    assert leaves["emphysema"].statement.subject == "patient"
    assert all(each.source for each in proof.leaves())
    assert "fleischner-2017/high-risk-emphysema" in proof.rules()


def test_an_attribute_that_is_not_sure_stays_open():
    unsure = _finding(1, 7, attributes=_attributes(0.79))
    (entry,) = manage([unsure], LOW, screening=False)
    assert {"texture", "spiculated", "upper_lobe"} <= set(entry.missing)
    assert len(entry.rows) > 1
    (sure,) = manage([unsure], LOW, screening=False, sure=0.79)
    assert sure.rows == ("solid-single-middle-low",)


@pytest.mark.parametrize(("zone", "known"), [("right upper lobe", True), ("right upper zone", False)])
def test_a_zone_is_no_lobe(zone, known):
    finding = _finding(1, 7, attributes=_attributes(location=zone))
    (entry,) = manage([finding], LOW, screening=False)
    assert ("upper_lobe" not in entry.missing) is known


def test_the_number_of_nodules_is_open_where_the_scores_leave_it_so():
    (entry,) = manage([_finding(1, 9), _finding(2, 4, score=0.5)], LOW, screening=False)
    assert "multiple" in entry.missing
    (entry,) = manage([_finding(1, 9), _finding(2, 4, score=0.9)], LOW, screening=False)
    assert entry.rows == ("solid-multiple-large-low",)


def test_the_most_urgent_nodule_decides_though_another_is_wider():
    glass = _finding(1, 20, attributes=_attributes(texture="ground-glass"))
    reading = Reading(details={1: CLEAR, 2: CLEAR})
    (entry,) = manage([glass, _finding(2, 9)], LOW, screening=True, reading=reading)
    assert (entry.label, entry.categories) == (2, ("4A",))


def test_rows_that_another_nodule_overrides_are_not_open():
    reading = Reading(details={1: CLEAR, 2: Detail(suspicious=False)})
    (entry,) = manage([_finding(1, 16), _finding(2, 7)], LOW, screening=True, reading=reading)
    assert entry.categories == ("4B",)
    assert entry.missing == ()


def test_what_is_not_known_is_said_beside_its_row():
    (entry,) = manage([_finding(1, 7)], LOW, screening=True)
    by_row = {each.row: each.provided for each in entry.choices}
    assert by_row["2-juxtapleural-baseline"] == ("juxtapleural = true",)
    assert by_row["3-solid-baseline"] == ("juxtapleural = false", "suspicious = false")
    assert entry.missing == ("juxtapleural", "suspicious")


def test_a_calcified_nodule_is_not_benign_before_its_pattern_is_known():
    finding = _finding(1, 7, attributes=_attributes(calcification="present"))
    (entry,) = manage([finding], LOW, screening=True)
    assert "benign" in entry.missing
    (entry,) = manage([finding], LOW, screening=True, reading=Reading(details={1: Detail(benign=True)}))
    assert entry.rows == ("1-benign",)


def test_spiculation_makes_4x():
    finding = _finding(1, 9, attributes=_attributes(spiculation="marked"))
    (entry,) = manage([finding], LOW, screening=True, reading=Reading(details={1: Detail(juxtapleural=False)}))
    assert entry.categories == ("4X",)


@pytest.mark.parametrize(
    ("change", "days", "categories"),
    [
        (_change("grown", 2.0, 1.9), 365.0, ("4B",)),
        (_change("unchanged", 0.4, 1.1), 365.0, ("2",)),
        (Change(status="new", label=1, earlier=None), 365.0, ("4B",)),
        (_change("grown", 2.0, 1.9), 700.0, ("4B",)),
        (_change("unchanged", 1.6, 1.3), 365.0, ("2", "4B")),
    ],
    ids=["grown", "unchanged", "new", "grown in two years", "wider and not surely grown"],
)
def test_growth_since_the_earlier_scan_decides(change, days, categories):
    detail = replace(CLEAR, earlier_category="3")
    (entry,) = manage(
        [_finding(1, 9)], LOW, screening=True, changes=(change,), days=days, reading=Reading(details={1: detail})
    )
    assert entry.categories == categories


def test_an_earlier_scan_that_was_not_compared_leaves_growth_open():
    reading = Reading(details={1: CLEAR})
    (first,) = manage([_finding(1, 9)], LOW, screening=True, reading=reading)
    (entry,) = manage([_finding(1, 9)], LOW, screening=True, reading=reading, days=365.0)
    assert first.categories == ("4A",)
    assert any("first scan" in note for note in first.notes)
    assert {"4A-solid-baseline", "4B-solid-new", "4B-solid-growing"} <= set(entry.rows)
    assert "comparison" in entry.missing
    assert not any("first scan" in note for note in entry.notes)


def test_bts_reads_doubling_time_and_fleischner_says_that_it_does_not():
    change = _change("grown", 2.0, 2.0, days=200.0)
    fleischner, bts = manage(
        [_finding(1, 9)], LOW, screening=False, changes=(change,), days=200.0, bts=True,
        reading=Reading(details={1: CLEAR}),
    )  # fmt: skip
    assert bts.rows == ("solid-fast",)
    assert "grown" in fleischner.notes[0]


def test_bts_gives_the_range_of_brock():
    reading = Reading(details={1: CLEAR})
    (_, known) = manage([_finding(1, 9)], LOW, screening=False, bts=True, reading=reading)
    assert known.chance is not None
    assert known.chance.low == known.chance.high
    assert known.rows == ("solid-large-low-risk",)
    (_, unknown) = manage([_finding(1, 9)], Patient(), screening=False, bts=True, reading=reading)
    assert unknown.missing == ("age",)


def test_those_that_the_guideline_was_not_made_for_get_no_row_and_the_reason():
    (entry,) = manage([_finding(1, 7)], replace(LOW, age=30), screening=False)
    assert entry.choices == ()
    assert entry.silent_because == ("finding 1: the patient is younger than 35 years",)


def test_no_finding_is_category_1_and_no_other_guideline_speaks():
    fleischner, lung_rads, bts = manage([], LOW, screening=None, bts=True)
    assert lung_rads.rows == ("1-none",)
    assert not fleischner.choices
    assert not bts.choices


def test_an_incomplete_study_is_category_0():
    (entry,) = manage([_finding(1, 7)], LOW, screening=True, reading=Reading(infection=True, other_finding=True))
    assert entry.categories == ("0",)
    assert any("modifier S" in note for note in entry.notes)


def test_an_answer_is_json_with_its_proofs_as_text():
    written = json.loads(dumps(plain({"management": [each.to_dict() for each in manage([_finding(1, 7)], LOW,
                                                                                     screening=None)]})))  # fmt: skip
    first = written["management"][0]["choices"][0]
    assert first["proof"][0].startswith("finding 1: management = CT at 6 to 12 months")


def test_a_size_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="solid part"):
        manage([_finding(1, 7)], LOW, screening=True, reading=Reading(details={1: Detail(solid_part_mm=8.0)}))


def test_two_textures_that_are_sure_together_exclude_the_third():
    chances = {"part-solid": 0.5, "ground-glass": 0.45, "solid": 0.05}
    texture = Attribute(value="part-solid", probability=0.5, probabilities=chances)
    findings = [_finding(each, 9, attributes=_attributes() | {"texture": texture}) for each in (1, 2)]
    (entry,) = manage(findings, LOW, screening=False)
    assert entry.rows == ("subsolid-multiple-large",)
    assert entry.missing == ()
    leaves = {each.statement.predicate: each.source for each in entry.choices[0].proof.leaves()}
    assert leaves["texture"].startswith("texture part-solid or ground-glass, probability 0.95: whatever is possible")


def test_a_doubling_time_that_is_fast_at_both_its_bounds_is_proven_with_them():
    change = replace(_change("grown", 2.0, 2.0), doubling_days=Interval(value=200.0, low=150.0, high=300.0))
    _, bts = manage(
        [_finding(1, 9)], LOW, screening=False, changes=(change,), days=200.0, bts=True,
        reading=Reading(details={1: CLEAR}),
    )  # fmt: skip
    assert bts.rows == ("solid-fast",)
    assert "150 to 300 days" in bts.choices[0].proof.tree()


def test_a_small_nodule_is_let_go_whether_or_not_it_has_grown():
    change = _change("unchanged", 0.2, 1.4)
    _, bts = manage([_finding(1, 4)], LOW, screening=False, changes=(change,), days=200.0, bts=True)
    assert bts.rows == ("solid-small",)
    assert "whatever is possible, compared = first or grown or stable" in bts.choices[0].proof.tree()


def test_bts_says_whom_the_risk_model_is_not_meant_for():
    (_, young) = manage([_finding(1, 9)], replace(LOW, age=45, ever_smoked=False), screening=False, bts=True)
    (_, smoker) = manage([_finding(1, 9)], replace(LOW, age=45, ever_smoked=True), screening=False, bts=True)
    assert "50 or older" in young.notes[0]
    assert smoker.notes == ()


def test_no_combination_of_what_is_known_is_a_fault():
    draw = random.Random(3)
    for _ in range(60):
        findings = []
        for label in range(1, draw.randrange(1, 4)):
            values = {"texture": draw.choice(["solid", "part-solid", "ground-glass"])}
            attributes = _attributes(draw.choice([0.5, 0.7, 0.9]), **values)
            findings.append(_finding(label, draw.uniform(3, 30), attributes=attributes, score=draw.random()))
        ratio = draw.uniform(0.5, 3.0)
        days = draw.choice([None, 90.0, 365.0, 800.0])
        status = draw.choice(["new", "grown", "unchanged", "shrunk"])
        low, high = sorted((draw.uniform(10, 1000), draw.choice([draw.uniform(10, 1000), float("inf")])))
        change = Change(
            status=status, label=1, earlier=None if status == "new" else 1,
            diameter_change_mm=None if status == "new" else draw.uniform(-2, 3),
            ratio=None if status == "new" else Interval(value=ratio, low=ratio / 1.3, high=ratio * 1.3),
            doubling_days=Interval(value=low, low=low, high=high) if status == "grown" else None,
        )  # fmt: skip
        patient = Patient(age=draw.choice([None, 40, 70]), emphysema=draw.choice([None, True, False]))
        changes = draw.choice([(), (change,)])
        for entry in manage(findings, patient, screening=draw.choice([None, True, False]), bts=True, changes=changes,
                            days=days):  # fmt: skip
            assert entry.choices or entry.silent_because
            assert all(leaf.source for each in entry.choices for leaf in each.proof.leaves())
