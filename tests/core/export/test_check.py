"""What counts as a difference between an export and eager."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.export.check import difference


@pytest.mark.parametrize("made", [[np.nan, 1.0], [np.inf, 1.0], [0.0, 1.0]])
def test_another_infinity_is_as_far_away_as_can_be(made: list[float]) -> None:
    assert difference(np.array(made), np.array([-np.inf, 1.0])) == np.inf
    assert difference(np.array([-np.inf, 1.0]), np.array([-np.inf, 1.0])) == 0
