from __future__ import annotations

import numpy as np
import pytest

from colonnade.verticals.medical.correction.clicks import RADIUS, Click, correcting, deepest, spread

SPACING = (1.0, 1.0, 2.0)


def block(low: int, high: int) -> np.ndarray:
    mask = np.zeros((20, 20, 20), bool)
    mask[low:high, low:high, low:high] = True
    return mask


def test_the_reader_clicks_at_the_middle_of_what_is_missing():
    click = correcting(block(5, 12), np.zeros((20, 20, 20), bool), SPACING)
    assert click == Click(at=(8.0, 8.0, 8.0), positive=True)


def test_the_reader_takes_away_where_more_is_too_much_than_missing():
    click = correcting(block(5, 8), block(5, 14), SPACING)
    assert click is not None
    assert not click.positive
    assert not block(5, 8)[click.voxel((20, 20, 20))]


def test_an_outline_without_error_is_not_clicked_at():
    assert correcting(block(5, 9), block(5, 9), SPACING) is None


def test_errors_on_other_nodules_are_left_alone():
    assert correcting(block(5, 9), block(5, 12), SPACING, aside=block(5, 12) & ~block(5, 9)) is None


def test_a_hand_that_is_not_steady_misses_by_millimetres_and_never_leaves_the_box():
    truth, empty = block(5, 12), np.zeros((20, 20, 20), bool)
    generator = np.random.default_rng(0)
    drawn = [correcting(truth, empty, SPACING, generator=generator, jitter=1.5) for _ in range(200)]
    away = (np.array([each.at for each in drawn]) - 8.0) * SPACING
    np.testing.assert_allclose(away.std(axis=0), 1.5, rtol=0.2)
    far = [correcting(truth, empty, SPACING, generator=generator, jitter=50.0) for _ in range(20)]
    assert all(0 <= at <= 19 for each in far for at in each.at)


def test_the_deepest_voxel_is_told_in_millimetres():
    mask = np.zeros((9, 9, 9), bool)
    mask[1:8, 3:6, 4] = True
    assert deepest(mask, SPACING) == (4, 4, 4)


def test_a_click_is_one_where_it_is_and_falls_off_by_its_radius():
    shown = spread([Click(at=(3.0, 4.0, 5.0))], (10, 10, 10), 1.0)
    assert shown[3, 4, 5] == pytest.approx(1)
    assert shown[3 + int(RADIUS), 4, 5] == pytest.approx(np.exp(-0.5))
    assert not spread([], (4, 4, 4), 1.0).any()
