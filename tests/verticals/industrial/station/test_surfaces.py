"""What a scan looks like to the page: the bytes are the numbers that were measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from colonnade.verticals.industrial import tasks
from colonnade.verticals.industrial.inspection.experts import Surface
from colonnade.verticals.industrial.points.clouds import read_nominal
from colonnade.verticals.industrial.points.deviation import measure, regions
from colonnade.verticals.industrial.station import surfaces
from colonnade.verticals.industrial.station.surfaces import drawn, listed


@pytest.fixture(scope="module")
def surface() -> Surface:
    """The nominal nut itself as its scan, with a dent of 1 mm on its upper face."""
    nominal = read_nominal(tasks.inspection.sample()["nominal"])
    points = nominal.samples.copy()
    top = points[:, 2] > points[:, 2].max() - 1e-6
    middle = points[top].mean(axis=0) + np.array([nominal.size / 3.2, 0, 0])
    dent = top & (np.linalg.norm(points - middle, axis=1) < 4.0)
    assert dent.sum() > 20
    points[dent, 2] -= 1.0
    found: Any = None
    return Surface(pose=found, registration=found, deviation=measure(points, nominal), nominal=nominal)


def test_the_bytes_are_points_deviations_normals_samples_and_triangles(surface: Surface):
    told, data = drawn(surface)
    count, pad = told["points"], -3 * told["points"] % 4
    assert count == told["of"] == len(surface.deviation.points)
    assert len(data) == 4 * 4 * count + 3 * count + pad + 12 * told["missed"] + 36 * told["triangles"]
    points = np.frombuffer(data, "<f4", 3 * count).reshape(-1, 3)
    np.testing.assert_allclose(points, surface.deviation.points, atol=1e-4)
    values = np.frombuffer(data, "<f4", count, offset=12 * count)
    np.testing.assert_allclose(values, surface.deviation.local, atol=1e-5)
    normals = np.frombuffer(data, "i1", 3 * count, offset=16 * count).reshape(-1, 3) / 127
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=0.02)
    triangles = np.frombuffer(data, "<f4", offset=len(data) - 36 * told["triangles"]).reshape(-1, 3, 3)
    np.testing.assert_allclose(triangles, surface.nominal.triangles, atol=1e-4)
    assert told["lowest_mm"] == pytest.approx(-1.0, abs=0.1)


def test_a_dense_scan_is_thinned_and_said_to_be(surface: Surface, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(surfaces, "MOST_POINTS", 1_000)
    told, _ = drawn(surface)
    assert told["points"] <= 1_000 < told["of"]
    assert told["spacing_mm"] > surface.deviation.spacing


def test_a_dent_in_the_upper_face_is_seen_from_above(surface: Surface):
    found = regions(surface.deviation, surface.nominal, limit=0.3, least_area=2.0)
    told = listed([each for each, _ in found], [points for _, points in found], surface)
    assert told[0]["kind"] == "missing material"
    assert told[0]["number"] == 1
    np.testing.assert_allclose(told[0]["facing"], [0, 0, 1], atol=0.1)
