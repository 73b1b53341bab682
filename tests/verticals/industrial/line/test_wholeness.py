from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile
import trimesh
from PIL import Image

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.line.wholeness import CHECKS, whole


def write(path):
    points = numpy_generator(0, "whole").normal(size=(300, 3))
    suffix = path.suffix
    if suffix in (".png", ".jpg", ".bmp"):
        Image.fromarray((np.abs(points[:256].reshape(-1, 16, 3)) * 60).astype(np.uint8)).save(path)
    elif suffix == ".wav":
        soundfile.write(path, points[:, 0] / 10, 16_000)
    elif suffix == ".npz":
        np.savez(path, points=points)
    elif suffix == ".pcd":
        head = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 300\nHEIGHT 1\nPOINTS 300\nDATA binary\n"
        path.write_bytes(head.encode() + points.astype("<f4").tobytes())
    elif suffix == ".stl":
        trimesh.creation.box().export(path)
    else:
        trimesh.PointCloud(points).export(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".wav", ".npz", ".pcd", ".stl", ".ply"])
def test_a_file_is_whole_when_its_last_byte_is_there(suffix, tmp_path):
    path = tmp_path / f"unit{suffix}"
    write(path)
    data = path.read_bytes()
    assert whole(path) is True
    for share in (0.02, 0.5, 0.97):
        path.write_bytes(data[: int(len(data) * share)])
        assert whole(path) is False, share
    path.write_bytes(data[:-1])
    assert whole(path) is False
    assert suffix in CHECKS


def test_rows_of_text_count_when_their_line_ends(tmp_path):
    path = tmp_path / "unit.ply"
    head = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    path.write_text(head + "0 0 0\n1 1 1\n2 2 2")
    assert whole(path) is False
    path.write_text(head + "0 0 0\n1 1 1\n2 2 2\n")
    assert whole(path) is True


def test_a_mesh_is_whole_with_its_faces(tmp_path):
    path = tmp_path / "unit.ply"
    trimesh.creation.box().export(path)
    assert whole(path) is True
    path.write_bytes(path.read_bytes()[:-5])
    assert whole(path) is False


def test_a_recorder_that_has_not_closed_its_file_says_nothing_yet(tmp_path):
    path = tmp_path / "unit.wav"
    write(path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 4, 0xFFFFFFFF)
    path.write_bytes(bytes(data))
    assert whole(path) is None
    struct.pack_into("<I", data, 4, 0)
    path.write_bytes(bytes(data))
    assert whole(path) is False


def test_formats_that_do_not_tell_say_so_and_empty_or_vanished_files_are_not_whole(tmp_path):
    path = tmp_path / "unit.xyz"
    path.write_text("0 0 0\n")
    assert whole(path) is None
    path.write_text("")
    assert whole(path) is False
    assert whole(tmp_path / "gone.png") is False
