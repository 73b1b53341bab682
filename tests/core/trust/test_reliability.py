from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.core.trust.calibration import calibration_error
from colonnade.core.trust.reliability import reliability_of


def promises(rows: int = 20_000, seed: int = 0):
    random = np.random.default_rng(seed)
    promised = random.beta(0.3, 6, rows)
    return promised, random.random(rows) < promised, random.integers(0, 60, rows)


def test_promises_that_are_kept_are_within_their_intervals():
    promised, happened, days = promises()
    found = reliability_of(promised, happened, groups=days, rounds=200)
    assert found.ratio.low < 1 < found.ratio.high
    assert sum(point.happened.low <= point.promised <= point.happened.high for point in found.curve) >= 8
    assert found.brier.value < found.brier_of_share


def test_double_promises_are_seen():
    promised, happened, days = promises()
    found = reliability_of(np.minimum(2 * promised, 1), happened, groups=days, rounds=100)
    assert found.ratio.low > 1.5
    assert found.ece.low > 0.01


def test_the_error_is_that_of_the_house():
    promised, happened, days = promises()
    found = reliability_of(promised, happened, groups=days, rounds=10)
    assert found.ece.value == pytest.approx(calibration_error(promised, happened))
    assert found.brier.value == pytest.approx(np.mean((promised - happened) ** 2))


def test_each_bin_of_the_curve_holds_as_much_promise():
    promised, happened, days = promises()
    masses = [point.count * point.promised for point in reliability_of(promised, happened, groups=days, rounds=5).curve]
    assert max(masses) < 1.1 * min(masses)


def test_what_is_no_probability_is_refused():
    with pytest.raises(FormatError, match="0 to 1"):
        reliability_of(np.array([0.5, 1.5]), np.array([True, False]), groups=np.arange(2))
    with pytest.raises(FormatError, match="one length"):
        reliability_of(np.array([0.5]), np.array([True, False]), groups=np.arange(2))
