"""Cells say the same of a surface whatever the order of its points and the noise of the scanner."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.verticals.industrial.points.cells import COLUMNS, cells, noise
from colonnade.verticals.industrial.points.deviation import measure

DEVIATING = COLUMNS.index("mean") + 3


@pytest.fixture(scope="module")
def plain(exact, scanned):
    points = scanned(0)
    return points, cells(measure(points, exact), exact)


def test_every_point_has_a_cell_and_a_cell_is_where_its_points_are(plain):
    points, found = plain
    assert found.of.shape == (len(points),)
    middle = np.stack([np.bincount(found.of, points[:, axis]) for axis in range(3)], axis=1)
    count = np.bincount(found.of)[:, None]
    assert found.values[:, :3] * found.cell == pytest.approx(middle / count, abs=1e-4)
    assert found.values.shape[1] == 3 + len(COLUMNS)
    assert np.isfinite(found.values).all()


def test_the_order_of_the_points_does_not_matter(plain, exact):
    points, found = plain
    order = np.random.default_rng(0).permutation(len(points))
    again = cells(measure(points[order], exact), exact)
    assert again.values[:, :3] == pytest.approx(found.values[:, :3], abs=1e-4)
    assert again.values[:, DEVIATING] == pytest.approx(found.values[:, DEVIATING], abs=1e-3)
    assert (again.of == found.of[order]).all()


def test_deviations_are_in_spreads_of_the_scanners_noise(exact, scanned):
    calm, loud = (measure(scanned(1, sigma=sigma), exact) for sigma in (0.02, 0.06))
    cell = cells(calm, exact).cell
    assert noise(loud, cell) == pytest.approx(3 * noise(calm, cell), rel=0.1)
    spreads = [cells(each, exact).values[:, DEVIATING].std() for each in (calm, loud)]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.15)


def test_a_cell_takes_the_label_of_any_of_its_points(plain):
    points, found = plain
    labels = np.zeros(len(points), int)
    labels[7] = 4
    marked = found.worst(labels)
    assert np.flatnonzero(marked).tolist() == [found.of[7]]
    assert marked.max() == 4


def test_what_is_usual_at_a_place_reaches_its_cells(plain, exact):
    points, found = plain
    deviation = measure(points, exact)
    away = np.zeros((2, 5))
    away[:, 3] = 2.0
    place = np.zeros(len(points), int)
    place[found.of == 11] = 3
    told = cells(deviation, exact, (place, away))
    narrow = told.values[:, 3 + COLUMNS.index("narrow")]
    assert narrow[11] == pytest.approx(np.arcsinh(2.0), abs=1e-5)
    assert np.delete(narrow, 11) == pytest.approx(0.0)
    assert (told.values[:, 3 + COLUMNS.index("known")] == 1).all()
    assert (found.values[:, 3 + COLUMNS.index("known")] == 0).all()
