from __future__ import annotations

import math

import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.medical.guidelines.bts import AFTER_PET, after_pet
from colonnade.verticals.medical.guidelines.risk import HERDER, MAYO, Chance, brock, herder, mayo

PLAIN = {
    "age": 62,
    "female": False,
    "family_history": False,
    "emphysema": False,
    "texture": "solid",
    "upper_lobe": False,
    "count": 1,
    "spiculated": False,
    "diameter_mm": 8.0,
}
WORST = {
    "age": 65,
    "female": True,
    "family_history": True,
    "emphysema": True,
    "texture": "part-solid",
    "upper_lobe": True,
    "count": 1,
    "spiculated": True,
    "diameter_mm": 12.0,
}


def _uncentred(x: float) -> float:
    """The published uncentred form (Eur Radiol 2019;29:5367, table 2) of one who is 62, male, with one solid nodule."""
    x += 0.2761 + 0.0287 * 62 - 0.0824 - 5.3854 * 0.8**-0.5
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize(("upper", "extra"), [(False, 0.0), (True, 0.6581)])
def test_brock_agrees_with_its_uncentred_form(upper, extra):
    answer = brock(**{**PLAIN, "upper_lobe": upper})
    assert answer.low == answer.high == pytest.approx(_uncentred(extra), abs=1e-5)
    assert answer.missing == ()


def test_brock_gives_its_check_value_where_every_factor_is_present():
    assert brock(**WORST).low == pytest.approx(0.536, abs=5e-4)


def test_brock_at_four_nodules_of_four_millimetres_is_its_intercept():
    assert brock(**{**PLAIN, "diameter_mm": 4.0, "count": 4}).low == pytest.approx(0.0011, abs=5e-5)


def test_mayo_gives_its_check_values():
    plain = mayo(age=62, diameter_mm=10, ever_smoked=True, cancer_history=False, spiculated=False, upper_lobe=False)
    worst = mayo(age=70, diameter_mm=20, ever_smoked=True, cancer_history=True, spiculated=True, upper_lobe=True)
    assert plain.low == pytest.approx(0.088, abs=5e-4)
    assert worst.low == pytest.approx(0.918, abs=5e-4)


def test_what_is_not_known_gives_the_range_of_its_possibilities():
    answer = brock(**{**PLAIN, "spiculated": None, "texture": None})
    assert answer.missing == ("spiculated", "texture")
    assert answer.low == brock(**{**PLAIN, "texture": "ground-glass"}).low
    assert answer.high == brock(**{**PLAIN, "texture": "part-solid", "spiculated": True}).high


@pytest.mark.parametrize("wrong", [{"age": -1}, {"diameter_mm": 0.0}, {"diameter_mm": float("nan")}, {"count": 0}])
def test_inputs_that_no_patient_has_are_refused(wrong):
    with pytest.raises(InputError, match="got"):
        brock(**{**PLAIN, **wrong})


def before(low: float, high: float | None = None) -> Chance:
    return Chance(low=low, high=low if high is None else high, missing=() if high is None else ("age",), source=MAYO)


@pytest.mark.parametrize(
    ("chance", "uptake", "after"),
    [(0.187, "intense", 0.673), (0.187, "none", 0.0172), (0.1, "faint", 0.1144), (0.5, "moderate", 0.8486)],
)
def test_herder_gives_its_check_values(chance, uptake, after):
    assert herder(before(chance), uptake=uptake).low == pytest.approx(after, abs=5e-4)
    assert herder(before(chance), uptake=uptake).high == pytest.approx(after, abs=5e-4)


def test_herder_rises_with_uptake_and_keeps_what_is_not_known():
    steps = [herder(before(0.3), uptake=each).low for each in ("none", "faint", "moderate", "intense")]
    assert steps == sorted(steps)
    unknown = herder(before(0.3), uptake=None)
    assert (unknown.low, unknown.high, unknown.missing) == (steps[0], steps[-1], ("uptake",))
    open_ = herder(before(0.1, 0.6), uptake="faint")
    assert open_.missing == ("age",)
    assert open_.low == herder(before(0.1), uptake="faint").low
    assert open_.high == herder(before(0.6), uptake="faint").high


def test_herder_goes_on_from_mayo_alone():
    with pytest.raises(InputError, match="goes on from Mayo"):
        herder(brock(**WORST), uptake="faint")


@pytest.mark.parametrize(
    ("low", "high", "rows"),
    [
        (0.0999, 0.0999, ("pet-low-risk",)),
        (0.1, 0.1, ("pet-middle-risk",)),
        (0.7, 0.7, ("pet-middle-risk",)),
        (0.7001, 0.7001, ("pet-high-risk",)),
        (0.05, 0.5, ("pet-low-risk", "pet-middle-risk")),
        (0.05, 0.9, ("pet-low-risk", "pet-middle-risk", "pet-high-risk")),
    ],
)
def test_after_pet_bts_goes_by_herders_risk(low, high, rows):
    advice = after_pet(Chance(low=low, high=high, missing=("uptake",), source=HERDER))
    assert advice.rows == rows
    assert advice.missing == (("uptake",) if len(rows) > 1 else ())
    assert advice.sentences() == tuple(AFTER_PET[row].says for row in rows)


def test_after_pet_another_models_risk_is_refused():
    with pytest.raises(InputError, match="after PET-CT the guideline goes by"):
        after_pet(before(0.3))
