from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.industrial.maintenance.bounds import Bounds, crossed, fit_bounds
from colonnade.verticals.industrial.maintenance.records import CAP


def said(machines: int, rows: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lives with an error that belongs to the machine, and grows with the life."""
    generator = np.random.default_rng(seed)
    names = np.repeat(np.arange(machines), rows)
    life = generator.uniform(0, CAP, size=len(names))
    error = np.repeat(generator.normal(size=machines), rows) * (2 + 0.1 * life)
    return life, np.clip(life + error, 0, CAP), names


def test_machines_that_were_left_out_are_covered_as_promised():
    found = []
    for seed in range(20):
        life, truth, names = said(60, seed=seed)
        low, high = crossed(life, truth, names)
        found.append(((truth >= low) & (truth <= high)).mean())
    assert 0.87 < np.mean(found) < 0.95


def test_bounds_hold_the_prediction_and_stay_within_life():
    life, truth, names = said(40)
    low, high = fit_bounds(life, truth, names)(np.array([0.0, 3.0, 60.0, CAP]))
    assert (low >= 0).all()
    assert (high <= CAP).all()
    assert (low <= [0, 3, 60, CAP]).all()
    assert (high >= [0, 3, 60, CAP]).all()


def test_a_greater_error_gives_a_wider_interval():
    life, truth, names = said(40)
    bounds = fit_bounds(life, truth, names)
    width = np.subtract(*bounds(np.array([10.0, 70.0]))[::-1])
    assert width[1] > width[0]


def test_too_few_machines_are_refused():
    life, truth, names = said(9)
    with pytest.raises(InputError, match="at least 10 machines"):
        fit_bounds(life, truth, names)


def test_bounds_come_back_from_their_tensors():
    life, truth, names = said(20)
    bounds = fit_bounds(life, truth, names)
    again = Bounds.from_tensors(bounds.tensors())
    np.testing.assert_allclose(again(life), bounds(life))
