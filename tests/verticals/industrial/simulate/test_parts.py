"""Parts are closed, face outwards, have the sizes they say, and a good unit varies within its tolerances."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.simulate.parts import PARTS, part, part_of_mesh
from colonnade.verticals.industrial.simulate.sensors import rig
from colonnade.verticals.industrial.simulate.units import Batch, unit


@pytest.mark.parametrize("name", list(PARTS))
def test_generated_parts_are_closed_and_face_outwards(name):
    import trimesh

    triangles = part(name).triangles
    mesh = trimesh.Trimesh(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3), process=True)
    mesh.merge_vertices(digits_vertex=6)
    assert mesh.is_watertight
    assert mesh.volume > 0
    assert not part(name).nominal.notes


@pytest.mark.parametrize("name", list(PARTS))
def test_the_surface_lies_on_the_field(name):
    made = part(name)
    away = np.abs(made.solid.distance(made.nominal.samples, made.solid.sizes))
    assert np.quantile(away, 0.95) < 0.03
    assert np.abs(made.nominal.samples).max(axis=0) == pytest.approx(made.solid.reach, abs=1.0)


def test_holes_are_where_the_part_says_they_are():
    for name in ("plate", "flange", "bracket", "ring", "gear", "nut"):
        solid = PARTS[name]()
        for hole in solid.holes:
            inside = np.array([hole.centre]) - 1.5 * np.array([hole.axis])
            assert solid.distance(inside, solid.sizes)[0] > 0, (name, hole)
            wall = inside + np.array([[hole.radius + 0.1, 0, 0]])
            assert abs(solid.distance(wall, solid.sizes)[0]) < 1.2, (name, hole)


def test_sizes_of_good_units_have_a_sixth_of_the_tolerance_as_spread():
    solid = PARTS["flange"]()
    drawn = [solid.drawn(numpy_generator(seed, "sizes"))["bore"] for seed in range(400)]
    assert np.mean(drawn) == pytest.approx(24.0, abs=0.002)
    assert np.std(drawn) == pytest.approx(solid.tolerances["bore"] / 6, rel=0.15)


def test_a_mesh_of_ones_own_is_scanned_with_the_same_defects(tmp_path):
    import trimesh

    trimesh.creation.box((30, 20, 10)).apply_translation([5, 0, 0]).export(tmp_path / "block.stl")
    made = rig(part_of_mesh(tmp_path / "block.stl"), spacing=1.5)
    assert np.abs(made.part.triangles).max(axis=(0, 1)) == pytest.approx([15, 10, 5])
    bad = unit(made, "dent", Batch(severity=(12.0,)), generator=numpy_generator(1, "mesh"), name="0")
    assert bad.truth["deviation"].min() == pytest.approx(-0.36, abs=0.08)
    assert (np.abs(bad.truth["deviation"]) > 0.06).mean() < 0.1
