from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colonnade.core.errors import FileError, FormatError, GeometryError
from colonnade.core.types import Volume
from colonnade.verticals.medical.studies.dicom import read_series
from colonnade.verticals.medical.studies.geometry import canonical

Writer = Callable[..., Path]


def test_a_series_reads_as_the_volume_it_was_written_from(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    found, flags = read_series(write_series(block, tmp_path / "ct"))
    turned = canonical(found)
    np.testing.assert_array_equal(turned.voxels, np.maximum(block.voxels, -1024))
    np.testing.assert_allclose(turned.affine, block.affine, atol=1e-6)
    assert flags == ()


def test_padding_becomes_air_outside_the_field_of_view(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    def pad(k: int, data: Any) -> Any:
        data.PixelPaddingValue = int(block.voxels[0, 0, k]) + 1024
        return data

    found, _ = read_series(write_series(block, tmp_path / "ct", pad))
    assert canonical(found).voxels[0, 0, 0] == -2048


def test_a_scout_beside_the_series_is_set_aside_and_told(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    def scout(k: int, data: Any) -> Any:
        if k == 11:
            data.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        return data

    found, flags = read_series(write_series(block, tmp_path / "ct", scout))
    assert found.voxels.shape[2] == 11
    assert flags == ("images set aside: 1 scout (localizer)",)


def each(**values: Any) -> Callable[[int, Any], Any]:
    def change(k: int, data: Any) -> Any:
        for name, value in values.items():
            setattr(data, name, value(k) if callable(value) else value)
        return data

    return change


def without(name: str) -> Callable[[int, Any], Any]:
    def change(k: int, data: Any) -> Any:
        delattr(data, name)
        return data

    return change


def moved(which: int, by: float, axis: int = 2) -> Callable[[int, Any], Any]:
    def change(k: int, data: Any) -> Any:
        place = list(data.ImagePositionPatient)
        place[axis] += by if which in (k, -1) and axis == 2 else by * k if which == -1 else 0
        data.ImagePositionPatient = place
        return data

    return change


def sheared(k: int, data: Any) -> Any:
    place = list(data.ImagePositionPatient)
    place[1] += 0.6 * k
    data.ImagePositionPatient = place
    return data


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (each(Modality="MR"), FormatError, "of modality MR"),
        (each(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), FormatError, "scout"),
        (each(ImageType=["DERIVED", "SECONDARY"]), FormatError, "derived"),
        (each(SeriesInstanceUID=lambda k: f"1.2.{k % 2}"), FormatError, "2 CT series"),
        (each(GantryDetectorTilt=12.0), GeometryError, "gantry tilt of 12"),
        (sheared, GeometryError, "sheared"),
        (moved(5, -2.0), GeometryError, "duplicate"),
        (moved(5, 0.7), GeometryError, "unevenly spaced"),
        (lambda k, data: None if k == 6 else data, GeometryError, "lacks 1 slice"),
        (lambda k, data: data if k == 6 else None, GeometryError, "one slice"),
        (each(PixelSpacing=lambda k: [0.9, 0.8 + 0.1 * (k > 5)]), GeometryError, "different PixelSpacing"),
        (each(ImageOrientationPatient=lambda k: [1, 0, 0, 0, 1 - k % 2, -(k % 2)]), GeometryError, "orient"),
        (without("RescaleSlope"), FormatError, "rescale"),
        (without("ImagePositionPatient"), GeometryError, "ImagePositionPatient"),
        (without("PixelSpacing"), GeometryError, "PixelSpacing"),
        (each(PixelData=b"\0\0"), FileError, "cannot be decoded"),
        (each(BitsAllocated=8, BitsStored=8, HighBit=7), FormatError, "screen capture"),
    ],
)  # fmt: skip
def test_what_is_no_even_stack_of_axial_ct_is_refused_with_the_reason(
    change: Any, error: type[Exception], says: str, block: Volume, write_series: Writer, tmp_path: Path
) -> None:
    folder = write_series(block, tmp_path / "ct", change)
    with pytest.raises(error, match=says):
        read_series(folder)


def test_a_truncated_file_is_named(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    folder = write_series(block, tmp_path / "ct")
    file = folder / "im0995.dcm"
    file.write_bytes(file.read_bytes()[:700])
    with pytest.raises((FileError, GeometryError)):
        read_series(folder)


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(FormatError, match=r"no DICOM files, only files such as notes\.txt"):
        read_series(tmp_path)
