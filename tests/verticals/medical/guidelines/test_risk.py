from __future__ import annotations

import math

import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.medical.guidelines.risk import brock, mayo

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
