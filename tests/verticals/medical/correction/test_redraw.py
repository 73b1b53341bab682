from __future__ import annotations

import numpy as np
import torch

from colonnade.core.types import Volume
from colonnade.verticals.medical.correction.clicks import Click
from colonnade.verticals.medical.correction.outline import Outline
from colonnade.verticals.medical.correction.redraw import CHANNELS, Redraw, RedrawConfig, mended, redrawn, seen
from colonnade.verticals.medical.correction.training import Lesson, redraw_loss, spoilt

EVEN = (1.0, 1.0, 1.0)
TINY = RedrawConfig(channels=(4, 4, 4, 4), groups=2)


def cuboid(low: tuple[int, int, int], size: int) -> Outline:
    return Outline(low=np.array(low), mask=np.ones((size,) * 3, bool))


def voxels(outline: Outline) -> set[tuple[int, ...]]:
    return {tuple(each) for each in outline.where.tolist()}


def test_a_positive_click_only_adds_and_a_negative_one_only_takes_away():
    before, drawn = cuboid((10, 10, 10), 4), cuboid((12, 10, 10), 4)
    more = mended(before, drawn, [Click(at=(15, 11, 11), positive=True)], EVEN)
    assert voxels(more) == voxels(before) | voxels(drawn)
    less = mended(before, drawn, [Click(at=(10, 11, 11), positive=False)], EVEN)
    assert voxels(less) == voxels(before) & voxels(drawn)


def test_where_the_network_agrees_a_click_changes_only_what_is_near_it():
    before = cuboid((10, 10, 10), 10)
    drawn = Outline(low=np.array((9, 10, 10)), mask=np.ones((12, 10, 10), bool))
    after = voxels(mended(before, drawn, [Click(at=(9, 15, 15))], EVEN)) - voxels(before)
    assert (9, 15, 15) in after
    assert {each[0] for each in after} == {9}
    assert all(np.linalg.norm(np.array(each) - (9, 15, 15)) <= 2 for each in after)


def test_every_click_holds_at_its_own_voxel():
    before, drawn = cuboid((10, 10, 10), 4), cuboid((10, 10, 10), 4)
    clicks = [Click(at=(14, 11, 11)), Click(at=(11, 11, 11), positive=False)]
    after = voxels(mended(mended(before, drawn, clicks[:1], EVEN), drawn, clicks, EVEN))
    assert (14, 11, 11) in after
    assert (11, 11, 11) not in after


def test_pieces_that_no_click_asked_for_fall_away():
    drawn = Outline.of(np.concatenate([cuboid((10, 10, 10), 3).where, cuboid((30, 30, 30), 5).where]))
    empty = Outline.of(np.zeros((0, 3), int))
    assert voxels(mended(empty, drawn, [Click(at=(11, 11, 11))], EVEN)) == voxels(cuboid((10, 10, 10), 3))


def test_the_network_sees_clicks_by_their_sign_and_the_last_one_apart():
    cube = np.zeros((32, 32, 32), np.float32)
    clicks = [Click(at=(5, 5, 5)), Click(at=(20, 20, 20), positive=False)]
    maps = seen(cube, cube > 1, clicks)
    assert maps.shape == (CHANNELS, 32, 32, 32)
    plus, minus, last = maps[-3:]
    assert (plus[5, 5, 5], minus[20, 20, 20], last[20, 20, 20]) == (1, 1, -1)
    assert plus[20, 20, 20] < 1e-6 > abs(last[5, 5, 5])


def test_a_redrawn_outline_lies_in_the_volume():
    volume = Volume(voxels=np.zeros((20, 24, 9), np.float32), affine=np.diag([0.7, 0.7, 5.0, 1]))
    drawn = redrawn(Redraw(TINY).eval(), volume, Outline.of(np.zeros((0, 3), int)), [Click(at=(1, 1, 8))])
    assert (drawn.low >= 0).all()
    assert (drawn.low + drawn.mask.shape <= volume.voxels.shape).all()


def test_the_loss_falls_with_the_right_answer():
    truth = torch.zeros(1, 1, 8, 8, 8)
    truth[..., 2:6, 2:6, 2:6] = 1
    right, wrong = redraw_loss(8 * truth - 4, truth), redraw_loss(4 - 8 * truth, truth)
    assert all(right[name] < wrong[name] for name in right)


def test_spoilt_outlines_differ_from_the_truth_and_stay_in_the_cube():
    truth = np.zeros((32, 32, 32), bool)
    truth[13:20, 13:20, 13:20] = True
    values = np.where(truth, 30.0, -850.0).astype(np.float32)
    drawn = [spoilt(truth, values, np.random.default_rng(seed)) for seed in range(40)]
    assert {each.shape for each in drawn} == {truth.shape}
    assert sum(not each.any() for each in drawn) > 4
    assert sum(bool((each != truth).any()) for each in drawn) > 35
    lesson = Lesson(values=values, truth=truth, mask=drawn[0], clicks=())
    assert lesson.clicks == ()
