from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.correction.scenes import draw_scene
from colonnade.verticals.medical.detection.detector import STEP
from colonnade.verticals.medical.simulation.patches import Background, background_of
from colonnade.verticals.medical.simulation.shapes import RATINGS, Shape


@pytest.fixture(scope="module")
def background(bare: Volume) -> Background:
    found = background_of(bare)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def ball() -> Shape:
    grid = (np.stack(np.meshgrid(*(np.arange(15) for _ in range(3)), indexing="ij")) - 7) * 0.8
    ratings = {**dict.fromkeys(RATINGS, 1.0), "texture": 5.0, "margin": 5.0, "calcification": 6.0}
    distance: Array = (3.0 - np.sqrt((grid**2).sum(axis=0))).astype(np.float32)
    return Shape(patient="made up", number=0, distance=distance, ratings=ratings)


def test_scenes_hold_one_nodule_on_even_and_on_other_grids(background: Background, ball: Shape):
    drawn = [draw_scene([background], [ball], np.random.default_rng(seed)) for seed in range(30)]
    scenes = [each for each in drawn if each is not None]
    assert len(scenes) > 15
    spacings = {tuple(np.round(each.volume.spacing, 3)) for each in scenes}
    assert (STEP,) * 3 in spacings
    assert len(spacings) > 5
    for each in scenes:
        assert each.truth.shape == each.volume.voxels.shape
        assert each.truth.any()
        assert not (each.truth & each.aside).any()


def test_a_solid_nodule_is_denser_than_the_lung_around_it(background: Background, ball: Shape):
    drawn = [draw_scene([background], [ball], np.random.default_rng(seed)) for seed in range(12)]
    inside = [np.median(each.volume.voxels[each.truth]) for each in drawn if each is not None]
    assert np.median(inside) > -500


def test_a_scene_is_drawn_again_from_its_seed(background: Background, ball: Shape):
    first, second = (draw_scene([background], [ball], np.random.default_rng(4)) for _ in range(2))
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.volume.voxels, second.volume.voxels)
