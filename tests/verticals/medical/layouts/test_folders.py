from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError, UnknownName
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.data import LAYOUTS, chosen, find_pairs, read_case


def write(path: Path, voxels: Array, affine: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels.astype(np.int16), affine), path)


def nnunet(root: Path, block: Volume, names: dict[str, int] | dict[str, str]) -> Path:
    """Two classes: 1 is the lung, 2 are two nodules."""
    label = np.zeros(block.voxels.shape)
    label[4:30], label[12:15, 14:17, 4:6], label[22:25, 30:33, 4:6] = 1, 2, 2
    for part in ("Tr", "Ts"):
        write(root / f"images{part}" / f"chest_00{part}_0000.nii.gz", block.voxels, block.affine)
        write(root / f"labels{part}" / f"chest_00{part}.nii.gz", label, block.affine)
    (root / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CT"}, "labels": names, "numTraining": 1}))
    return root


@pytest.mark.parametrize(
    "names", [{"background": 0, "lung": 1, "nodule": 2}, {"0": "background", "1": "lung", "2": "Nodule"}]
)
def test_nnunets_names_say_which_class_is_a_nodule(names: dict[str, int], block: Volume, tmp_path: Path) -> None:
    pairs = find_pairs(nnunet(tmp_path, block, names))
    assert [(each.name, each.part, each.classes) for each in pairs] == [
        ("chest_00Tr", "training", (2,)), ("chest_00Ts", "test", (2,)),
    ]  # fmt: skip
    assert [each.name for each in chosen(pairs, "test")] == ["chest_00Ts"]
    case, _ = read_case(pairs[0])
    assert len(case.truths) == 2, "each part of the class that hangs together is a nodule"
    assert case.outlined


def test_classes_of_which_none_is_a_nodule_are_refused(block: Volume, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="names lung, liver: none of them is a nodule"):
        find_pairs(nnunet(tmp_path, block, {"background": 0, "lung": 1, "liver": 2}))


def test_images_and_masks_of_one_name_are_pairs(block: Volume, tmp_path: Path) -> None:
    write(tmp_path / "images" / "a.nii.gz", block.voxels, block.affine)
    write(tmp_path / "images" / "without a mask.nii.gz", block.voxels, block.affine)
    write(tmp_path / "masks" / "a.nii.gz", block.voxels > 0, block.affine)
    assert [each.name for each in find_pairs(tmp_path)] == ["a"]
    write(tmp_path / "masks" / "b.nii.gz", block.voxels > 0, block.affine)
    with pytest.raises(FormatError, match=r"b\.nii\.gz has no image b"):
        find_pairs(tmp_path, "folders")


def test_a_second_channel_and_images_alone_are_refused(block: Volume, tmp_path: Path) -> None:
    root = nnunet(tmp_path / "two", block, {"background": 0, "nodule": 2})
    write(root / "imagesTr" / "chest_00Tr_0001.nii.gz", block.voxels, block.affine)
    with pytest.raises(FormatError, match="second channel"):
        find_pairs(root)
    write(tmp_path / "bare" / "imagesTr" / "a_0000.nii.gz", block.voxels, block.affine)
    with pytest.raises(FormatError, match="and no labels"):
        find_pairs(tmp_path / "bare")


def test_an_unknown_layout_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=", ".join(sorted(LAYOUTS))):
        find_pairs(tmp_path, "coco")
    with pytest.raises(FormatError, match="fits no layout"):
        find_pairs(tmp_path)
    with pytest.raises(FileError, match="no folder"):
        find_pairs(tmp_path / "scan.nii.gz")
