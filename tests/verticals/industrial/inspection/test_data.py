"""Layouts are recognised, units are matched by name, and tiles stay together."""

from __future__ import annotations

import pytest

from colonnade.core.errors import FileError, FormatError, UnknownName
from colonnade.verticals.industrial.inspection.data import read_parts
from colonnade.verticals.industrial.inspection.recipes import trainable


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_the_layout_of_parts_matches_units_across_senses(tmp_path):
    touch(tmp_path, "nut/nominal.stl", "nut/image/train/good/1.png", "nut/sound/train/good/1.wav")
    touch(tmp_path, "nut/pointcloud/train/good/1.ply", "nut/pointcloud/train/good/2.ply")
    touch(tmp_path, "nut/image/test/chip/7.png", "nut/image/ground_truth/chip/7_mask.png", "nut/image/test/good/8.png")
    parts = read_parts(tmp_path)
    assert parts.layout == "parts"
    assert [sorted(unit.given) for unit in parts.train] == [["image", "nominal", "scan", "sound"], ["nominal", "scan"]]
    assert {unit.defect for unit in parts.test} == {"chip", "good"}
    assert parts.test[0].truth["mask"].name == "7_mask.png"


def test_images_alone_are_the_layout_of_mvtec(tmp_path):
    touch(tmp_path, "train/good/000.png", "test/good/001.png", "test/crack/000.png", "ground_truth/crack/000_mask.png")
    parts = read_parts(tmp_path)
    assert (parts.layout, parts.senses) == ("mvtec", ("image",))
    assert len(parts.train) == 1


def test_a_plain_folder_is_all_good(tmp_path):
    touch(tmp_path, "image/a.png", "image/b.png", "sound/a.wav")
    parts = read_parts(tmp_path)
    assert parts.layout == "plain"
    assert len(parts.train) == 2


def test_scans_without_a_nominal_part_are_refused(tmp_path):
    touch(tmp_path, "scan/train/good/1.ply")
    with pytest.raises(FileError, match="no nominal part"):
        read_parts(tmp_path)


def test_two_parts_and_unknown_layouts_are_refused(tmp_path):
    touch(tmp_path, "a/train/good/1.png", "b/train/good/1.png")
    with pytest.raises(FormatError, match="2 parts"):
        read_parts(tmp_path)
    with pytest.raises(UnknownName, match="mvtec"):
        read_parts(tmp_path / "a", "mvtek")


def test_a_folder_of_something_else_is_refused(tmp_path):
    touch(tmp_path, "notes.md")
    with pytest.raises(FileError, match="holds no units"):
        read_parts(tmp_path)


def test_photographs_of_a_tile_stay_on_one_side(tmp_path):
    touch(tmp_path, *(f"train/good/exp{e}_num_{n}.jpg" for e, n in ((1, 1810), (2, 1836), (1, 2038), (2, 2060))))
    touch(tmp_path, "test/good/exp3_num_1855.jpg", "test/crack/exp4_num_9000.jpg")
    parts = read_parts(tmp_path)
    assert len({unit.group for unit in (*parts.train, *parts.test)}) == 3
    assert [unit.name for unit in trainable(parts)] == ["good/exp1_num_2038", "good/exp2_num_2060"]
