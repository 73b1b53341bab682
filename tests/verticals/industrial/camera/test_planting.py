"""Planted defects: the picture changes where the mask says so and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.camera.planting import _MAKERS, KINDS, harmless, planted


def good(seed):
    return np.clip(0.4 + 0.05 * np.random.default_rng(seed).normal(size=(80, 70, 1)), 0, 1).astype(np.float32)


@pytest.mark.parametrize("kind", sorted(set(KINDS)))
def test_each_kind_changes_what_its_mask_says_and_nothing_else(kind):
    changed = 0
    for number in range(12):
        before = good(number)
        after, mask = _MAKERS[kind](before, good(99), numpy_generator(number, kind))
        away = np.abs(after - before).max(axis=2)
        assert away[mask < 1e-3].max(initial=0) < 0.02
        changed += bool(away[mask > 0.5].max(initial=0) > 0.05)
    assert changed >= 8  # the others fell outside the picture


def test_planted_pictures_stay_pictures_and_are_the_same_for_the_same_generator():
    one, two = (planted(good(0), good(1), numpy_generator(5, "a")) for _ in range(2))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])
    assert one[0].dtype == np.float32
    assert 0 <= one[0].min() <= one[0].max() <= 1


def test_harmless_changes_keep_the_surface():
    for number in range(5):
        seen = harmless(good(0), numpy_generator(number, "day"))
        assert seen.shape == (80, 70, 1)
        fine = [each - gaussian_filter(each, (3, 3, 0)) for each in (seen, good(0))]
        assert np.corrcoef(fine[0].ravel(), fine[1].ravel())[0, 1] > 0.7
