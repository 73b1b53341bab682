from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError, GeometryError
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.data import find_pairs, read_case
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.studies.geometry import to_world

UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.1"
HEAD = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"


def write_scan(folder: Path, uid: str, volume: Volume) -> None:
    """As LUNA16 has them: MetaImage of shorts, axes to the left, back and head, voxels beside the header."""
    folder.mkdir(parents=True, exist_ok=True)
    voxels = np.flip(volume.voxels, (0, 1)).astype("<i2")
    corner = to_world(volume.affine, np.array([volume.voxels.shape[0] - 1, volume.voxels.shape[1] - 1, 0]))
    offset = " ".join(f"{each:.6f}" for each in corner * [-1, -1, 1])
    (folder / f"{uid}.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = False\n"
        f"TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = {offset}\nCenterOfRotation = 0 0 0\n"
        f"AnatomicalOrientation = RAI\nElementSpacing = {' '.join(map(str, volume.spacing))}\n"
        f"DimSize = {' '.join(map(str, volume.voxels.shape))}\nElementType = MET_SHORT\nElementDataFile = {uid}.raw\n"
    )
    (folder / f"{uid}.raw").write_bytes(voxels.tobytes(order="F"))


def row(uid: str, centre: Array, diameter: float) -> str:
    x, y, z = centre * [-1, -1, 1]
    return f"{uid},{x},{y},{z},{diameter}\n"


@pytest.fixture
def luna(chest: tuple[Volume, Array, Array], tmp_path: Path) -> Path:
    volume, _, centre = chest
    write_scan(tmp_path / "subset0", UID, volume)
    write_scan(tmp_path / "subset0", UID + "9", volume)
    (tmp_path / "annotations.csv").write_text(HEAD + row(UID, centre, 14.0) + row("not downloaded", centre, 5.0))
    (tmp_path / "annotations_excluded.csv").write_text(HEAD + row(UID, centre + np.array([0, 0, 30]), -1))
    (tmp_path / "candidates.csv").write_text("seriesuid,coordX,coordY,coordZ,class\n")
    return tmp_path


def test_spheres_lie_where_the_scanner_said(luna: Path, chest: tuple[Volume, Array, Array]) -> None:
    one, other = find_pairs(luna)
    case, _ = read_case(one)
    np.testing.assert_allclose(case.truths[0].centre, chest[2], atol=1e-3)
    covered = (case.labels > 0) & chest[1]
    assert covered.sum() > 0.95 * chest[1].sum()
    assert not case.asked((chest[2] + np.array([0, 0, 30]))[None])[0], "an irrelevant finding counts for nothing"
    assert not read_case(other)[0].truths


def test_evaluate_measures_detection_and_says_that_dice_cannot_be(luna: Path) -> None:
    (luna / "subset0" / f"{UID}9.mhd").unlink()
    found = NodulePipeline.from_pretrained().evaluate(luna)
    assert found.metrics["n_nodules"] == 1
    assert "froc_cpm" in found.metrics
    assert "dice" not in found.metrics
    assert any("Dice and diameters cannot be measured" in note for note in found.notes)


@pytest.mark.parametrize(
    ("table", "error", "said"),
    [
        ("seriesuid,x,y,z,diameter\n", FormatError, "lacks the column.s. coordX, coordY, coordZ, diameter_mm"),
        (HEAD + f"{UID},left,0,0,5\n", FormatError, "line 2: coordinates and diameter are numbers"),
        (HEAD + f"{UID},0,0,0,-1\n", FormatError, "line 2: a nodule of -1 mm"),
        (HEAD + "another,0,0,0,5\n", FileError, "none lies there"),
    ],
)
def test_a_wrong_table_is_told(luna: Path, table: str, error: type[Exception], said: str) -> None:
    (luna / "annotations.csv").write_text(table)
    with pytest.raises(error, match=said):
        find_pairs(luna)


def test_coordinates_in_ras_are_told_as_that(luna: Path, chest: tuple[Volume, Array, Array]) -> None:
    affine = chest[0].affine.copy()
    affine[:3, 3] += (300.0, 0.0, 0.0)  # far from the middle, so that a mirrored place lies outside
    write_scan(luna / "subset0", UID, Volume(voxels=chest[0].voxels, affine=affine))
    x, y, z = chest[2] + np.array([300.0, 0.0, 0.0])
    (luna / "annotations.csv").write_text(HEAD + f"{UID},{x},{y},{z},14\n")
    with pytest.raises(GeometryError, match="mirrored in x and y it lies inside"):
        read_case(find_pairs(luna)[0])


def test_candidates_without_diameters_are_not_enough(luna: Path) -> None:
    (luna / "annotations.csv").unlink()
    (luna / "annotations_excluded.csv").unlink()
    with pytest.raises(FormatError, match="candidates without diameters"):
        find_pairs(luna)


def test_a_header_without_its_voxels_is_told(luna: Path) -> None:
    (luna / "subset0" / f"{UID}.raw").unlink()
    with pytest.raises(FileError, match="which is not beside it"):
        read_case(find_pairs(luna)[0])
