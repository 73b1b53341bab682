from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from colonnade.core.errors import FormatError
from colonnade.core.types import Volume
from colonnade.verticals.medical.documents.deidentify import deidentify
from colonnade.verticals.medical.studies.dicom import read_series

pytest.importorskip("dicomanonymizer", reason="dicom-anonymizer is part of the extra 'dicom'")
KEY = b"sixteen bytes, a secret"
SECRETS = ("Doe", "Jane", "12345", "19600101", "20240102", "Hospital", "House", "SECRET")


def told(k: int, data: Any) -> Any:
    """Identity in every place where scanners leave it."""
    data.PatientID, data.PatientName, data.PatientBirthDate, data.PatientSex = "12345", "Doe^Jane", "19600101", "F"
    data.StudyInstanceUID, data.FrameOfReferenceUID = "1.2.3.99", "1.2.3.98"
    data.StudyDate, data.AcquisitionDate, data.StudyTime = "20240102", "20240105", "101500"
    data.InstitutionName, data.ReferringPhysicianName, data.PatientComments = "Hospital", "House", "SECRET"
    data.StudyDescription, data.ProtocolName, data.DeviceSerialNumber = "SECRET", "SECRET", "SECRET"
    data.add_new(0x00091001, "LO", "SECRET")
    data.add_new(0x60000022, "LO", "SECRET")
    data.FrameComments, data.DerivationDescription = "SECRET", "SECRET"
    item = Dataset()
    item.ReferencedSOPInstanceUID, item.ReferencedSOPClassUID = "1.2.3.97", "1.2.840.10008.5.1.4.1.1.2"
    item.PatientName = "Doe^Jane"
    data.SourceImageSequence = [item]
    data.file_meta.SourceApplicationEntityTitle = "SECRET"
    data.preamble = b"SECRET".ljust(128, b"\0")
    return data


def test_nothing_of_the_patient_is_left_and_the_scan_is_the_same(
    block: Volume, write_series: Callable[..., Path], tmp_path: Path
) -> None:
    source = write_series(block, tmp_path / "ct", told)
    done = deidentify(source, tmp_path / "out", key=KEY)
    for file in (tmp_path / "out").iterdir():
        content = file.read_bytes()
        assert not [word for word in SECRETS if word.encode() in content], file.name
    before, after = read_series(source)[0], read_series(tmp_path / "out")[0]
    np.testing.assert_array_equal(before.voxels, after.voxels)
    np.testing.assert_allclose(before.affine, after.affine)
    assert done.images == 12
    report = json.loads((tmp_path / "out" / "deidentification.json").read_text())
    assert report["changes"]["PatientComments"] == {"X": 12}


def test_uids_are_new_consistent_and_decided_by_the_key(
    block: Volume, write_series: Callable[..., Path], tmp_path: Path
) -> None:
    source = write_series(block, tmp_path / "ct", told)

    def written(name: str, key: bytes) -> list[Any]:
        deidentify(source, tmp_path / name, key=key)
        return [pydicom.dcmread(each) for each in sorted((tmp_path / name).glob("*.dcm"))]

    one, again, other = written("a", KEY), written("b", KEY), written("c", KEY + b"!")
    assert [each.SOPInstanceUID for each in one] == [each.SOPInstanceUID for each in again]
    assert len({each.SOPInstanceUID for each in one}) == 12
    assert len({each.StudyInstanceUID for each in one}) == len({each.SeriesInstanceUID for each in one}) == 1
    assert not {each.SOPInstanceUID for each in one} & {each.SOPInstanceUID for each in other}
    assert all(each.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2" for each in one)
    assert one[0].SourceImageSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
    assert one[0].file_meta.MediaStorageSOPInstanceUID == one[0].SOPInstanceUID


def test_dates_keep_their_distance_or_go(block: Volume, write_series: Callable[..., Path], tmp_path: Path) -> None:
    source = write_series(block, tmp_path / "ct", told)
    deidentify(source, tmp_path / "a", key=KEY)
    deidentify(source, tmp_path / "b", key=KEY, shift_dates=False)
    moved, gone = (pydicom.dcmread(next((tmp_path / name).glob("*.dcm"))) for name in "ab")
    days = np.datetime64(f"{moved.AcquisitionDate[:4]}-{moved.AcquisitionDate[4:6]}-{moved.AcquisitionDate[6:]}") - (
        np.datetime64(f"{moved.StudyDate[:4]}-{moved.StudyDate[4:6]}-{moved.StudyDate[6:]}")
    )
    assert int(days.astype(int)) == 3
    assert moved.PatientIdentityRemoved == "YES"
    assert [each.CodeValue for each in moved.DeidentificationMethodCodeSequence] == ["113100", "113107"]
    assert not gone.get("StudyDate")
    assert [each.CodeValue for each in gone.DeidentificationMethodCodeSequence] == ["113100"]


@pytest.mark.parametrize(
    "values", [{"BurnedInAnnotation": "YES"}, {"ImageType": ["DERIVED", "SECONDARY"]}, {"BitsAllocated": 8}]
)
def test_pixels_that_may_show_a_name_are_refused_and_nothing_is_written(
    values: dict[str, Any], block: Volume, write_series: Callable[..., Path], tmp_path: Path
) -> None:
    def spoil(k: int, data: Any) -> Any:
        if k == 5:
            for name, value in values.items():
                setattr(data, name, value)
        return data

    with pytest.raises(FormatError, match="burned into its pixels"):
        deidentify(write_series(block, tmp_path / "ct", spoil), tmp_path / "out", key=KEY)
    assert not (tmp_path / "out").exists()


def test_a_short_key_and_a_folder_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="at least 16 bytes"):
        deidentify(tmp_path, tmp_path / "out", key=b"1")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("hello")
    with pytest.raises(FormatError, match="no CT image"):
        deidentify(tmp_path / "in", tmp_path / "out", key=KEY)
    assert not (tmp_path / "out").exists()
