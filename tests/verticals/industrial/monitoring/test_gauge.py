from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.monitoring.gauge import gauge_study

# The worked example of the handbook (AIAG, Measurement Systems Analysis, 4th edition): trials of appraisers A, B, C.
HANDBOOK = np.array([
    [[.29, -.56, 1.34, .47, -.80, .02, .59, -.31, 2.26, -1.36],
     [.41, -.68, 1.17, .50, -.92, -.11, .75, -.20, 1.99, -1.25],
     [.64, -.58, 1.27, .64, -.84, -.21, .66, -.17, 2.01, -1.31]],
    [[.08, -.47, 1.19, .01, -.56, -.20, .47, -.63, 1.80, -1.68],
     [.25, -1.22, .94, 1.03, -1.20, .22, .55, .08, 2.12, -1.62],
     [.07, -.68, 1.34, .20, -1.28, .06, .83, -.34, 2.19, -1.50]],
    [[.04, -1.38, .88, .14, -1.46, -.29, .02, -.46, 1.77, -1.49],
     [-.11, -1.13, 1.09, .20, -1.07, -.67, .01, -.56, 1.45, -1.77],
     [-.15, -.96, .67, .11, -1.45, -.49, .21, -.49, 1.87, -2.16]],
]).transpose(2, 0, 1)  # fmt: skip


def test_the_example_of_the_handbook_comes_out_as_printed():
    study = gauge_study(HANDBOOK)
    assert study.repeatability == pytest.approx(0.199933, abs=1e-6)
    assert study.reproducibility == pytest.approx(0.226838, abs=1e-6)
    assert study.gauge == pytest.approx(0.302373, abs=2e-6)
    assert study.part == pytest.approx(1.042327, abs=1e-6)
    assert study.percent_grr == pytest.approx(27.86, abs=0.005)
    assert study.ndc == 4
    assert study.interaction_p == pytest.approx(0.974, abs=0.001)
    assert "may be acceptable" in study.verdict
    assert "%GRR 27.9 %" in study.says
    assert "4 distinct categories" in study.to_dict()["says"]


def test_the_tolerance_is_held_against_six_sigma_of_the_gauge():
    assert gauge_study(HANDBOOK, tolerance=4.0).percent_tolerance == pytest.approx(600 * 0.302372 / 4, rel=1e-4)


def test_intervals_hold_the_truth_as_often_as_they_say():
    inside, rounds = 0, 60
    truth = 100 * np.hypot(0.3, 0.2) / np.sqrt(1 + 0.3**2 + 0.2**2)
    for seed in range(rounds):
        generator = numpy_generator(seed, "gauge test")
        parts, operators = generator.normal(size=(10, 1, 1)), 0.2 * generator.normal(size=(1, 6, 1))
        study = gauge_study(parts + operators + 0.3 * generator.normal(size=(10, 6, 3)))
        inside += study.percent_grr_interval[0] <= truth <= study.percent_grr_interval[1]
    assert inside / rounds >= 0.88  # of 95 %: 60 rounds fall below it once in a hundred times


def test_a_gauge_that_repeats_exactly_has_no_share():
    parts = np.arange(10.0)[:, None, None] * np.ones((10, 3, 3))
    study = gauge_study(parts)
    assert study.percent_grr == 0
    assert study.ndc >= 100


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (np.zeros((10, 3)), r"\[part, operator, repeat\]"),
        (np.zeros((1, 3, 3)), "two of each at least"),
        (np.full((3, 2, 2), np.nan), "12 measurements are not finite"),
        (np.ones((3, 2, 2)), "tells no part from another"),
    ],
)
def test_measurements_that_tell_nothing_are_refused(data, says):
    with pytest.raises(InputError, match=says):
        gauge_study(data)
