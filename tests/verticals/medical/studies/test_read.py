"""Studies as they come: with several series, scouts and captures, multi-frame; and a segmentation back on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from colonnade.core.errors import FileError, FormatError, GeometryError, UnknownName
from colonnade.core.types import Volume
from colonnade.verticals.medical.studies.dicom import read_series, read_stack
from colonnade.verticals.medical.studies.geometry import canonical
from colonnade.verticals.medical.studies.read import read_study

Writer = Callable[..., Path]


def same(found: Volume, block: Volume) -> None:
    turned = canonical(found)
    np.testing.assert_array_equal(turned.voxels, np.maximum(block.voxels, -1024))
    np.testing.assert_allclose(turned.affine, block.affine, atol=1e-6)


def with_other_series(block: Volume, write_series: Writer, folder: Path, every: int = 1) -> tuple[Path, str, str]:
    """The thin series and a thicker one (of half the slices) in one folder."""
    thin = write_series(block, folder / "thin")
    coarse = Volume(voxels=block.voxels[:, :, :9], affine=block.affine @ np.diag([1, 1, 1.5, 1]))

    def other(k: int, data: Any) -> Any:
        data.SeriesInstanceUID, data.SeriesNumber = "1.2.3.4", 7
        return data

    write_series(coarse, folder / "coarse", other)
    return folder, str(pydicom.dcmread(next(thin.iterdir())).SeriesInstanceUID), "1.2.3.4"


def test_of_two_series_the_thinnest_is_read_and_told(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    folder, _, _ = with_other_series(block, write_series, tmp_path / "study")
    scan = read_study(folder)
    same(scan.volume, block)
    assert "of 2 CT series the thinnest is read, series 0 (12 slices of 2.00 mm); not series 7 (9 slices" in str(
        scan.flags
    )


def test_the_series_asked_for_is_read(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    folder, thin, coarse = with_other_series(block, write_series, tmp_path / "study")
    assert read_study(folder, series=coarse).volume.voxels.shape[2] == 9
    assert read_stack(folder, series=thin).series == thin
    with pytest.raises(UnknownName, match=r"1\.2\.3\.4"):
        read_study(folder, series="1.2.3.5")


def test_a_lateral_scout_that_does_not_say_so_is_set_aside(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    def lateral(k: int, data: Any) -> Any:
        if k == 11:
            data.ImageOrientationPatient, data.Rows = [0, 1, 0, 0, 0, -1], 20
            data.PixelData = data.PixelData[: 20 * data.Columns * 2]
        return data

    found, flags = read_series(write_series(block, tmp_path / "ct", lateral))
    assert found.voxels.shape[2] == 11
    assert flags == ("images set aside: 1 not axial (a scout?)",)


def test_a_slice_of_other_spacing_is_refused(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    def other(k: int, data: Any) -> Any:
        if k == 4:
            data.PixelSpacing = [0.7, 0.7]
        return data

    with pytest.raises(GeometryError, match="different PixelSpacing"):
        read_study(write_series(block, tmp_path / "ct", other))


def test_a_capture_beside_the_series_is_set_aside(block: Volume, write_series: Writer, tmp_path: Path) -> None:
    def capture(k: int, data: Any) -> Any:
        if k == 11:
            data.BitsAllocated = data.BitsStored = 8
            data.HighBit, data.PixelData = 7, bytes(36 * 40)
        return data

    found, flags = read_series(write_series(block, tmp_path / "ct", capture))
    assert found.voxels.shape[2] == 11
    assert "screen capture" in flags[0]


# ---- multi-frame ----------------------------------------------------------------------------------------------------


def enhanced(folder: Path, path: Path, kind: str = "ORIGINAL") -> Path:
    """The slices of a folder as one Enhanced CT whose frames run in no order."""
    single = [pydicom.dcmread(each) for each in sorted(folder.iterdir())]
    single = [single[n] for n in np.random.default_rng(1).permutation(len(single))]
    whole, first = pydicom.dcmread(next(folder.iterdir())), single[0]
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        delattr(whole, name)
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    whole.NumberOfFrames, whole.ImageType = len(single), ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    whole.PixelData = b"".join(each.PixelData for each in single)
    shared, groups = Dataset(), []
    shared.PixelMeasuresSequence = [item(PixelSpacing=first.PixelSpacing, SliceThickness=2.0)]
    shared.PlaneOrientationSequence = [item(ImageOrientationPatient=first.ImageOrientationPatient)]
    shared.PixelValueTransformationSequence = [item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")]
    for each in single:
        group = Dataset()
        group.PlanePositionSequence = [item(ImagePositionPatient=each.ImagePositionPatient)]
        group.CTImageFrameTypeSequence = [item(FrameType=[kind, "PRIMARY", "VOLUME", "NONE"])]
        groups.append(group)
    whole.SharedFunctionalGroupsSequence, whole.PerFrameFunctionalGroupsSequence = [shared], groups
    path.parent.mkdir(exist_ok=True)
    whole.save_as(path)
    return path


def item(**values: Any) -> Dataset:
    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def test_an_enhanced_multi_frame_ct_is_the_volume_of_its_slices(
    block: Volume, write_series: Writer, tmp_path: Path
) -> None:
    path = enhanced(write_series(block, tmp_path / "ct"), tmp_path / "multi" / "ct.dcm")
    same(read_study(path).volume, block)
    same(read_study(path.parent).volume, block)


def test_derived_frames_and_frames_without_groups_are_refused(
    block: Volume, write_series: Writer, tmp_path: Path
) -> None:
    folder = write_series(block, tmp_path / "ct")
    with pytest.raises(FormatError, match="12 derived"):
        read_study(enhanced(folder, tmp_path / "a.dcm", kind="DERIVED"))
    data = pydicom.dcmread(enhanced(folder, tmp_path / "b.dcm"))
    del data.PerFrameFunctionalGroupsSequence[-1]
    data.save_as(tmp_path / "b.dcm")
    with pytest.raises(FileError, match="says 12 frames and describes 11"):
        read_study(tmp_path / "b.dcm")
    del data.PerFrameFunctionalGroupsSequence
    data.save_as(tmp_path / "b.dcm")
    with pytest.raises(FormatError, match="without functional groups"):
        read_study(tmp_path / "b.dcm")


def test_a_segmentation_of_a_multi_frame_ct_lies_on_its_own_frames(
    block: Volume, write_series: Writer, tmp_path: Path
) -> None:
    highdicom = pytest.importorskip("highdicom", reason="highdicom is part of the extra 'dicom'")
    from colonnade.core.result import Interval
    from colonnade.verticals.medical.documents.algorithm import Algorithm
    from colonnade.verticals.medical.documents.segmentation import segmentation
    from colonnade.verticals.medical.records import Finding, Nodules

    def identified(k: int, data: Any) -> Any:
        data.StudyInstanceUID, data.FrameOfReferenceUID, data.PositionReferenceIndicator = "1.2.3", "1.2.4", ""
        for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
                     "StudyDate", "StudyTime", "ReferringPhysicianName", "Manufacturer"):  # fmt: skip
            setattr(data, name, "")
        return data

    path = enhanced(write_series(block, tmp_path / "ct", identified), tmp_path / "multi.dcm")
    stack = read_stack(path)
    labels = np.zeros(stack.shape, np.uint8)
    labels[5:8, 4:9, 3:6] = 1
    ball = Finding(label=1, center_mm=(0, 0, 0), diameter_mm=5, long_axis_mm=6, short_axis_mm=4, volume_mm3=90,
                   diameter_interval=Interval(value=5, low=4, high=6), median_hu=30, side="left", score=0.9,
                   slice_index=4, mask=np.argwhere(labels))  # fmt: skip
    answer = Nodules(findings=(ball,), lung_volume_ml=1, spacing_mm=(1, 1, 1), threshold=0.1, labels=labels,
                     affine=stack.affine)  # fmt: skip
    made = segmentation(answer, stack, Algorithm(version="1", weights="ab", threshold=0.1))
    made.save_as(tmp_path / "seg.dcm")
    read = highdicom.seg.segread(tmp_path / "seg.dcm").get_volume(combine_segments=True)
    index = np.argwhere(read.array)
    places = (np.c_[index, np.ones(len(index))] @ read.affine.T @ np.diag([-1.0, -1, 1, 1])).tolist()
    expected = (np.c_[ball.mask, np.ones(len(ball.mask))] @ stack.affine.T).tolist()
    np.testing.assert_allclose(sorted(places), sorted(expected), atol=1e-3)
