from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.monitoring.capability import capability


def test_a_process_in_the_middle_of_four_sigma_has_cpk_of_four_thirds():
    values = numpy_generator(0, "capability").normal(10, 0.1, size=5_000)
    found = capability(values, lower=9.6, upper=10.4)
    assert found.cp == pytest.approx(4 / 3, rel=0.03)
    assert found.cpk_interval[0] < 4 / 3 < found.cpk_interval[1]
    assert found.normal
    assert found.beyond == 0


def test_a_process_off_centre_is_held_against_the_nearer_limit():
    values = numpy_generator(0, "capability").normal(10.2, 0.1, size=5_000)
    found = capability(values, lower=9.6, upper=10.4)
    assert found.cpk == pytest.approx(2 / 3, rel=0.03)
    assert found.cp == pytest.approx(4 / 3, rel=0.03)
    assert "not shown to be capable" in found.says


def test_a_drift_shows_in_the_long_term_index_alone():
    values = numpy_generator(0, "capability").normal(0, 0.1, size=2_000) + np.linspace(-0.4, 0.4, 2_000)
    found = capability(values, lower=-1, upper=1)
    assert found.cpk > 2.4 * found.ppk


def test_values_that_are_not_normal_are_said_to_be_so():
    found = capability(numpy_generator(0, "capability").exponential(size=500), upper=5)
    assert not found.normal
    assert found.cp is None
    assert "not normal" in found.says


@pytest.mark.parametrize(
    ("values", "limits", "says"),
    [
        (np.arange(20.0), {}, "lower limit, its upper limit"),
        (np.arange(20.0), {"lower": 2, "upper": 1}, "is not below"),
        (np.arange(5.0), {"upper": 1}, "at least 10"),
    ],
)
def test_what_gives_no_capability_is_a_sentence(values, limits, says):
    with pytest.raises(InputError, match=says):
        capability(values, **limits)
