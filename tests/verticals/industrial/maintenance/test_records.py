from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.verticals.industrial.maintenance.records import Bearing

from .conftest import machine


def test_the_orders_of_the_6205_are_those_of_the_field():
    orders = Bearing().orders
    found = [orders[name] for name in ("outer race", "inner race", "ball", "cage")]
    assert found == pytest.approx([3.585, 5.415, 2 * 2.357, 0.398], abs=2e-3)


def test_a_ball_as_large_as_its_circle_is_refused():
    with pytest.raises(FormatError, match="smaller than the pitch circle"):
        Bearing(ball_mm=40.0)


def test_a_history_cut_short_has_more_life_left():
    history = machine(0, length=100)
    assert history.until(60).truth == 40
    np.testing.assert_allclose(history.until(60).remaining(), history.remaining()[:60])


def test_a_sensor_that_is_lacking_is_named():
    with pytest.raises(FormatError, match="lacks 1 of the 2 sensors that were learned \\(speed\\)"):
        machine(0).columns(["heat", "speed"])
