"""Distances are exact against slow references, and never grow faster than the distance walked."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.verticals.industrial.simulate.defects import Flaw
from colonnade.verticals.industrial.simulate.edits import bump, edited
from colonnade.verticals.industrial.simulate.fields import box, capsule, cut, cylinder, join, polygon, torus
from colonnade.verticals.industrial.simulate.parts import PARTS


def cloud(count=400, size=12.0, seed=0):
    return np.random.default_rng(seed).uniform(-size, size, (count, 3))


def surface_of(points_of):
    """Points on a surface from many parameters."""
    u, v = np.meshgrid(np.linspace(0, 1, 500), np.linspace(0, 1, 500))
    return points_of(u.ravel(), v.ravel())


def test_a_torus_is_as_far_as_its_nearest_point():
    def points_of(u, v):
        a, b = 2 * np.pi * u, 2 * np.pi * v
        radius = 7 + 2 * np.cos(b)
        return np.stack([radius * np.cos(a), radius * np.sin(a), 2 * np.sin(b)], axis=1)

    points, surface = cloud(60), surface_of(points_of)
    slow = np.sqrt(((points[:, None] - surface) ** 2).sum(axis=2).min(axis=1))
    assert np.abs(torus(points, 7.0, 2.0)) == pytest.approx(slow, abs=0.02)


def test_box_cylinder_and_capsule_at_places_that_can_be_reckoned_by_hand():
    at = np.array([[5.0, 0, 0], [5, 5, 0], [0.5, 0, 0], [0, 0, 6]])
    assert box(at, (2.0, 2.0, 2.0)) == pytest.approx([3, np.hypot(3, 3), -1.5, 4])
    assert box(at, (2.0, 2.0, 2.0), rounding=1.0) == pytest.approx([3, np.hypot(4, 4) - 1, -1.5, 4])
    assert cylinder(at, 2.0, 3.0) == pytest.approx([3, np.hypot(5, 5) - 2, -1.5, 3])
    assert capsule(at, np.zeros(3), np.array([0, 0, 4.0]), 1.0) == pytest.approx([4, np.hypot(5, 5) - 1, -0.5, 1])


def test_a_polygon_knows_inside_from_outside_and_the_distance_to_its_nearest_edge():
    star = np.array([[0, 0], [6, -1], [7, 5], [3, 2.5], [-1, 6]], float)
    points = cloud(300, 9.0)[:, :2]
    edges = np.concatenate(
        [a + np.linspace(0, 1, 800)[:, None] * (b - a) for a, b in zip(star, np.roll(star, -1, 0), strict=True)]
    )
    slow = np.sqrt(((points[:, None] - edges) ** 2).sum(axis=2).min(axis=1))
    found = polygon(points, star)
    assert np.abs(found) == pytest.approx(slow, abs=0.01)
    from matplotlib.path import Path

    clear = slow > 0.02
    assert np.array_equal((found < 0)[clear], Path(star).contains_points(points)[clear])


def test_a_fillet_only_adds_to_a_union_and_only_near_the_corner():
    one, two = np.array([5.0, 1.0, 0.0]), np.array([1.0, 1.0, 9.0])
    rounded = join(one, two, fillet=2.0)
    assert rounded == pytest.approx([1.0, 0.5, 0.0])
    assert cut(np.array([-3.0]), np.array([-1.0])) == pytest.approx([1.0])


@pytest.mark.parametrize("name", list(PARTS))
def test_no_part_grows_faster_than_the_way_walked(name):
    """What sphere tracing relies on; and the design has its size: a point outside the box is as far as the box."""
    solid = PARTS[name]()
    points = cloud(4_000, 40.0, seed=1)
    step = np.random.default_rng(2).normal(size=points.shape)
    step *= 0.3 / np.linalg.norm(step, axis=1, keepdims=True)
    change = solid.distance(points + step, solid.sizes) - solid.distance(points, solid.sizes)
    assert np.abs(change).max() < 0.3 * 1.05
    corner = np.array([solid.reach])
    assert solid.distance(2 * corner, solid.sizes)[0] > 0.8 * np.linalg.norm(corner) * 0.5


def flaw(kind="dent", depth=0.4):
    return Flaw(
        kind=kind,
        severity=12.0,
        centre=np.array([3.0, 1.0, 0.0]),
        normal=np.array([0.0, 0, 1]),
        along=np.array([1.0, 0, 0]),
        radius=4.0,
        depth=depth,
    )


def test_a_dent_is_as_deep_as_asked_bounded_and_leaves_the_far_side():
    def slab(points, rays):
        return np.abs(points[:, 2] + 3.0) - 3.0

    made = edited(slab, flaw())
    at = np.array([[3.0, 1, 0], [7.0, 1, 0], [3.0, 1, -6.0]])
    change = made(at, np.arange(3)) - slab(at, None)
    assert change == pytest.approx([0.4, 0.0, 0.0], abs=1e-9)
    assert bump(at, flaw()) == pytest.approx([1, 0, 0], abs=1e-9)
    grown = edited(slab, flaw("bulge"))
    assert (grown(at, np.arange(3)) - slab(at, None))[0] == pytest.approx(-0.4)
