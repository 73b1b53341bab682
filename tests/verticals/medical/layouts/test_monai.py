from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError, GeometryError
from colonnade.core.types import Volume
from colonnade.verticals.medical.data import chosen, find_pairs, read_case
from colonnade.verticals.medical.studies.geometry import to_world


@pytest.fixture
def root(block: Volume, tmp_path: Path) -> Path:
    (tmp_path / "scans").mkdir()
    for name in ("a", "b", "c"):
        image = nibabel.Nifti1Image(block.voxels.astype(np.int16), block.affine)
        nibabel.save(image, tmp_path / "scans" / f"{name}.nii.gz")
        label = nibabel.Nifti1Image((block.voxels > 0).astype(np.uint8), block.affine)
        nibabel.save(label, tmp_path / "scans" / f"{name}_seg.nii.gz")
    return tmp_path


def listed(root: Path, **parts: Any) -> Path:
    path = root / "datalist.json"
    path.write_text(json.dumps({"name": "nodules", "modality": {"0": "CT"}, **parts}))
    return path


def entry(name: str) -> dict[str, str]:
    return {"image": f"scans/{name}.nii.gz", "label": f"scans/{name}_seg.nii.gz"}


def test_a_list_is_read_with_its_parts_from_the_folder_or_the_file(root: Path) -> None:
    path = listed(root, training=[entry("a")], validation=[entry("b")], test=["scans/c.nii.gz", entry("c")])
    for data in (root, path):
        pairs = find_pairs(data)
        assert [(each.name, each.part) for each in pairs] == [("a", "training"), ("b", "validation"), ("c", "test")]
    assert [each.name for each in chosen(find_pairs(root), "test", "validation")] == ["c"]
    case, _ = read_case(find_pairs(root)[0])
    assert len(case.truths) == 1


def boxed(block: Volume, sign: float, index: tuple[int, int, int] = (15, 18, 6)) -> dict[str, Any]:
    x, y, z = to_world(block.affine, np.array(index))
    box = [sign * float(x), sign * float(y), float(z), 6.0, 8.0, 10.0]
    return {"image": "scans/a.nii.gz", "box": [box], "label": [0]}


@pytest.mark.parametrize(("space", "sign"), [({}, -1.0), ({"coordinates": "RAS"}, 1.0)])
def test_boxes_are_spheres_in_the_space_of_the_list(
    space: dict[str, str], sign: float, root: Path, block: Volume
) -> None:
    listed(root, training=[boxed(block, sign)], **space)
    case, _ = read_case(find_pairs(root)[0])
    (truth,) = case.truths
    np.testing.assert_allclose(truth.centre, to_world(block.affine, np.array([15, 18, 6])), atol=1e-3)
    assert truth.diameter == 8.0
    assert not case.outlined
    size = float((case.labels == 1).sum() * np.prod(block.spacing))
    assert size == pytest.approx(4 / 3 * np.pi * 4**3, rel=0.15)


def test_a_box_in_the_other_space_is_told_as_that(root: Path, block: Volume) -> None:
    listed(root, training=[boxed(block, 1.0, (20, 36, 6))])
    with pytest.raises(GeometryError, match="mirrored in x and y it lies inside"):
        read_case(find_pairs(root)[0])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"image": "scans/z.nii.gz", "label": "scans/a_seg.nii.gz"}, "names scans/z.nii.gz, which is not in"),
        ({"image": "scans/a.nii.gz", "label": 1}, "a label is the path of a label map"),
        ({"image": "scans/a.nii.gz", "box": [[1, 2, 3]], "label": [0]}, "a box is six numbers"),
        ({"image": "scans/a.nii.gz", "box": [[1, 2, 3, 0, 5, 5]]}, "is no nodule"),
        ({"label": "scans/a_seg.nii.gz"}, "an entry is an object with image and label"),
    ],
)
def test_a_wrong_entry_is_told_with_its_number(wrong: dict[str, Any], said: str, root: Path) -> None:
    listed(root, training=[entry("a"), wrong])
    with pytest.raises((FormatError, FileError), match=said) as told:
        find_pairs(root)
    assert "training 2" in str(told.value)


def test_two_lists_in_one_folder_are_asked_back(root: Path) -> None:
    path = listed(root, training=[entry("a")])
    (root / "other.json").write_text(path.read_text())
    with pytest.raises(FormatError, match="2 datalists"):
        find_pairs(root)
    assert len(find_pairs(path)) == 1
