from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Volume
from colonnade.verticals.medical.correction.outline import SIZE, STEP, Cube, Outline, sampled


def ball(radius: float, centre: tuple[int, int, int], spacing: tuple[float, float, float]) -> Outline:
    grid = np.stack(np.meshgrid(*(np.arange(80) for _ in range(3)), indexing="ij"), -1)
    return Outline.of(np.argwhere(np.linalg.norm((grid - centre) * spacing, axis=-1) < radius))


def test_an_outline_is_the_same_voxels_on_any_box():
    outline = ball(4, (20, 30, 40), (1, 1, 1))
    low, high = np.array([18, 0, 38]), np.array([60, 70, 60])
    expected = np.zeros((80, 80, 80), bool)
    expected[tuple(outline.where.T)] = True
    np.testing.assert_array_equal(outline.on(low, high), expected[18:60, 0:70, 38:60])
    assert not outline.on(np.array([60, 60, 60]), np.array([70, 70, 70])).any()


def test_an_empty_outline_has_no_voxel_and_is_infinitely_far():
    empty = Outline.of(np.zeros((0, 3), int))
    assert not empty.on(np.zeros(3, int), np.full(3, 5)).any()
    assert empty.distance(np.zeros(3), (1, 1, 1)) == np.inf
    assert empty.where.shape == (0, 3)


def test_distance_is_zero_inside_and_in_millimetres_outside():
    outline = Outline.of(np.array([[10, 10, 10]]))
    assert outline.distance(np.array([10.4, 10, 10]), (1, 1, 5)) == 0
    assert outline.distance(np.array([10, 10, 12]), (1, 1, 5)) == pytest.approx(7.5)


@pytest.mark.parametrize("spacing", [(0.6, 0.6, 5.0), (1.25, 1.25, 1.25), (2.0, 2.0, 2.0)])
def test_a_cube_shows_an_outline_with_its_own_volume(spacing: tuple[float, float, float]):
    outline = ball(5, (40, 40, 40), spacing)
    cube = Cube.around(outline.low, outline.low + outline.mask.shape - 1, spacing)
    assert cube.step == STEP
    shown, volume = cube.shown(outline).sum() * cube.step**3, outline.mask.sum() * np.prod(spacing)
    assert shown == pytest.approx(volume, rel=0.2)


def test_what_is_wider_than_the_cube_makes_it_coarser():
    cube = Cube.around(np.zeros(3), np.array([70.0, 20.0, 20.0]), (1, 1, 1))
    assert cube.step * SIZE > 80


def test_an_outline_of_one_small_voxel_is_still_shown():
    outline = Outline.of(np.array([[40, 40, 40]]))
    cube = Cube.around(outline.low, outline.low, (0.5, 0.5, 0.5))
    assert cube.shown(outline).sum() >= 1


def test_beyond_the_volume_lies_air():
    volume = Volume(voxels=np.full((40, 40, 40), 50.0, np.float32), affine=np.diag([1.0, 1, 1, 1]))
    values = Cube.around(np.zeros(3), np.zeros(3), (1, 1, 1)).values(volume)
    assert values[0, 0, 0] == -1000
    assert values[-1, -1, -1] == 50


def test_samples_lie_between_their_neighbours():
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    lines = [np.array([0.5]), np.array([1.0]), np.array([0.25, 9.0])]
    assert sampled(values, lines).ravel() == pytest.approx([10.25, -1000.0])
