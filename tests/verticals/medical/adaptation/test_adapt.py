from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from colonnade.core.errors import ColonnadeError
from colonnade.core.pipeline import FitOptions
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.adaptation import acceptance, adapt, pretrain
from colonnade.verticals.medical.adaptation.acceptance import Paired, verified
from colonnade.verticals.medical.detection.findings import ALONE
from colonnade.verticals.medical.evaluate import Tally
from colonnade.verticals.medical.metrics import Marked
from colonnade.verticals.medical.pipeline import NodulePipeline


@pytest.fixture(scope="module")
def pipeline() -> NodulePipeline:
    return NodulePipeline.from_pretrained()


@pytest.fixture
def data(chest: tuple[Volume, Array, Array], tmp_path: Path) -> Path:
    """Two patients, one of them with a scan that the list calls its test; a part of a lung each, to be quick."""
    middle = np.round(np.argwhere(chest[1]).mean(axis=0)).astype(int)
    near = tuple(slice(max(each - 22, 0), each + 22) for each in middle)
    for name, values in (("image", chest[0].voxels), ("label", chest[1])):
        image = nibabel.Nifti1Image(values[near].astype(np.int16), chest[0].affine)
        nibabel.save(image, tmp_path / f"{name}.nii")
    entry = {"image": "image.nii", "label": "label.nii"}
    (tmp_path / "list.json").write_text(
        json.dumps({"training": [{**entry, "patient": "a"}], "test": [{**entry, "patient": "b"}]})
    )
    return tmp_path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (adapt, pretrain):
        monkeypatch.setattr(module, "BATCHES", 1)
        monkeypatch.setattr(module, "ROWS", 1)


def side(found: float) -> Tally:
    marks = {ALONE: [Marked(found=np.array([found, 3.0]), false=np.array([-3.0]))]}
    return Tally(marks=marks, scored=[(3.0, 3.0, True), (-3.0, -3.0, False)], sizes=[8.0, 8.0])


def gate(monkeypatch: pytest.MonkeyPatch, *, found: float) -> None:
    """Twelve frozen patients, in whom the new detector gives one nodule of two this score."""
    both = [Paired(patient=str(n), step=1.0, old=side(3.0), new=side(found)) for n in range(12)]
    monkeypatch.setattr(acceptance, "paired", lambda old, new, cases: both)


def test_a_refused_fit_writes_nothing_and_keeps_what_was_there(
    pipeline: NodulePipeline, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate(monkeypatch, found=-np.inf)
    out = tmp_path / "model"
    pipeline.save(out)
    before = {each.name: each.read_bytes() for each in out.iterdir()}
    with pytest.raises(ColonnadeError, match=r"not accepted, and nothing was written.*froc_cpm 0\.5"):
        pipeline.fit(data, out=out, options=FitOptions(epochs=1, method="probe"))
    assert {each.name: each.read_bytes() for each in out.iterdir()} == before


def test_an_accepted_fit_carries_its_record_and_the_next_one_follows_it(
    pipeline: NodulePipeline, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate(monkeypatch, found=3.0)
    options = FitOptions(epochs=1, method="probe")
    pipeline.fit(data, out=tmp_path / "one", options=options)
    first = NodulePipeline.from_pretrained(tmp_path / "one")
    (line,) = first.card["acceptance"]
    assert line["status"] == "accepted"
    assert line["new_weights"] == first.model["sha256"]
    assert line["old_weights"] != line["new_weights"]
    assert first.describer is not None, "a fitted detector's findings are still described"
    first.fit(data, out=tmp_path / "two", options=options)
    records = NodulePipeline.from_pretrained(tmp_path / "two").card["acceptance"]
    assert len(records) == 2
    assert verified(records)
    assert records[1]["old_weights"] == line["new_weights"]


def test_a_gate_that_could_not_be_run_is_said(
    pipeline: NodulePipeline, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted = pipeline.fit_on(data / "list.json", FitOptions(epochs=1, method="probe"))
    (line,) = fitted.card["acceptance"]
    assert line["status"] == "not run"
    assert line["data"] == fitted.card["data"]["list.json"]
    assert "1 frozen scans with 1 nodules are too few" in line["reason"]
    assert "the gate could not be run" in capsys.readouterr().err
    assert fitted.card["fitted"]["scans"] == 1, "the test's patient is not learnt from"


def test_scans_without_labels_are_learnt_from_first(
    pipeline: NodulePipeline, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptance, "paired", lambda old, new, cases: [])
    (data / adapt.UNLABELLED).mkdir()
    (data / adapt.UNLABELLED / "a.nii").write_bytes((data / "image.nii").read_bytes())
    fitted = pipeline.fit_on(data, FitOptions(epochs=1, method="probe"))
    assert fitted.card["fitted"]["unlabelled"] == 1
    before = pipeline.detector.encoder.stem.weight
    assert not torch.equal(before, fitted.detector.encoder.stem.weight), "a probe alone leaves the encoder"
