"""Published data sets are recognised as their authors lay them out: sides, kinds, truth, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError
from colonnade.verticals.industrial.inspection.data import LAYOUTS, read_parts
from colonnade.verticals.industrial.inspection.layouts.truth import labels_at, read_truth


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def kinds(units):
    return sorted(unit.defect for unit in units)


def test_real3d_ad(tmp_path):
    root = tmp_path / "airplane"
    touch(root, "train/1_template.pcd", "train/2_template.pcd", "train/notes.log")
    touch(root, "test/1_bulge.pcd", "test/2_sink_cut.pcd", "test/3_good.pcd", "test/4_template.pcd", "gt/1_bulge.txt")
    parts = read_parts(tmp_path)
    assert (parts.layout, parts.senses, len(parts.train)) == ("real3d-ad", ("scan",), 2)
    assert kinds(parts.test) == ["bulge", "good", "sink_cut"]
    bulge = next(unit for unit in parts.test if unit.defect == "bulge")
    assert bulge.truth["points"].name == "1_bulge.txt"


def test_anomaly_shapenet(tmp_path):
    root = tmp_path / "ashtray0"
    touch(root, "train/ashtray0_template0.pcd", "train/ashtray0_template1.pcd")
    touch(root, "test/ashtray0_positive0.pcd", "test/ashtray0_bulge3.pcd", "GT/ashtray0_bulge3.txt")
    parts = read_parts(root)
    assert parts.layout == "anomaly-shapenet"
    assert kinds(parts.test) == ["bulge", "good"]
    assert next(unit for unit in parts.test if not unit.good).truth["points"].is_file()


def test_mvtec_3d_ad(tmp_path):
    root = tmp_path / "bagel"
    touch(root, "train/good/xyz/000.tiff", "train/good/rgb/000.png", "validation/good/xyz/000.tiff")
    touch(root, "test/crack/xyz/000.tiff", "test/crack/rgb/000.png", "test/crack/gt/000.png", "test/good/xyz/001.tiff")
    parts = read_parts(tmp_path)
    assert (parts.layout, parts.senses, len(parts.train)) == ("mvtec3d-ad", ("scan", "image"), 2)
    crack = next(unit for unit in parts.test if unit.defect == "crack")
    assert sorted(crack.given) == ["image", "scan"]
    assert crack.truth["mask"].parent.name == "gt"


def test_mulsen_ad(tmp_path):
    root = tmp_path / "capsule"
    for room, suffix in (("RGB", "png"), ("Infrared", "png"), ("Pointcloud", "stl")):
        touch(root, f"{room}/train/0.{suffix}", f"{room}/train/10.{suffix}", f"{room}/test/hole/0.{suffix}")
        touch(root, f"{room}/test/good/3.{suffix}")
    touch(root, "RGB/GT/hole/0.png", "Pointcloud/GT/hole/0.txt")
    (root / "RGB/GT/hole/data.csv").write_text("object,RGB,infrared,pointcloud\n0,1,1,0\n")
    parts = read_parts(tmp_path)
    assert (parts.layout, parts.senses, len(parts.train)) == ("mulsen-ad", ("scan", "image"), 2)
    hole = next(unit for unit in parts.test if unit.defect == "hole")
    assert sorted(hole.truth) == ["mask", "points", "visible"]
    assert hole.truth["visible"] == ("image", "infrared")
    (root / "RGB/GT/hole/data.csv").write_text("object,RGB\n0,yes\n")
    with pytest.raises(FormatError, match="0 or 1"):
        read_parts(tmp_path)


def test_dcase(tmp_path):
    root = tmp_path / "fan"
    touch(root, "train/section_00_source_train_normal_0001_m-n_W.wav", "train/section_00_target_train_normal_0001.wav")
    touch(root, "test/section_00_source_test_anomaly_0003_m-n_X.wav", "test/section_00_target_test_normal_0001.wav")
    touch(root, "test/section_01_0007.wav", "test/readme.wav")
    parts = read_parts(tmp_path)
    assert (parts.layout, parts.senses, len(parts.train)) == ("dcase", ("sound",), 2)
    assert kinds(parts.test) == ["anomaly", "good", "unknown"]
    bad = next(unit for unit in parts.test if unit.defect == "anomaly")
    assert bad.truth == {"section": "00", "domain": "source", "attributes": "m-n_X"}


@pytest.mark.parametrize("layout", LAYOUTS[3:])
def test_a_layout_that_is_asked_for_and_empty_is_refused(tmp_path, layout):
    (tmp_path / "train").mkdir()
    with pytest.raises(FileError, match="no file in them"):
        read_parts(tmp_path, layout)


def test_truth_is_read_with_commas_and_with_spaces(tmp_path):
    one, two = tmp_path / "a.txt", tmp_path / "b.txt"
    one.write_text("0 0 0 0\n1 0 0 1\n")
    two.write_text("0.0,0.0,0.0,0.0\n1.0,0.0,0.0,1.0\n")
    for path in (one, two):
        points, labels = read_truth(path)
        assert points.shape == (2, 3)
        assert labels.tolist() == [False, True]
    assert labels_at(np.array([[0.9, 0, 0], [0.1, 0, 0]]), one).tolist() == [True, False]


def test_a_list_of_defective_points_alone_marks_their_surroundings(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(f"{x},0,0" for x in range(5)))
    assert labels_at(np.array([[2.5, 0.0, 0.0], [9.0, 0.0, 0.0]]), path).tolist() == [True, False]


def test_truth_of_words_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("bulge\n")
    with pytest.raises(FormatError):
        read_truth(path)
    with pytest.raises(FileError):
        read_truth(tmp_path / "none.txt")
