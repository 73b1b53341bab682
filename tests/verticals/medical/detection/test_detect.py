from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Array
from colonnade.verticals.medical.detection.baseline import dot
from colonnade.verticals.medical.detection.detect import MOST, candidates_in

SHAPE = (48, 48, 48)
VALUES = np.full(SHAPE, -850.0, np.float32)


def bump(centre: tuple[int, int, int], sigma: float, height: float) -> Array:
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1)
    return height * np.exp(-((grid - centre) ** 2).sum(axis=-1) / (2 * sigma**2))


def test_two_peaks_that_a_faint_bridge_joins_are_two_candidates() -> None:
    heat = np.maximum(bump((14, 24, 24), 2.0, 0.95), bump((32, 24, 24), 1.5, 0.6))
    heat[14:33, 23:26, 23:26] = np.maximum(heat[14:33, 23:26, 23:26], 0.15)
    found = candidates_in(heat.astype(np.float32), VALUES)
    assert len(found) == 2
    np.testing.assert_allclose(found[0].centre, (14, 24, 24), atol=0.6)
    np.testing.assert_allclose(found[1].centre, (32, 24, 24), atol=0.6)
    assert found[0].logit > found[1].logit
    assert found[0].crop.shape == (32, 32, 32)


def test_one_long_region_without_a_valley_stays_one_candidate() -> None:
    heat = np.maximum(bump((20, 24, 24), 3.0, 0.9), bump((26, 24, 24), 3.0, 0.85))
    assert len(candidates_in(heat.astype(np.float32), VALUES)) == 1


def test_faint_heat_is_no_candidate_and_only_the_surest_are_kept() -> None:
    assert candidates_in(bump((20, 20, 20), 2.0, 0.12).astype(np.float32), VALUES) == []
    heat = np.zeros(SHAPE, np.float32)
    heat[2:46:5, 2:46:5, 2:46:5] = np.linspace(0.2, 0.9, 9**3).reshape(9, 9, 9)
    found = candidates_in(heat, VALUES)
    assert len(found) == MOST
    assert min(each.logit for each in found) > 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_baseline_tells_a_ball_from_a_vessel(axis: int) -> None:
    ball = bump((24, 24, 24), 2.5, 800)
    rod = np.moveaxis(np.broadcast_to(ball[:, :, 24:25].max(axis=2, keepdims=True), SHAPE), 2, axis)
    where = np.array([[24, 24, 24]])
    assert dot(ball, where)[0] > 20
    assert dot(rod, where)[0] < 1
