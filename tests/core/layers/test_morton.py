"""The Morton curve against a slow reference, and the neighbours against all distances."""

import numpy as np
import pytest

from colonnade.core.errors import FormatError
from colonnade.core.layers.morton import codes, inverse, nearest, sort

POINTS = np.random.default_rng(0).uniform(-50, 50, (200, 3))


def slow_code(cell: np.ndarray) -> int:
    bits = "".join(f"{x >> bit & 1}{y >> bit & 1}{z >> bit & 1}" for bit in range(19, -1, -1) for x, y, z in [cell])
    return int(bits, 2)


def test_codes_interleave_the_bits_of_the_cells():
    points = POINTS * 9000
    cells = np.floor((points - points.min(axis=0)) / 1.5).astype(int)
    assert codes(points, cell=1.5).tolist() == [slow_code(cell) for cell in cells]


def test_sorting_brings_neighbours_together():
    order = sort(POINTS, cell=1.0)
    assert sorted(order) == list(range(200))
    step = np.linalg.norm(np.diff(POINTS[order], axis=0), axis=1).mean()
    assert step < 0.5 * np.linalg.norm(np.diff(POINTS, axis=0), axis=1).mean()


def test_shifted_curves_break_elsewhere():
    assert (sort(POINTS, cell=1.0) != sort(POINTS, cell=1.0, shift=37)).any()


def test_nearest_finds_what_all_distances_find():
    distances = np.linalg.norm(POINTS[:, None] - POINTS[None], axis=2)
    assert (nearest(POINTS, 5) == np.argsort(distances, axis=1)[:, :5]).all()


def test_a_cloud_smaller_than_its_neighbourhood_repeats_the_point_itself():
    assert nearest(POINTS[:2], 4).tolist() == [[0, 1, 0, 0], [1, 0, 1, 1]]


def test_inverse_undoes_an_order():
    order = np.random.default_rng(0).permutation(50)
    assert (order[inverse(order)] == np.arange(50)).all()


def test_a_cloud_wider_than_the_grid_is_refused():
    with pytest.raises(FormatError, match="drop stray points"):
        codes(POINTS * 1e6, cell=1.0)
