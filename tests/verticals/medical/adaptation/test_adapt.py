from __future__ import annotations

import copy
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from colonnade.core.errors import ColonnadeError
from colonnade.core.pipeline import FitOptions
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.adaptation import acceptance, adapt
from colonnade.verticals.medical.adaptation.acceptance import Paired
from colonnade.verticals.medical.adaptation.adapt import Site
from colonnade.verticals.medical.adaptation.ledger import KEY, fault_in, signing_key
from colonnade.verticals.medical.adaptation.windows import ground_of
from colonnade.verticals.medical.data import find_pairs, read_case
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
    other = nibabel.Nifti1Image((chest[0].voxels[near] + 3).astype(np.int16), chest[0].affine)
    nibabel.save(other, tmp_path / "other.nii")
    entry = {"image": "image.nii", "label": "label.nii"}
    test = {**entry, "image": "other.nii", "patient": "b"}
    (tmp_path / "list.json").write_text(json.dumps({"training": [{**entry, "patient": "a"}], "test": [test]}))
    return tmp_path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BATCHES", "CHECKS", "ROWS"):
        monkeypatch.setattr(adapt, name, 1)
    monkeypatch.delenv(KEY, raising=False)


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
    assert not fault_in(records)
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


def test_scans_without_labels_are_places_to_put_nodules_into(
    pipeline: NodulePipeline, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(acceptance, "paired", lambda old, new, cases: [])
    (data / adapt.UNLABELLED).mkdir()
    (data / adapt.UNLABELLED / "a.nii").write_bytes((data / "image.nii").read_bytes())
    fitted = pipeline.fit_on(data, FitOptions(epochs=1, method="full"))
    assert fitted.card["fitted"]["unlabelled"] == 1
    assert fitted.card["fitted"]["nodules"] == 1
    assert "1 nodules to put in anew, 0 held back, 1 without labels" in capsys.readouterr().err
    before = pipeline.detector.encoder.stem.weight
    assert not torch.equal(before, fitted.detector.encoder.stem.weight)
    for name, (low, high) in pipeline.operating.learnt.items():
        assert fitted.operating.learnt[name][0] <= low <= high <= fitted.operating.learnt[name][1]


@pytest.fixture
def patients(data: Path) -> Path:
    """Four patients with the same scan, one of them held back."""
    entry = {"image": "image.nii", "label": "label.nii"}
    (data / "list.json").write_text(json.dumps({"training": [{**entry, "patient": name} for name in "abcd"]}))
    return data


def test_a_few_scans_are_fitted_to_from_end_to_end_and_what_was_gained_is_said(
    pipeline: NodulePipeline, patients: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "key").write_bytes(b"a key of the hospital")
    monkeypatch.setenv(KEY, str(tmp_path / "key"))
    pipeline.fit(patients, out=tmp_path / "model", options=FitOptions(epochs=1, method="lora"))
    told = capsys.readouterr().err
    assert "on the 1 scans held back, with 1 nodules, CPM was" in told
    assert "held back" in told
    fitted = NodulePipeline.from_pretrained(tmp_path / "model")
    assert {"held_loss_before", "held_loss_after"} <= set(fitted.card["fitted"])
    assert not fault_in(fitted.card["acceptance"], key=signing_key()), "signed with the key that was named"
    assert len(fitted.card["acceptance"][0]["learnt"]) == 4


def test_the_same_seed_gives_the_same_weights(
    pipeline: NodulePipeline, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptance, "paired", lambda old, new, cases: [])
    first, again, other = (
        pipeline.fit_on(data, FitOptions(epochs=1, method="full", seed=seed)).detector.state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_where_nothing_was_gained_on_what_is_held_back_the_weights_stay(
    pipeline: NodulePipeline, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(adapt, "RATES", dict.fromkeys(adapt.RATES, 0.3))
    case, _ = read_case(find_pairs(data)[0])
    ready = ground_of(case.volume, case.labels, pipeline.detector)
    assert ready is not None
    site = Site(grounds=[ready[0]], lesions=ready[1], held=[ready[0]], held_lesions=ready[1], qualities=[])
    detector = copy.deepcopy(pipeline.detector)
    losses = adapt._fit(detector, site, FitOptions(epochs=1, method="full"))
    assert losses["held_loss_after"] == losses["held_loss_before"]
    assert "the weights stay as they were" in capsys.readouterr().err
    for name, each in pipeline.detector.state_dict().items():
        assert torch.equal(each, detector.state_dict()[name]), name
