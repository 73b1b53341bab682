from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import InputError, UnknownName
from colonnade.core.result import Result
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.correction.edits import digest_of
from colonnade.verticals.medical.correction.outline import Outline
from colonnade.verticals.medical.correction.session import Correction
from colonnade.verticals.medical.metrics import dice
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.studies.geometry import to_world

Opened = Callable[..., Correction]


@pytest.fixture(scope="module")
def answered(chest: tuple[Volume, Array, Array]) -> tuple[NodulePipeline, Result, dict]:
    pipeline = NodulePipeline.from_pretrained()
    record = {"ct": pipeline.read("ct", chest[0])}
    return pipeline, pipeline.predict(**record), record


@pytest.fixture
def session(answered: tuple[NodulePipeline, Result, dict], tmp_path: Path) -> Correction:
    pipeline, result, record = answered
    return Correction(pipeline, result, record, log=tmp_path / "audit.jsonl")


def ball_in(session: Correction, centre: Array) -> int:
    return min(session.findings, key=lambda each: float(np.linalg.norm(np.array(each.center_mm) - centre))).label


def mask_of(session: Correction, label: int) -> Array:
    found = np.zeros(session.volume.voxels.shape, bool)
    found[tuple(session.outlines[label].where.T)] = True
    return found


def lines_of(session: Correction) -> list[dict]:
    assert session.log is not None
    return [json.loads(line) for line in session.log.path.read_text().splitlines()]


def test_a_nodule_that_was_missed_is_drawn_around_a_click(session: Correction, chest: tuple[Volume, Array, Array]):
    _, mask, centre = chest
    session.delete(ball_in(session, centre))
    added = session.click(centre)
    assert dice(mask_of(session, added.label), mask) > 0.8
    assert added.diameter_mm == pytest.approx(14, abs=3)
    assert added.side == "left"
    assert added.diameter_interval.low < added.diameter_mm < added.diameter_interval.high
    assert 0 <= added.score <= 1
    assert [each.kind for each in session.edits] == ["delete", "add"]


def test_a_negative_click_takes_its_voxel_away_and_measures_again(
    session: Correction, chest: tuple[Volume, Array, Array]
):
    label = ball_in(session, chest[2])
    where = session.outlines[label].where
    edge = where[np.argmax(where[:, 0])]
    before = mask_of(session, label)
    finding = session.click(to_world(session.volume.affine, edge), positive=False, finding=label)
    after = mask_of(session, label)
    assert not after[tuple(edge)]
    assert not (after & ~before).any()
    assert finding.volume_mm3 == pytest.approx(after.sum() * np.prod(session.volume.spacing))
    assert finding in session.findings


def test_a_box_draws_what_lies_in_it(session: Correction, chest: tuple[Volume, Array, Array]):
    _, mask, centre = chest
    session.delete(ball_in(session, centre))
    drawn = session.box(centre - 9, centre + 9)
    assert dice(mask_of(session, drawn.label), mask) > 0.7
    assert (np.abs(to_world(session.volume.affine, session.outlines[drawn.label].where) - centre) < 11).all()


def test_undo_goes_back_to_the_very_outline(session: Correction, chest: tuple[Volume, Array, Array]):
    label = ball_in(session, chest[2])
    before, findings = digest_of(session.outlines[label]), session.findings
    session.delete(label)
    session.undo()
    assert digest_of(session.outlines[label]) == before
    assert session.findings == findings
    assert not session.edits
    with pytest.raises(InputError, match="no edit to undo"):
        session.undo()


def test_every_edit_and_every_undo_is_a_line_of_a_log_that_holds(
    session: Correction, chest: tuple[Volume, Array, Array]
):
    label = ball_in(session, chest[2])
    before = digest_of(session.outlines[label])
    session.delete(label)
    session.click(chest[2])
    session.undo()
    lines = lines_of(session)
    assert [line["event"] for line in lines] == ["opened", "edited", "edited", "undone"]
    assert session.log.verify().whole
    assert lines[1]["edit"]["before"] == before
    assert lines[1]["edit"]["after"] == digest_of(Outline.of(np.zeros((0, 3), int)))
    assert lines[2]["edit"]["at_mm"] == pytest.approx(list(chest[2]), abs=0.01)


def test_the_answer_says_who_changed_what(session: Correction, chest: tuple[Volume, Array, Array], tmp_path: Path):
    label = ball_in(session, chest[2])
    session.delete(label)
    added = session.click(chest[2])
    result = session.result()
    told = result.to_dict()
    assert told["corrections"]["edited_by_human"] is True
    assert told["corrections"]["findings"] == {str(label): "deleted by hand", str(added.label): "added by hand"}
    assert [each["kind"] for each in told["corrections"]["edits"]] == ["delete", "add"]
    assert label not in [each["label"] for each in told["findings"]]
    page = result.report.html()
    assert "Corrections by a person" in page
    assert "a person corrected this answer" in page
    assert f"Finding {added.label}: added by hand" in page
    result.save(tmp_path / "out")
    import nibabel

    labels = np.asarray(nibabel.load(tmp_path / "out" / "nodules.nii.gz").dataobj)
    assert set(np.unique(labels)) == {0, *(each.label for each in session.findings)}
    np.testing.assert_array_equal(np.argwhere(labels == added.label), added.mask)


def test_without_an_edit_the_answer_is_the_program_s_own(
    session: Correction, answered: tuple[NodulePipeline, Result, dict]
):
    assert session.result() is answered[1]
    assert "corrections" not in session.result().to_dict()


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        ((float("nan"), 0, 0), "three finite numbers"),
        ((0, 0), "three finite numbers"),
        ("here", "three finite numbers"),
        (None, "three finite numbers"),
        ((9e3, 0, 0), "lies outside the scan, which spans x"),
    ],
)
def test_a_point_that_is_none_is_refused_and_not_logged(session: Correction, point: object, sentence: str):
    for act in (session.click, session.add):
        with pytest.raises(InputError, match=sentence):
            act(point)
    with pytest.raises(InputError, match=sentence):
        session.box(point, (0, 0, 0))
    assert not session.edits
    assert len(lines_of(session)) == 1


def test_bone_is_refused_with_its_density(session: Correction):
    ribs = np.argwhere(session.volume.voxels > 300)
    inside = session.seen.lungs.inside(ribs)
    far = next(each for each in ribs[~inside][::50] if not _near(session, each))
    with pytest.raises(InputError, match=r"outside the lungs \(bone or contrast, \d+ HU\)"):
        session.add(to_world(session.volume.affine, far))


def _near(session: Correction, index: Array) -> bool:
    around = np.stack(np.meshgrid(*(np.arange(-4, 5),) * 3, indexing="ij"), -1).reshape(-1, 3)
    return bool(session.seen.lungs.inside(index + around).any())


def test_a_negative_click_far_from_every_finding_is_refused(session: Correction, chest: tuple[Volume, Array, Array]):
    for each in session.findings:
        session.delete(each.label)
    with pytest.raises(InputError, match="no finding lies within 10 mm"):
        session.click(chest[2], positive=False)


def test_an_unknown_finding_is_refused_with_those_that_are(session: Correction):
    with pytest.raises(UnknownName, match="there is no finding '77'"):
        session.delete(77)
    with pytest.raises(UnknownName):
        session.click((0, 0, 0), finding=77)


def test_a_click_in_a_finding_cannot_add_another(session: Correction, chest: tuple[Volume, Array, Array]):
    with pytest.raises(InputError, match="lies in finding"):
        session.add(chest[2])


def test_an_answer_of_another_scan_is_refused(answered: tuple[NodulePipeline, Result, dict], bare: Volume):
    pipeline, result, _ = answered
    smaller = Volume(voxels=bare.voxels[:, :, :-4], affine=bare.affine)
    with pytest.raises(InputError, match="hand in the scan that was answered"):
        Correction(pipeline, result, {"ct": pipeline.read("ct", smaller)})
