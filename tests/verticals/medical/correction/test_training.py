from __future__ import annotations

import numpy as np
import pytest
import torch

from colonnade.core.types import Volume
from colonnade.verticals.medical.correction.clicks import Click
from colonnade.verticals.medical.correction.outline import Outline
from colonnade.verticals.medical.correction.redraw import Redraw, RedrawConfig, framed
from colonnade.verticals.medical.correction.training import (
    Lesson,
    Lessons,
    draw_lesson,
    redraw_loss,
    spoilt,
    train_redraw,
)
from colonnade.verticals.medical.simulation.patches import Background, background_of
from colonnade.verticals.medical.simulation.shapes import RATINGS, STEP, Shape

EMPTY = Outline.of(np.zeros((0, 3), int))


@pytest.fixture(scope="module")
def background(bare: Volume) -> Background:
    found = background_of(bare)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def shape() -> Shape:
    grid = np.linalg.norm(np.stack(np.meshgrid(*(np.arange(-14, 15),) * 3, indexing="ij")), axis=0) * STEP
    ratings = dict.fromkeys(RATINGS, 5.0) | {"spiculation": 1.0, "calcification": 6.0}
    return Shape(patient="p", number=0, distance=(5.0 - grid).astype(np.float32), ratings=ratings)


def on_all(lesson: Lesson, outline: Outline) -> np.ndarray:
    shape = lesson.volume.voxels.shape
    return outline.on(np.zeros(3, int), np.array(shape))


def test_a_lesson_is_one_nodule_with_a_first_click_that_tells_the_truth(background: Background, shape: Shape):
    drawn = [draw_lesson([background], [shape], np.random.default_rng(seed)) for seed in range(12)]
    lessons = [each for each in drawn if each is not None]
    assert len(lessons) > 3
    for each in lessons:
        (click,) = each.clicks
        truth, values = on_all(each, each.truth), each.volume.voxels
        assert truth[click.voxel(truth.shape)] == click.positive
        assert values[truth].mean() > values[~truth].mean()
    assert 1 < sum(not each.outline.mask.any() for each in lessons) < len(lessons)


def test_lessons_are_the_same_for_the_same_seed_epoch_and_number(background: Background, shape: Shape):
    one, two = (Lessons(backgrounds=[background], shapes=[shape], size=1, seed=3)(1)[2][0] for _ in range(2))
    np.testing.assert_array_equal(one.volume.voxels, two.volume.voxels)
    assert one.clicks == two.clicks
    other = Lessons(backgrounds=[background], shapes=[shape], size=1, seed=3)(1)[3][0]
    assert other.volume.voxels.shape != one.volume.voxels.shape or (other.volume.voxels != one.volume.voxels).any()


def test_the_loss_is_read_off_at_the_voxels_of_the_scan_and_falls_with_the_right_answer():
    truth = Outline(low=np.array((16, 16, 8)), mask=np.ones((8, 8, 4), bool))
    volume = Volume(voxels=np.zeros((40, 40, 20), np.float32), affine=np.diag([1.0, 1.0, 2.0, 1.0]))
    cube = framed(truth, [Click(at=(19.0, 19.0, 9.0))], volume.spacing)
    lesson = Lesson(volume=volume, truth=truth, aside=EMPTY, outline=EMPTY, clicks=(), cube=cube)
    right = torch.from_numpy(cube.shown(truth) * 16.0 - 8).float()[None, None]
    good, bad = redraw_loss(right, [lesson]), redraw_loss(-right, [lesson])
    assert all(float(good[name]) < float(bad[name]) for name in good)
    assert float(good["dice"]) < 0.1


def test_spoilt_outlines_differ_from_the_truth_and_stay_in_their_box():
    truth = np.zeros((32, 32, 12), bool)
    truth[13:20, 13:20, 4:8] = True
    values = np.where(truth, 30.0, -850.0).astype(np.float32)
    spacing = np.array([0.8, 0.8, 2.0])
    drawn = [spoilt(truth, values, spacing, np.random.default_rng(seed)) for seed in range(40)]
    assert {each.shape for each in drawn} == {truth.shape}
    assert sum(bool((each != truth).any()) for each in drawn) > 30


def test_training_runs_and_tells_its_best_losses(background: Background, shape: Shape):
    part = ([background], [shape])
    model = Redraw(RedrawConfig(channels=(4, 4, 4, 4), groups=2))
    before = model.head.bias.detach().clone()
    trained, best = train_redraw(model, part, part, epochs=1, batches=2, checks=1)
    assert set(best) == {"loss", "cross", "dice"}
    assert (trained.head.bias != before).any()
