from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.industrial.maintenance.features import fit_scale, mean_of, rows_of, slope_of, smoothed
from colonnade.verticals.industrial.maintenance.records import History

from .conftest import machine


def test_a_later_cycle_moves_no_earlier_row(fleet):
    scale = fit_scale(fleet)
    whole, early = rows_of(scale.standard(fleet[0])), rows_of(scale.standard(fleet[0].until(50)))
    np.testing.assert_allclose(whole[:50], early, atol=1e-9)
    assert whole.shape[1] == scale.features


def test_only_sensors_that_move_with_life_are_read(fleet):
    assert fit_scale(fleet).sensors == ("heat", "pressure")


def test_a_fleet_whose_sensors_say_nothing_is_refused():
    flat = [
        History(machine=str(n), cycles=np.arange(1.0, 61), values=np.full((60, 1), 3.0), sensors=("fixed",), truth=0.0)
        for n in range(3)
    ]
    with pytest.raises(InputError, match="none of the 1 sensors moves"):
        fit_scale(flat)


def test_windows_equal_a_plain_loop():
    values = np.random.default_rng(0).normal(size=(40, 2)).cumsum(axis=0)
    for row in (0, 5, 39):
        cut = values[max(0, row - 11) : row + 1]
        np.testing.assert_allclose(mean_of(values, 12)[row], cut.mean(axis=0))
        if row:
            line = np.polyfit(np.arange(len(cut)), cut, 1)[0]
            np.testing.assert_allclose(slope_of(values, 12)[row], line, atol=1e-9)


def test_the_exponential_mean_equals_its_recursion():
    values = np.random.default_rng(1).normal(size=(30, 1))
    state = values[0]
    for value in values:
        state = 0.2 * value + 0.8 * state
    np.testing.assert_allclose(smoothed(values, 0.2)[-1], state)


def test_units_do_not_matter_to_a_fleet_that_is_fitted_in_them(fleet):
    scaled = [
        History(machine=h.machine, cycles=h.cycles, values=h.values * 7 + 3, sensors=h.sensors, truth=0.0)
        for h in fleet
    ]
    one, other = fit_scale(fleet), fit_scale(scaled)
    np.testing.assert_allclose(one.standard(machine(40)), other.standard(scaled_by(machine(40))), atol=1e-6)


def scaled_by(history: History) -> History:
    return History(
        machine="-", cycles=history.cycles, values=history.values * 7 + 3, sensors=history.sensors, truth=0.0
    )
