from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from colonnade.core.errors import FormatError, GeometryError, UnknownName
from colonnade.core.result import Result
from colonnade.core.types import Volume
from colonnade.verticals.medical.documents.write import write_documents

pytest.importorskip("highdicom", reason="highdicom is part of the extra 'dicom'")


def test_the_segmentation_reads_back_as_the_masks_on_the_source_geometry(
    result: Result, study: Path, tmp_path: Path
) -> None:
    import highdicom

    written = write_documents(result, study, tmp_path / "out", formats=["seg"])
    found = highdicom.seg.segread(written.files[0])
    read = found.get_volume(combine_segments=True)
    index = np.argwhere(read.array)
    places = np.c_[index, np.ones(len(index))] @ read.affine.T @ np.diag([-1.0, -1, 1, 1])
    expected = np.argwhere(np.isin(result.labels, (1, 3)))
    expected = np.c_[expected, np.ones(len(expected))] @ result.affine.T
    np.testing.assert_allclose(sorted(places.tolist()), sorted(expected.tolist()), atol=1e-3)
    assert [each.SegmentLabel for each in found.SegmentSequence] == ["Finding 1", "Finding 3"]
    assert read.array.max() == 2
    assert found.PatientID == "12345"
    assert "Research use only, not for diagnosis" in found.SeriesDescription
    assert "ab" * 32 in found.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters


def test_every_segment_frame_refers_to_the_image_it_lies_on(result: Result, study: Path, tmp_path: Path) -> None:
    import highdicom
    import pydicom

    places = {each.SOPInstanceUID: each.ImagePositionPatient for each in map(pydicom.dcmread, study.iterdir())}
    found = highdicom.seg.segread(write_documents(result, study, tmp_path / "out", formats=["seg"]).files[0])
    for group in found.PerFrameFunctionalGroupsSequence:
        image = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        np.testing.assert_allclose(group.PlanePositionSequence[0].ImagePositionPatient, places[image], atol=1e-4)


def test_one_finding_alone_is_referred_to_with_the_slices_it_lies_on(
    result: Result, study: Path, tmp_path: Path
) -> None:
    import highdicom

    first = result.answer.findings[0]
    labels = np.where(result.labels == first.label, result.labels, 0)
    alone = replace(result, answer=replace(result.answer, findings=(first,), labels=labels))
    files = write_documents(alone, study, tmp_path / "out", formats=["seg", "sr"]).files
    (group,) = highdicom.sr.srread(files[1]).content.get_volumetric_roi_measurement_groups()
    assert group.referenced_segment.referenced_segment_numbers == [1]
    images = [each for each in group[0].ContentSequence if each.ValueType == "IMAGE"]
    segment, slices = images[:1], images[1:]
    assert segment[0].ReferencedSOPSequence[0].ReferencedSegmentNumber == 1
    assert len(slices) == len(np.unique(np.argwhere(labels)[:, 2]))


def test_the_structured_report_reads_back_with_measurements_and_segments(
    result: Result, study: Path, tmp_path: Path
) -> None:
    import highdicom

    files = write_documents(result, study, tmp_path / "out").files
    report = highdicom.sr.srread(files[1])
    segmented = highdicom.seg.segread(files[0])
    assert (report.VerificationFlag, report.CompletionFlag) == ("UNVERIFIED", "PARTIAL")
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 2
    for number, group in enumerate(groups, start=1):
        values = {each.name.meaning: (each.value, each.unit.value) for each in group.get_measurements()}
        assert values["Diameter"] == (6.5, "mm")
        assert values["Volume"] == (150.0, "mm3")
        assert values["Certainty of Finding"] == (83.0, "%")
        assert values["Attenuation Coefficient"] == (30.0, "[hnsf'U]")
        assert group.reference_type.meaning == "Referenced Segment"
        assert group.referenced_segment.referenced_sop_instance_uid == segmented.SOPInstanceUID
        assert group.referenced_segment.referenced_segment_numbers == [number]
        assert group.tracking_uid == segmented.SegmentSequence[number - 1].TrackingUID
    sides = [group.finding_sites[0].laterality.meaning for group in groups]
    assert sides == ["Right", "Left"]
    texts = [each.TextValue for each in report.ContentSequence if each.ValueType == "TEXT"]
    assert any("Research use only, not for diagnosis. A second reader" in each for each in texts)
    assert "Device Observer Name" in str(report)


def test_the_fhir_bundle_is_valid_and_names_nobody(result: Result, study: Path, tmp_path: Path) -> None:
    pytest.importorskip("fhir.resources", reason="fhir.resources is part of the extra 'dev'")
    from fhir.resources.R4B.bundle import Bundle

    file = write_documents(result, study, tmp_path / "out", formats=["fhir"], key=b"secret").files[0]
    text = file.read_text(encoding="utf-8")
    made = Bundle.model_validate_json(text)
    kinds = [each["resource"]["resourceType"] for each in json.loads(text)["entry"]]
    assert kinds == ["Patient", "ImagingStudy", "Device", "Observation", "Observation", "DiagnosticReport"]
    links = {each.fullUrl for each in made.entry}
    report = made.entry[-1].resource
    assert report.status == "preliminary"
    assert {each.reference for each in report.result} <= links
    assert {each.valueQuantity.code for each in made.entry[3].resource.component if each.valueQuantity} == {
        "mm", "mm3", "[hnsf'U]", "%",
    }  # fmt: skip
    assert all("not for diagnosis" in each.resource.meta.tag[0].display for each in made.entry)
    assert not [word for word in ("12345", "Doe", "Jane", "1960", "Hospital", "House") if word in text]


def test_the_pseudonym_depends_on_the_key_and_the_patient_alone(result: Result, study: Path, tmp_path: Path) -> None:
    def name(key: bytes, folder: str) -> str:
        file = write_documents(result, study, tmp_path / folder, formats=["fhir"], key=key).files[0]
        return json.loads(file.read_text(encoding="utf-8"))["entry"][0]["resource"]["identifier"][0]["value"]

    assert name(b"one", "a") == name(b"one", "b") != name(b"two", "c")


def test_images_that_leave_their_uids_to_the_file_header_are_referred_to(
    block: Volume, write_series: Callable[..., Path], result: Result, identify: Callable[..., Any], tmp_path: Path
) -> None:
    import highdicom

    def bare(k: int, data: Any) -> Any:
        data = identify(k, data)
        data.SOPClassUID = ""
        del data.SOPInstanceUID
        return data

    source = write_series(block, tmp_path / "bare", bare)
    file = write_documents(replace(result, inputs=()), source, tmp_path / "out", formats=["seg"]).files[0]
    assert len(highdicom.seg.segread(file).SegmentSequence) == 2


def test_a_nifti_source_leaves_the_dicom_documents_out_with_the_reason(
    result: Result, block: Volume, tmp_path: Path
) -> None:
    path = tmp_path / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(block.voxels, block.affine), path)
    given = replace(result, inputs=())
    written = write_documents(given, path, tmp_path / "out")
    assert [each.name for each in written.files] == ["nodules.fhir.json"]
    assert "is no DICOM series" in written.left_out[0]
    with pytest.raises(FormatError, match="must refer to the DICOM images"):
        write_documents(given, path, tmp_path / "other", formats=["seg"])
    assert not (tmp_path / "other").exists()


def test_an_answer_without_findings_writes_the_bundle_alone(result: Result, study: Path, tmp_path: Path) -> None:
    empty = replace(result, answer=replace(result.answer, findings=()))
    written = write_documents(empty, study, tmp_path / "out")
    assert [each.name for each in written.files] == ["nodules.fhir.json"]
    assert "no finding" in written.left_out[0]


def test_masks_of_another_geometry_are_refused_and_nothing_is_written(
    result: Result, study: Path, tmp_path: Path
) -> None:
    moved = result.affine.copy()
    moved[0, 3] += 5
    for answer in (replace(result.answer, affine=moved), replace(result.answer, labels=result.labels[:, :, 1:])):
        with pytest.raises(GeometryError, match="another scan"):
            write_documents(replace(result, answer=answer), study, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_source_that_changed_since_is_refused(result: Result, study: Path, tmp_path: Path) -> None:
    (study / "im0999.dcm").write_bytes((study / "im0998.dcm").read_bytes())
    with pytest.raises(FormatError, match="has changed since"):
        write_documents(result, study, tmp_path / "out")


def test_an_unknown_format_is_answered_with_the_known_ones(result: Result, study: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="fhir, seg, sr"):
        write_documents(result, study, tmp_path / "out", formats=["pdf"])


def test_a_series_without_a_frame_of_reference_is_refused_whole(
    block: Volume, write_series: Callable[..., Path], result: Result, tmp_path: Path
) -> None:
    bare = write_series(block, tmp_path / "bare")
    with pytest.raises(FormatError, match="lacks what a segmentation must repeat"):
        write_documents(replace(result, inputs=()), bare, tmp_path / "out")
    assert not (tmp_path / "out").exists()
