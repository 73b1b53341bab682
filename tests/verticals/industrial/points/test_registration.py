"""Registration finds the pose it was hidden in, and the deviation is what was done to the surface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.inspection.experts import Experts
from colonnade.verticals.industrial.inspection.recipes import sample_part
from colonnade.verticals.industrial.points.clouds import nominal_of, read_scan
from colonnade.verticals.industrial.points.deviation import measure, regions, signed_distance
from colonnade.verticals.industrial.points.registration import register
from colonnade.verticals.industrial.simulate.parts import part
from colonnade.verticals.industrial.simulate.sensors import rig
from colonnade.verticals.industrial.simulate.units import Batch, unit, units

SAMPLE = Path(__file__).parents[4] / "samples" / "industrial"


@pytest.mark.parametrize("turn", [0.0, 100.0, 180.0])
def test_the_hidden_pose_is_found(good, turn):
    unit_ = good[0]
    rotation = Rotation.from_euler("zyx", [turn, turn / 2, 30], degrees=True).as_matrix()
    scan = read_scan(unit_.given["scan"].points @ rotation.T + [100.0, -30.0, 12.0])
    pose = register(scan, unit_.given["nominal"])
    assert pose.residual < 0.05
    away = signed_distance(pose.apply(scan.points), unit_.given["nominal"])
    assert np.quantile(np.abs(away), 0.95) < 0.15


def test_a_symmetric_part_is_not_laid_between_its_holes():
    made = rig(part("flange"), spacing=1.8)
    for each in units(made, Batch(good=2), seed=8):
        scan = read_scan(each.given["scan"])
        pose = register(scan, each.given["nominal"])
        assert np.quantile(np.abs(signed_distance(pose.apply(scan.points), each.given["nominal"])), 0.99) < 0.4


def test_distance_to_the_surface_is_exact_and_signed():
    nominal = nominal_of(np.asarray(trimesh.creation.box((70, 40, 8)).triangles))
    points = np.array([[-33.0, -15.0, 4.3], [-33.0, -15.0, 3.8], [36.5, 0.0, 0.0], [0.0, 21.0, 5.0]])
    assert signed_distance(points, nominal) == pytest.approx([0.3, -0.2, 1.5, 2**0.5], abs=0.02)


@pytest.mark.parametrize("name", ["plate", "gear"])
def test_distance_to_a_fine_mesh_is_that_to_the_nearest_of_all_its_triangles(name):
    nominal, generator = part(name).nominal, np.random.default_rng(0)
    rows = generator.integers(len(nominal.triangles), size=2000)
    on = np.einsum("tc,tcx->tx", generator.dirichlet([1, 1, 1], size=2000), nominal.triangles[rows])
    assert np.abs(signed_distance(on, nominal)).max() < 1e-3
    beside = on[:25] + generator.normal(size=(25, 3))
    true = [
        np.linalg.norm(
            trimesh.triangles.closest_point(nominal.triangles, np.tile(each, (len(nominal.triangles), 1))) - each,
            axis=1,
        ).min()
        for each in beside
    ]
    assert np.abs(signed_distance(beside, nominal)) == pytest.approx(true, abs=1e-3)


def test_a_chip_is_found_where_and_as_deep_as_it_is():
    found = unit(
        rig(part("plate"), spacing=0.7),
        "missing",
        Batch(severity=(25.0,)),
        generator=numpy_generator(1, "chip"),
        name="0",
    )
    flaw = found.truth["flaw"]
    scan = read_scan(found.given["scan"])
    pose = register(scan, found.given["nominal"])
    deviation = measure(pose.apply(scan.points), found.given["nominal"])
    first = regions(deviation, found.given["nominal"], limit=0.15, least_area=2.0)[0][0]
    assert first.kind == "missing material"
    beyond = (np.array(first.centroid_mm) - flaw.centre) @ flaw.normal
    assert -flaw.depth - 0.4 < beyond < 0.4
    truth = found.truth["deviation"]
    worst, true = (np.median(np.sort(each)[:20]) for each in (deviation.raw, truth))  # single points are noise
    assert worst == pytest.approx(true, abs=0.1)
    assert 1.05 * truth.min() < first.max_deviation_mm < 0.6 * truth.min()
    assert -1.3 * flaw.depth < first.max_deviation_mm < -0.3 * flaw.depth


def test_a_bulge_is_extra_material_and_a_good_unit_has_no_region(good, bad):
    for each, kinds in ((bad[3], ["extra material"]), (good[1], [])):
        scan = read_scan(each.given["scan"])
        pose = register(scan, each.given["nominal"])
        deviation = measure(pose.apply(scan.points), each.given["nominal"])
        found = regions(deviation, each.given["nominal"], limit=0.2, least_area=4.0)
        assert [defect.kind for defect, _ in found if defect.kind != "not covered"] == kinds


def test_another_part_is_unmeasurable_and_not_a_verdict(good):
    other = part("ring").nominal
    seen = Experts().look({"scan": read_scan(good[0].given["scan"]), "nominal": other})["scan"]
    assert not seen.usable
    assert "does not lie on the nominal part" in seen.refused


def test_a_scan_in_metres_is_unmeasurable_and_says_so(good):
    scan = read_scan(good[0].given["scan"].points / 1000)
    seen = Experts().look({"scan": scan, "nominal": good[0].given["nominal"]})["scan"]
    assert "metres" in seen.refused


@pytest.mark.parametrize("number", [39, 236])
def test_a_nut_is_not_left_on_its_head(number):
    """Upside down its flats and faces lie as well; only the thread tells, and it had not been asked."""
    made = rig(sample_part(SAMPLE))
    generator = numpy_generator(0, f"unit {number} of {made.part.name}")
    whole = unit(made, None, Batch(), generator=generator, name="nut")
    pose = register(read_scan(whole.given["scan"]), made.part.nominal)
    turn = (pose.matrix @ whole.truth["pose"])[:3, :3]
    assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))) < 0.2
