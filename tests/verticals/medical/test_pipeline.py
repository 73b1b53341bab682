from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from colonnade.core.errors import FileError, FormatError, MissingModality, UnknownName
from colonnade.core.result import Result
from colonnade.core.types import Array, Volume
from colonnade.knowledge.claims import UnsupportedClaim
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.records import BANNER
from colonnade.verticals.medical.reporting.plan import Context
from colonnade.verticals.medical.reporting.report import report_of
from colonnade.verticals.medical.studies.geometry import Scan, canonical

WORDS = "Nodule seen on a chest radiograph."


@pytest.fixture(scope="module")
def pipeline() -> NodulePipeline:
    return NodulePipeline.from_pretrained()


@pytest.fixture(scope="module")
def nifti(chest: tuple[Volume, Array, Array], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nifti") / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(chest[0].voxels.astype(np.int16), chest[0].affine), path)
    return path


@pytest.fixture(scope="module")
def result(pipeline: NodulePipeline, nifti: Path) -> Result:
    return pipeline.predict(ct=nifti, indication=WORDS)


def test_the_ball_is_found_in_its_place_with_its_size(result: Result, chest: tuple[Volume, Array, Array]) -> None:
    _, mask, centre = chest
    assert result.status == "ok"
    near = [each for each in result.findings if np.linalg.norm(np.array(each.center_mm) - centre) < 4]
    assert len(near) == 1, [each.center_mm for each in result.findings]
    assert near[0].diameter == pytest.approx(14, abs=4)
    assert near[0].diameter_interval.low < near[0].diameter < near[0].diameter_interval.high
    assert near[0].side == "left"
    own = np.zeros(mask.shape, bool)
    own[tuple(near[0].mask.T)] = True
    assert 2 * (own & mask).sum() / (own.sum() + mask.sum()) > 0.6


@pytest.fixture(scope="module")
def followed(pipeline: NodulePipeline, nifti: Path, before: Volume) -> Result:
    patient = {"age": 64, "screening": "no", "cancer": "no", "immunosuppressed": "no", "days_since_earlier": 200}
    return pipeline.predict(ct=nifti, earlier=before, patient=patient)


def test_growth_since_an_earlier_ct_has_a_doubling_time_with_its_interval(
    followed: Result, chest: tuple[Volume, Array, Array]
) -> None:
    ball = next(each for each in followed.findings if np.linalg.norm(np.array(each.center_mm) - chest[2]) < 4)
    change = next(each for each in followed.changes if each.label == ball.label)
    assert change.status == "grown"
    assert change.ratio.low < (7 / 5) ** 3 < change.ratio.high
    assert change.doubling_days.low < 200 * np.log(2) / np.log((7 / 5) ** 3) < change.doubling_days.high
    told = json.loads(json.dumps(followed.to_dict()))
    assert told["comparison"]["days"] == 200
    assert {each["status"] for each in told["changes"]} >= {"grown"}
    assert any("has grown since the earlier CT" in each for each in followed.report.sentences())


def test_guidelines_answer_with_rows_proofs_and_what_is_missing(followed: Result) -> None:
    told = followed.to_dict()["management"]
    assert [each["guideline"] for each in told] == ["fleischner-2017"]
    assert told[0]["rows"]
    assert "texture" in told[0]["missing"] or followed.findings[0].attributes
    assert all(choice["proof"] for choice in told[0]["choices"])


def test_the_result_says_what_each_modality_was_used_for(followed: Result, result: Result) -> None:
    assert followed.used == {
        "ct": ("detection", "judge", "measurement"),
        "patient": ("management",),
        "earlier": ("comparison", "management"),
    }
    assert result.used["indication"] == ("judge",)
    assert set(followed.gates) == {"ct", "indication"}
    assert followed.gates["indication"] == 0


def test_patient_and_earlier_ct_move_no_score_and_days_alone_are_told(
    followed: Result, pipeline: NodulePipeline, nifti: Path
) -> None:
    without = pipeline.predict(ct=nifti, patient={"days_since_earlier": 9})
    assert [each.score for each in followed.findings] == [each.score for each in without.findings]
    assert any("no earlier CT was given" in each for each in without.warnings)


def test_an_earlier_ct_without_a_date_is_refused_before_any_work(pipeline: NodulePipeline, nifti: Path) -> None:
    with pytest.raises(FormatError, match="days_since_earlier"):
        pipeline.predict(ct=nifti, earlier=nifti)


def test_the_gate_of_absent_words_is_zero(pipeline: NodulePipeline, result: Result, nifti: Path) -> None:
    assert result.gates["ct"] > 0
    assert result.gates["indication"] > 0
    assert sum(result.gates.values()) == pytest.approx(1, abs=1e-3)
    without = pipeline.predict(ct=nifti)
    assert without.gates == {"ct": 1.0, "indication": 0.0}
    assert {finding.gates["indication"] for finding in without.findings} == {0.0}
    assert [finding.gates["indication"] > 0 for finding in result.findings] == [True] * len(result.findings)


def test_the_same_scan_as_dicom_gives_the_same_findings(
    pipeline: NodulePipeline,
    result: Result,
    chest: tuple[Volume, Array, Array],
    write_series: Callable[..., Path],
    tmp_path: Path,
) -> None:
    other = pipeline.predict(ct=write_series(chest[0], tmp_path / "study"), indication=WORDS)
    assert len(other.findings) == len(result.findings)
    for one, two in zip(result.findings, other.findings, strict=True):
        np.testing.assert_allclose(one.center_mm, two.center_mm, atol=0.1)
        assert one.diameter == pytest.approx(two.diameter, abs=0.1)
        assert one.score == pytest.approx(two.score, abs=1e-3)


def test_the_result_is_saved_whole_with_masks_in_the_frame_of_the_source(
    result: Result, nifti: Path, tmp_path: Path
) -> None:
    folder = result.save(tmp_path / "out")
    told = json.loads((folder / "result.json").read_text())
    masks, source = nibabel.load(folder / "nodules.nii.gz"), nibabel.load(nifti)
    np.testing.assert_allclose(masks.affine, source.affine)
    labels = np.asarray(masks.dataobj)
    for finding in told["findings"]:
        assert (labels == finding["label"]).sum() * np.prod(source.header.get_zooms()) == pytest.approx(
            finding["volume_mm3"], rel=1e-3
        )
    page = (folder / "report.html").read_text()
    assert BANNER in page
    assert told["banner"] == BANNER
    assert told["masks"] == "nodules.nii.gz"
    assert page.count("<img") == 1 + min(len(told["findings"]), 6)


def test_a_report_whose_numbers_the_masks_do_not_carry_is_refused(
    result: Result, chest: tuple[Volume, Array, Array]
) -> None:
    scan = Scan(volume=chest[0], origin="ct")
    first = result.findings[0]
    for wrong in (
        replace(first, diameter_mm=first.diameter_mm + 1),
        replace(first, volume_mm3=first.volume_mm3 * 1.2),
        replace(first, slice_index=first.slice_index + 1),
        replace(first, center_mm=(first.center_mm[0] + 1, *first.center_mm[1:])),
    ):
        answer = replace(result.answer, findings=(wrong, *result.findings[1:]))
        with pytest.raises(UnsupportedClaim):
            report_of(answer, Context(scan=scan, volume=canonical(scan.volume)))


def test_a_scan_without_lungs_is_not_evaluable_and_says_why(pipeline: NodulePipeline, bare: Volume) -> None:
    soft = Volume(voxels=np.where(bare.voxels[:, :, :20] < -970, bare.voxels[:, :, :20], 30), affine=bare.affine)
    result = pipeline.predict(ct=soft)
    assert result.status == "not_evaluable"
    assert "no lung was found" in result.reasons[0]
    assert result.findings == ()
    assert "Not evaluable" in result.report.html()


def test_explain_shares_add_up_and_words_alone_find_nothing(
    pipeline: NodulePipeline, result: Result, nifti: Path
) -> None:
    found = pipeline.explain(ct=nifti, indication=WORDS)
    assert found.base == 0
    assert sum(found.modalities.values()) == pytest.approx(found.value)
    assert found.value == pytest.approx(max(each.score for each in result.findings), abs=1e-3)


def test_bad_input_is_answered_in_a_sentence(pipeline: NodulePipeline, tmp_path: Path) -> None:
    with pytest.raises(MissingModality):
        pipeline.predict(indication=WORDS)
    with pytest.raises(UnknownName, match="ct"):
        pipeline.predict(cct="x")
    with pytest.raises(FileError, match="no file or folder"):
        pipeline.predict(ct=tmp_path / "none.nii")
    with pytest.raises(FormatError, match="path or a Volume"):
        pipeline.predict(ct=3)


def test_a_checkpoint_round_trip_changes_no_score(
    pipeline: NodulePipeline, nifti: Path, result: Result, tmp_path: Path
) -> None:
    again = NodulePipeline.from_pretrained(pipeline.save(tmp_path / "model"))
    found = again.predict(ct=nifti, indication=WORDS)
    assert [each.score for each in found.findings] == pytest.approx([each.score for each in result.findings], abs=1e-4)
    assert sum(each.stat().st_size for each in (tmp_path / "model").iterdir()) < 4.2e6


def test_the_program_answers_as_the_detector(pipeline: NodulePipeline) -> None:
    program = pipeline.program()
    (logits,) = program.eager(program.example)
    assert logits.shape == program.example[0].shape
    assert program.example[0].abs().max() <= 1
    with torch.no_grad():
        torch.testing.assert_close(logits, pipeline.detector(program.example[0]), atol=1e-4, rtol=1e-4)


def test_the_writer_words_the_same_findings(pipeline: NodulePipeline, nifti: Path, result: Result) -> None:
    scan = pipeline.read("ct", nifti)
    answered = pipeline.worded("generated").concluded(result.answer, {"ct": scan}, canonical(scan.volume))
    plain = pipeline.concluded(result.answer, {"ct": scan}, canonical(scan.volume))
    assert answered.report.provenance["wording"].startswith("generated")  # type: ignore[union-attr]
    assert answered.report.told() == plain.report.told()  # type: ignore[union-attr]
    assert answered.report.sentences() != plain.report.sentences()  # type: ignore[union-attr]
    assert answered.answer.to_dict() == plain.answer.to_dict()


def test_a_wording_is_asked_for_by_name_and_only_for_one_answer(pipeline: NodulePipeline, block: Volume) -> None:
    told = pipeline.predict(ct=block, wording="generated")
    assert told.report.provenance["wording"].startswith("generated")  # type: ignore[union-attr]
    assert pipeline.predict(ct=block).report.provenance["wording"] == "grammar"  # type: ignore[union-attr]
    with pytest.raises(UnknownName, match="wording"):
        pipeline.predict(ct=block, wording="poem")
