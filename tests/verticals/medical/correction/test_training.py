from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Volume
from colonnade.verticals.medical.correction.redraw import Redraw, RedrawConfig
from colonnade.verticals.medical.correction.training import Lessons, draw_lesson, train_redraw
from colonnade.verticals.medical.simulation.patches import Background, background_of
from colonnade.verticals.medical.simulation.shapes import RATINGS, STEP, Shape


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


def test_a_lesson_is_one_nodule_with_a_first_click_that_tells_the_truth(background: Background, shape: Shape):
    drawn = [draw_lesson([background], [shape], np.random.default_rng(seed)) for seed in range(12)]
    lessons = [each for each in drawn if each is not None]
    assert len(lessons) > 3
    for each in lessons:
        (click,) = each.clicks
        assert each.truth[click.voxel(each.truth.shape)] == click.positive
        assert each.values[each.truth].mean() > each.values[~each.truth].mean()


def test_lessons_are_the_same_for_the_same_seed_epoch_and_number(background: Background, shape: Shape):
    one, two = (Lessons(backgrounds=[background], shapes=[shape], size=1, seed=3)(1)[2][0] for _ in range(2))
    np.testing.assert_array_equal(one.values, two.values)
    assert one.clicks == two.clicks
    other = Lessons(backgrounds=[background], shapes=[shape], size=1, seed=3)(1)[3][0]
    assert (other.values != one.values).any()


def test_training_runs_and_tells_its_best_losses(background: Background, shape: Shape):
    part = ([background], [shape])
    model = Redraw(RedrawConfig(channels=(4, 4, 4, 4), groups=2))
    before = model.head.bias.detach().clone()
    trained, best = train_redraw(model, part, part, epochs=1, batches=2, checks=1)
    assert set(best) == {"loss", "cross", "dice"}
    assert (trained.head.bias != before).any()
