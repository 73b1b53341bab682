from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Volume
from colonnade.verticals.medical.metrics import Marked, at_threshold, cpm, dice, match, sensitivity
from colonnade.verticals.medical.simulation.cases import Case, Truth


def test_a_mark_within_the_radius_finds_and_a_second_one_costs_nothing() -> None:
    truths = [(np.array([0.0, 0, 0]), 4.0), (np.array([50.0, 0, 0]), 3.0)]
    marks = np.array([[3.0, 0, 0], [0, 2, 0], [50, 3.5, 0], [90, 0, 0]])
    found = match(marks, np.array([0.4, 0.9, 0.8, 0.7]), truths)
    assert found.found.tolist() == [0.9, -np.inf]
    assert found.false.tolist() == [0.8, 0.7]


def test_sensitivity_at_each_rate_is_that_of_the_hand() -> None:
    scans = [
        Marked(found=np.array([0.9, 0.5]), false=np.array([0.8, 0.1])),
        Marked(found=np.array([0.3, -np.inf]), false=np.array([0.4, 0.2])),
    ]
    # At 1/2 a scan one false mark is allowed (0.8), so the bar is the next, 0.4: 0.9 and 0.5 are found.
    np.testing.assert_allclose(sensitivity(scans, (0.125, 0.5, 1.0, 2.0)), [0.25, 0.5, 0.75, 0.75])
    assert cpm(scans) == pytest.approx(np.mean([0.25, 0.25, 0.5, 0.75, 0.75, 0.75, 0.75]))
    assert at_threshold(scans, 0.4) == (0.5, 1.0)


def test_dice_of_equal_disjoint_and_empty_masks() -> None:
    one, other = np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 0], bool)
    assert dice(one, one) == 1
    assert dice(one, other) == 0.5
    assert dice(one & False, other & False) == 1


def test_marks_on_a_nodule_set_aside_are_not_asked_for() -> None:
    volume = Volume(voxels=np.zeros((4, 4, 4), np.float32), affine=np.eye(4))
    own = Truth(centre=np.array([10.0, 0, 0]), radius=3.0, label=1, diameter=6.0)
    case = Case(name="", volume=volume, labels=np.zeros((4, 4, 4), np.uint8), truths=(), aside=(own,))
    assert case.asked(np.array([[11.0, 0, 0], [14.0, 0, 0]])).tolist() == [False, True]
    assert case.asked(np.zeros((0, 3))).tolist() == []
