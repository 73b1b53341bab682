"""What cannot be judged is said in a sentence and never becomes a verdict: mirrored, open, clashing, stuck, partial."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from colonnade.core.errors import FileError, FormatError, MissingExtra
from colonnade.verticals.industrial.points import organised
from colonnade.verticals.industrial.points.clouds import distinct, nominal_of, read_scan, unit_suspected
from colonnade.verticals.industrial.points.deviation import measure, regions, signed_distance
from colonnade.verticals.industrial.points.quality import checked, refusal
from colonnade.verticals.industrial.points.registration import register

TURN = Rotation.from_euler("zyx", [70, 20, 130], degrees=True).as_matrix()


def laid(points, nominal):
    scan = read_scan(points)
    pose = register(scan, nominal)
    return scan, pose, measure(pose.apply(scan.points), nominal)


def with_a_block(mesh, points):
    """The plate alone is its own mirror image, turned over: a block on one side of it ends that."""
    import trimesh

    box = trimesh.creation.box((9.0, 6.0, 6.0))
    place = np.array([-20.0, 10.0, 7.0])
    upper = np.random.default_rng(0).random((900, 3)) * [9.0, 6.0, 6.0] - [4.5, 3.0, 3.0]
    face = np.arange(900) % 3
    side = np.where((np.arange(900) % 2 == 0) | (face == 2), 1.0, -1.0)  # four walls and the top
    upper[np.arange(900), face] = side * np.array([4.5, 3.0, 3.0])[face]
    return np.concatenate([mesh, np.asarray(box.triangles) + place]), np.concatenate([points, upper + place])


def test_a_mirrored_part_is_not_judged(mesh, scanned):
    triangles, points = with_a_block(mesh, scanned(0))
    right, wrong = nominal_of(triangles), nominal_of(triangles * [1.0, -1.0, 1.0])
    scan, pose, found = laid(points @ TURN.T, right)
    assert refusal(scan, right, pose, covered=found.covered, suspicious=True) == ""
    assert "inwards" in wrong.notes[0]  # a mirror turns triangles round: that alone is mended
    scan, pose, found = laid(points @ TURN.T, wrong)
    assert "mirrored" in refusal(scan, wrong, pose, covered=found.covered, suspicious=True)


def test_a_defect_does_not_make_a_part_mirrored(exact, scanned):
    points = scanned(1)
    points = points[~((points[:, 0] > 18) & (points[:, 1] > 8))]  # a corner is off
    scan, pose, found = laid(points @ TURN.T, exact)
    assert refusal(scan, exact, pose, covered=found.covered, suspicious=True) == ""


def test_a_corner_of_a_part_is_too_little(exact, scanned):
    points = scanned(2)
    scan, pose, found = laid(points[(points[:, 0] > 18) & (points[:, 2] > 3)], exact)
    assert "scan more" in refusal(scan, exact, pose, covered=found.covered, suspicious=False)


def test_an_open_mesh_says_so_and_keeps_its_sides(exact, mesh):
    opened = nominal_of(mesh[200:])
    assert "open" in opened.notes[0]
    points = exact.samples + 0.2 * exact.normals
    near = opened.tree.query(points)[0] < 0.5
    assert (signed_distance(points[near], opened) > 0).mean() > 0.99


def test_triangles_that_disagree_are_turned_to_agree(exact, mesh):
    mixed = mesh.copy()
    which = np.random.default_rng(0).random(len(mixed)) < 0.3
    mixed[which] = mixed[which][:, ::-1]
    again = nominal_of(mixed)
    assert "disagree" in again.notes[0]
    away = signed_distance(exact.samples + 0.2 * exact.normals, again)
    assert np.median(away) == pytest.approx(0.2, abs=1e-3)
    assert (away > 0).mean() > 0.99


def test_a_closed_mesh_says_nothing(mesh):
    assert checked(mesh)[1].notes == ()


def test_a_million_equal_points_change_nothing(exact, scanned):
    points = scanned(3)
    stuck = np.concatenate([points, np.repeat(points[:1], 1_000_000, axis=0)])
    scan = read_scan(stuck)
    assert "1000000 of" in scan.notes[0]
    assert "duplicates" in scan.notes[0]
    plain = read_scan(points)
    assert np.array_equal(np.sort(scan.points, axis=0), np.sort(plain.points, axis=0))


def test_a_million_nearly_equal_points_do_not_crowd_out_the_part(exact, scanned):
    points = scanned(4)
    crowd = points[0] + np.random.default_rng(0).normal(size=(400_000, 3)) * 1e-4
    scan, _, found = laid(np.concatenate([points, crowd]), exact)
    assert len(scan.points) < 60_000
    assert found.spacing > 0.1
    assert [each for each, _ in regions(found, exact, limit=0.2, least_area=2.0)] == []


def test_equal_points_are_found_whatever_the_sign_of_zero():
    points = np.array([[0.0, 1.0, 2.0], [-0.0, 1.0, 2.0], [1.0, 0.0, 2.0], [2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    assert distinct(points).tolist() == [0, 2, 3]


@pytest.mark.parametrize(("factor", "unit"), [(1000.0, "metres"), (25.4, "inches"), (10.0, "centimetres")])
def test_another_unit_of_length_is_named(exact, scanned, factor, unit):
    assert unit_suspected(read_scan(scanned(5) / factor), exact) == (factor, unit)


def test_an_organised_tiff_is_a_scan(tmp_path, scanned):
    tifffile = pytest.importorskip("tifffile")
    points = scanned(6)[:6400].astype(np.float32)
    points[:100] = 0
    tifffile.imwrite(tmp_path / "a.tiff", points.reshape(80, 80, 3), photometric="rgb")
    scan = read_scan(tmp_path / "a.tiff")
    assert len(scan.points) == 6300
    assert "100 of 6400" in scan.notes[0]
    tifffile.imwrite(tmp_path / "depth.tiff", points[:, 2].reshape(80, 80))
    with pytest.raises(FormatError, match="depth map"):
        read_scan(tmp_path / "depth.tiff")
    (tmp_path / "cut.tiff").write_bytes((tmp_path / "a.tiff").read_bytes()[:300])
    with pytest.raises(FileError, match="TIFF"):
        read_scan(tmp_path / "cut.tiff")


def test_without_tifffile_the_cure_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    with pytest.raises(MissingExtra, match="colonnade\\[scans\\]"):
        organised.read_organised(tmp_path / "a.tiff")


def test_a_gear_is_not_laid_half_a_tooth_on():
    """Near symmetry: 24 shallow teeth, one of them missing, and a start that is off by any angle."""
    angle = np.arange(480) * 2 * np.pi / 480
    radius = 20 + 0.8 * np.sign(np.sin(24 * angle)) * (angle > 2 * np.pi / 24)
    ring = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    after = np.roll(ring, -1, axis=0)
    hub = np.zeros_like(ring)
    lift = lambda flat, z: np.concatenate([flat, np.full((len(flat), 1), z)], axis=1)  # noqa: E731
    triangles = np.concatenate(
        [
            np.stack([lift(hub, 3), lift(ring, 3), lift(after, 3)], axis=1),
            np.stack([lift(hub, -3), lift(after, -3), lift(ring, -3)], axis=1),
            np.stack([lift(ring, -3), lift(after, -3), lift(after, 3)], axis=1),
            np.stack([lift(ring, -3), lift(after, 3), lift(ring, 3)], axis=1),
        ]
    )
    gear = nominal_of(triangles)
    for turn in (7.5, 100.0, 187.0):
        rotation = Rotation.from_euler("zx", [turn, 40], degrees=True).as_matrix()
        scan = read_scan(gear.samples[::4] @ rotation.T + 5)
        pose = register(scan, gear)
        assert np.quantile(np.abs(signed_distance(pose.apply(scan.points), gear)), 0.99) < 0.05
