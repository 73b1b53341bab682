"""Dimensions are what the part was made to, within their uncertainty; what was not seen is not evaluable."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.verticals.industrial.points.dimensions import dimensions
from colonnade.verticals.industrial.points.fitting import Cylinder, cylinder_along, fit_cylinder, fit_plane
from colonnade.verticals.industrial.points.patterns import circles
from colonnade.verticals.industrial.points.surfaces import Feature, features_of
from colonnade.verticals.industrial.points.tolerances import Tolerances


def by_name(found):
    return {each.name: each for each in found}


def test_planes_and_bores_are_recognised(exact):
    features = features_of(exact)
    assert sorted(each.kind for each in features) == ["bore"] * 3 + ["plane"] * 6
    assert sorted(round(each.radius, 2) for each in features if each.kind == "bore") == [5.0, 5.0, 8.0]
    largest = features[0]
    assert abs(largest.axis[2]) == pytest.approx(1.0)


def test_a_bore_is_measured_to_a_hundredth(exact, scanned):
    made = scanned(1, bores={(0, 0): 5.15, (2, 1): 5.0, (1, 1): 7.9}, shift={(2, 1): (0.2, 0.1)}, thickness=8.1)
    found = by_name(dimensions(made, exact))
    truth = {"bore 1": (15.8, 0.0), "bore 2": (10.3, 0.0), "bore 3": (10.0, 2 * 0.05**0.5)}
    small = sorted(
        (found["diameter of bore 2"].value, found["diameter of bore 3"].value), reverse=True
    )  # which of the two equal bores is called 2 is a matter of the mesh
    assert small == pytest.approx([truth["bore 2"][0], truth["bore 3"][0]], abs=0.015)
    assert found["diameter of bore 1"].value == pytest.approx(15.8, abs=0.015)
    places = sorted(found[f"position of bore {number}"].value for number in (1, 2, 3))
    assert places[2] == pytest.approx(truth["bore 3"][1], abs=0.03)
    assert places[1] < 0.03
    thick = [each for name, each in found.items() if each.kind == "size" and round(each.nominal) == 8]
    assert thick[0].value == pytest.approx(8.1, abs=0.01)


def test_the_verdict_is_the_one_of_iso_14253(exact, scanned):
    made = scanned(2, bores={(0, 0): 5.0, (2, 1): 5.0, (1, 1): 8.1})
    for allowed, verdict in ((0.5, "within"), (0.05, "outside"), (0.2, "undecided")):
        own = Tolerances(own={"diameter of bore 1": allowed})
        line = by_name(dimensions(made, exact, tolerances=own))["diameter of bore 1"]
        assert line.verdict == verdict
        assert f"allowed {16 - allowed:.3f} to {16 + allowed:.3f} mm: {verdict}" in line.words


def test_a_dished_plane_is_not_flat(exact, scanned):
    points = scanned(3)
    top = points[:, 2] > 3.9
    points[top, 2] += 0.3 * (points[top, 0] / 30) ** 2
    flat = sorted(each.value for each in dimensions(points, exact) if each.kind == "flatness" and each.nominal == 0)
    assert flat[-1] == pytest.approx(0.3, abs=0.07)
    assert flat[0] < 0.03


def test_what_was_not_scanned_is_not_evaluable(exact, scanned):
    points = scanned(4)
    kept = ~((np.abs(np.linalg.norm(points[:, :2] - [0.0, 10.0], axis=1) - 8.0) < 0.5) & (points[:, 0] < 3))
    kept &= points[:, 2] > -3.5
    found = by_name(dimensions(points[kept], exact))
    assert found["diameter of bore 1"].verdict == "not evaluable"
    assert "degrees" in found["diameter of bore 1"].words
    planes = [each for each in found.values() if each.kind == "flatness"]
    assert any(each.verdict == "not evaluable" for each in planes)
    assert found["diameter of bore 2"].verdict == "within"


def test_a_flying_point_moves_no_fit():
    draw = np.random.default_rng(0)
    angle, z = draw.random(400) * 2 * np.pi, draw.random(400) * 10
    points = np.stack([6 * np.cos(angle), 6 * np.sin(angle), z], axis=1) + draw.normal(size=(400, 3)) * 0.01
    points[:8] *= 1.3
    found = fit_cylinder(points, cylinder_along(points, np.array([0.05, 0.0, 1.0])))
    assert found.radius == pytest.approx(6.0, abs=0.005)
    assert abs(found.axis[2]) == pytest.approx(1.0, abs=1e-4)
    flat = np.concatenate([draw.random((300, 2)) * 20, draw.normal(size=(300, 1)) * 0.01], axis=1)
    flat[:6, 2] += 1.5
    assert abs(fit_plane(flat, np.array([0.0, 0.0, 1.0])).height(np.array([[10.0, 10.0, 0.0]]))[0]) < 0.01


def test_the_standard_error_of_a_radius_is_the_scatter_of_its_fits():
    draw = np.random.default_rng(1)
    start = Cylinder(point=np.zeros(3), axis=np.array([0.0, 0.0, 1.0]), radius=5.0)
    fits = []
    for _ in range(60):
        angle, z = draw.random(200) * 2 * np.pi, draw.random(200) * 10
        points = np.stack([5 * np.cos(angle), 5 * np.sin(angle), z], axis=1)
        fits.append(fit_cylinder(points + draw.normal(size=(200, 3)) * 0.05, start))
    scatter = np.std([each.radius for each in fits])
    assert 0.6 < np.median([each.radius_sigma for each in fits]) / scatter < 1.5


def bore(number, x, y, radius=3.0):
    return Feature(
        kind="bore",
        name=f"bore {number}",
        centre=np.array([x, y, 0.0]),
        axis=np.array([0.0, 0.0, 1.0]),
        radius=radius,
        length=5.0,
        area=90.0,
        triangles=np.zeros(0, int),
    )


def test_a_pitch_circle_is_even_or_about_another_axis():
    angle = np.arange(6) * np.pi / 3
    even = [bore(i, 30 * np.cos(a), 30 * np.sin(a)) for i, a in enumerate(angle)]
    assert [round(each.radius, 6) for each in circles(even)] == [30.0]
    uneven = [bore(i, 30 * np.cos(a), 30 * np.sin(a)) for i, a in enumerate((0.0, 1.0, 2.9))]
    assert circles(uneven) == []
    assert len(circles([*uneven, bore(9, 0.0, 0.0, radius=8.0)])) == 1
