from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError, GeometryError
from colonnade.core.types import Volume
from colonnade.verticals.medical.studies.geometry import admit, canonical
from colonnade.verticals.medical.studies.volumes import read_volume

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_nifti(volume: Volume, path: Path, unit: str = "mm") -> Path:
    image = nibabel.Nifti1Image(volume.voxels.astype(np.int16), volume.affine)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    return path


def write_nrrd(volume: Volume, path: Path) -> Path:
    affine = FLIP @ volume.affine
    head = {"space": "left-posterior-superior", "space directions": affine[:3, :3].T, "space origin": affine[:3, 3]}
    nrrd.write(str(path), volume.voxels.astype(np.int16), head)
    return path


def write_meta(volume: Volume, path: Path) -> Path:
    affine, data = FLIP @ volume.affine, zlib.compress(volume.voxels.astype("<i2").tobytes(order="F"))
    head = {
        "ObjectType": "Image", "NDims": 3, "BinaryData": "True", "CompressedData": "True",
        "TransformMatrix": _line((affine[:3, :3] / volume.spacing).T.ravel()), "Offset": _line(affine[:3, 3]),
        "ElementSpacing": _line(volume.spacing), "DimSize": _line(volume.voxels.shape), "ElementType": "MET_SHORT",
        "ElementDataFile": "LOCAL",
    }  # fmt: skip
    path.write_bytes("".join(f"{key} = {value}\n" for key, value in head.items()).encode() + data)
    return path


def _line(values: object) -> str:
    return " ".join(str(each) for each in np.asarray(values).tolist())


WRITERS: list[tuple[str, Callable[[Volume, Path], Path]]] = [
    ("ct.nii.gz", write_nifti),
    ("ct.nrrd", write_nrrd),
    ("ct.mha", write_meta),
]


@pytest.mark.parametrize(("name", "write"), WRITERS)
def test_every_format_gives_the_same_scan(name: str, write: Callable[..., Path], block: Volume, tmp_path: Path) -> None:
    found = canonical(read_volume(write(block, tmp_path / name)))
    np.testing.assert_array_equal(found.voxels, block.voxels)
    np.testing.assert_allclose(found.affine, block.affine, atol=1e-4)


@pytest.mark.parametrize(("name", "write"), WRITERS)
def test_a_truncated_file_is_refused(name: str, write: Callable[..., Path], block: Volume, tmp_path: Path) -> None:
    path = write(block, tmp_path / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileError, match="truncated"):
        read_volume(path)


@pytest.mark.parametrize("name", ["ct.nii", "ct.nrrd", "ct.mha"])
def test_text_under_the_name_of_a_scan_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("hello, this is no scan at all\n")
    with pytest.raises((FormatError, FileError)):
        read_volume(tmp_path / name)


def test_another_suffix_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"\.nii\.gz"):
        read_volume(tmp_path / "ct.jpg")


def test_metres_are_refused(block: Volume, tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="measures in meter"):
        read_volume(write_nifti(block, tmp_path / "ct.nii", unit="meter"))


def test_a_nifti_without_a_frame_is_refused(block: Volume, tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(block.voxels.astype(np.int16), None)
    image.header["sform_code"], image.header["qform_code"] = 0, 0
    nibabel.save(image, tmp_path / "ct.nii")
    with pytest.raises(GeometryError, match="neither sform nor qform"):
        read_volume(tmp_path / "ct.nii")


def test_a_nifti_whose_two_frames_differ_is_refused(block: Volume, tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(block.voxels.astype(np.int16), block.affine)
    image.set_qform(np.diag([-1.0, 1, 1, 1]) @ block.affine, code=1)
    nibabel.save(image, tmp_path / "ct.nii")
    with pytest.raises(GeometryError, match="differ"):
        read_volume(tmp_path / "ct.nii")


def test_a_nrrd_without_a_space_is_refused(block: Volume, tmp_path: Path) -> None:
    nrrd.write(str(tmp_path / "ct.nrrd"), block.voxels.astype(np.int16))
    with pytest.raises(GeometryError, match="must say its space"):
        read_volume(tmp_path / "ct.nrrd")


def test_nan_is_refused(block: Volume, tmp_path: Path) -> None:
    voxels = block.voxels.copy()
    voxels[3, 3, 3] = np.nan
    nibabel.save(nibabel.Nifti1Image(voxels, block.affine), tmp_path / "ct.nii")
    with pytest.raises(FormatError, match="1 of 17280 values that are NaN"):
        read_volume(tmp_path / "ct.nii")


def spoilt(block: Volume, *, scale: float = 1.0, shift: float = 0.0, slices: int = 12, affine: object = None) -> Volume:
    voxels = block.voxels[:, :, :slices] * scale + shift
    return Volume(voxels=voxels, affine=block.affine if affine is None else np.asarray(affine))


def test_a_frame_that_no_scanner_writes_is_refused(block: Volume) -> None:
    tilt = block.affine.copy()
    tilt[1, 2] = 0.6
    turned = block.affine @ np.array([[0.7, -0.7, 0, 0], [0.7, 0.7, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    turned[:3, :3] *= [0.8, 0.8, 1.0]
    for volume, says in (
        (spoilt(block, affine=np.eye(4)), "identity"),
        (spoilt(block, affine=block.affine @ np.diag([1e-3, 1e-3, 1e-3, 1])), "check the unit"),
        (spoilt(block, affine=tilt), "right angles"),
        (spoilt(block, slices=1), r"1 slice\(s\)"),
    ):
        with pytest.raises(GeometryError, match=says):
            admit(volume, "ct.nii")


def test_values_that_are_no_hounsfield_units_are_refused(block: Volume) -> None:
    for volume in (
        spoilt(block, shift=1024),
        spoilt(block, scale=1 / 4000, shift=0.3),
        spoilt(block, scale=0, shift=40),
    ):
        with pytest.raises(FormatError, match="not a CT in Hounsfield units"):
            admit(volume, "ct.nii")


def test_thick_slices_are_flagged(block: Volume) -> None:
    scan = admit(spoilt(block, affine=block.affine @ np.diag([1, 1, 2.5, 1])), "ct.nii")
    assert "5.0 mm apart" in scan.flags[0]
