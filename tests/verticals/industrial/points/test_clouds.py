"""Readers of scans and nominal parts: the same points from every format, and one sentence for every bad file."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError, GeometryError
from colonnade.verticals.industrial.points.clouds import (
    morton_order,
    nominal_of,
    read_nominal,
    read_scan,
    unit_suspected,
)
from colonnade.verticals.industrial.points.pcd import read_pcd, unpack_lzf
from colonnade.verticals.industrial.records import Nominal

POINTS = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)


def pcd(path, points, kind, body=None):
    head = (
        f"# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH {len(points)}\nHEIGHT 1\n"
    )
    head += f"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(points)}\nDATA {kind}\n"
    if body is None:
        body = points.tobytes() if kind == "binary" else "\n".join(" ".join(map(str, row)) for row in points).encode()
    path.write_bytes(head.encode() + body)
    return path


def literals(data: bytes) -> bytes:
    """LZF of literals only, with one back reference at the end for the last three bytes if they repeat."""
    out = b""
    for start in range(0, len(data), 32):
        piece = data[start : start + 32]
        out += bytes([len(piece) - 1]) + piece
    return out


def same(found, points):
    assert np.allclose(np.sort(found.points, axis=0), np.sort(points, axis=0), atol=1e-5)


def test_every_format_gives_the_same_points(tmp_path):
    import trimesh

    trimesh.PointCloud(POINTS).export(tmp_path / "binary.ply")
    (tmp_path / "a.ply").write_text(
        f"ply\nformat ascii 1.0\nelement vertex {len(POINTS)}\nproperty float x\nproperty float y\nproperty float z\n"
        "end_header\n" + "\n".join(" ".join(map(str, row)) for row in POINTS)
    )
    (tmp_path / "a.xyz").write_text("x,y,z\n" + "\n".join(",".join(map(str, row)) for row in POINTS))
    (tmp_path / "a.obj").write_text("\n".join("v " + " ".join(map(str, row)) for row in POINTS))
    np.savez(tmp_path / "a.npz", points=POINTS)
    pcd(tmp_path / "ascii.pcd", POINTS, "ascii")
    pcd(tmp_path / "binary.pcd", POINTS, "binary")
    flat = np.ascontiguousarray(POINTS.T).tobytes()
    packed = literals(flat)
    sizes = np.array([len(packed), len(flat)], "<u4").tobytes()
    pcd(tmp_path / "packed.pcd", POINTS, "binary_compressed", sizes + packed)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 8
    for file in files:
        same(read_scan(file), POINTS)


def test_lzf_copies_what_it_has_written():
    # "ab", then a copy of length 4 from two bytes back: length code 2, distance 1
    assert unpack_lzf(bytes([1]) + b"ab" + bytes([2 << 5, 1]), 6) == b"ababab"
    with pytest.raises(FileError):
        unpack_lzf(bytes([2 << 5, 9]), 4)


@pytest.mark.parametrize("name", ["x.ply", "x.stl", "x.obj", "x.pcd", "x.npz", "x.xyz"])
def test_garbage_is_refused_with_one_sentence(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 99\n\x00\x01garbage")
    with pytest.raises((FileError, FormatError)) as caught:
        read_scan(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_binary_pcd_says_how_much_is_missing(tmp_path):
    path = pcd(tmp_path / "a.pcd", POINTS, "binary", POINTS.tobytes()[:-40])
    with pytest.raises(FileError, match="680 bytes of 720"):
        read_pcd(path)


def test_nan_points_are_dropped_and_counted():
    points = np.concatenate([POINTS.astype(float), np.full((3, 3), np.nan)])
    scan = read_scan(points)
    assert len(scan.points) == 60
    assert "3 of 63" in scan.notes[0]
    with pytest.raises(FormatError, match="finite points"):
        read_scan(np.full((80, 3), np.nan))


def test_points_on_one_line_are_no_surface():
    with pytest.raises(GeometryError):
        read_scan(np.linspace(0, 1, 100)[:, None] * np.ones(3))


def test_a_huge_scan_is_thinned_visibly(monkeypatch):
    monkeypatch.setattr("colonnade.verticals.industrial.points.clouds.MOST_POINTS", 55)
    scan = read_scan(POINTS)
    assert len(scan.points) == 55
    assert "60 points" in scan.notes[0]


def cube(side: float = 10.0) -> Nominal:
    import trimesh

    return nominal_of(np.asarray(trimesh.creation.box((side, side, side)).triangles))


def test_inward_triangles_are_turned_round():
    outward = cube()
    inward = nominal_of(outward.triangles[:, ::-1])
    assert "inwards" in inward.notes[0]
    assert (np.einsum("ij,ij->i", inward.normals, inward.samples) > 0).all()


def test_a_mesh_file_becomes_a_nominal_part(tmp_path):
    import trimesh

    trimesh.creation.box((10, 10, 10)).export(tmp_path / "box.stl")
    nominal = read_nominal(tmp_path / "box.stl")
    assert nominal.area == pytest.approx(600, rel=1e-4)
    assert np.abs(nominal.samples).max() == pytest.approx(5, abs=1e-4)


@pytest.mark.parametrize(("factor", "unit"), [(0.001, "metres"), (1 / 25.4, "inches")])
def test_another_unit_of_length_is_suspected(factor, unit):
    nominal = cube()
    found = unit_suspected(read_scan(nominal.samples[::12] * factor), nominal)
    assert found is not None
    assert found[1] == unit
    assert unit_suspected(read_scan(nominal.samples[::12]), nominal) is None


def test_morton_order_keeps_neighbours_together():
    points = np.random.default_rng(1).random((500, 3))
    steps = np.linalg.norm(np.diff(points[morton_order(points)], axis=0), axis=1).mean()
    assert steps < 0.5 * np.linalg.norm(np.diff(points, axis=0), axis=1).mean()
