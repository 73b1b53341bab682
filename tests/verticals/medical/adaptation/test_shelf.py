from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from colonnade.core import checkpoint as checkpoints
from colonnade.core.checkpoint import Checkpoint
from colonnade.core.errors import ColonnadeError, FormatError
from colonnade.verticals.medical.adaptation.ledger import record
from colonnade.verticals.medical.adaptation.shelf import KIND, Shelf, main

KEY = b"a key of the hospital"


def model(folder: Path, value: float, *, status: str = "", against: str = "", key: bytes | None = KEY) -> str:
    """A checkpoint with one number as its weights, and its digest; `status` is what the gate said of it."""
    made = Checkpoint(kind=KIND, config={}, tensors={"weight": np.array([value])}, card={})
    made.save(folder)
    digest = checkpoints.load(folder, KIND).digest
    if status:
        facts = {"status": status, "old_weights": against, "new_weights": digest}
        card = {"acceptance": [record(facts, [], key=key)]}
        Checkpoint(kind=KIND, config={}, tensors={"weight": np.array([value])}, card=card).save(folder)
    return digest


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf", KEY)


def test_what_passed_the_gate_is_put_into_use_and_taken_back(shelf: Shelf, tmp_path: Path) -> None:
    first = model(tmp_path / "a", 1.0)
    assert shelf.place(tmp_path / "a") == first == shelf.verify()
    second = model(tmp_path / "b", 2.0, status="accepted", against=first)
    assert shelf.place(tmp_path / "b") == second == shelf.verify()
    assert checkpoints.load(shelf.folder / "current", KIND).tensors["weight"] == 2.0
    assert shelf.rollback() == first == shelf.verify()
    assert checkpoints.load(shelf.folder / "current", KIND).tensors["weight"] == 1.0
    assert [each["event"] for each in shelf.lines()] == ["placed", "placed", "rolled back"]
    with pytest.raises(ColonnadeError, match="nothing to go back to"):
        shelf.rollback()
    assert shelf.place(tmp_path / "b") == second


@pytest.mark.parametrize("status", ["", "refused", "not run"])
def test_what_did_not_pass_the_gate_changes_nothing(shelf: Shelf, tmp_path: Path, status: str) -> None:
    first = model(tmp_path / "a", 1.0)
    shelf.place(tmp_path / "a")
    model(tmp_path / "b", 2.0, status=status, against=first)
    with pytest.raises(ColonnadeError, match="has not passed the gate"):
        shelf.place(tmp_path / "b")
    assert shelf.verify() == first


def test_a_comparison_with_another_detector_does_not_count(shelf: Shelf, tmp_path: Path) -> None:
    model(tmp_path / "a", 1.0)
    shelf.place(tmp_path / "a")
    model(tmp_path / "b", 2.0, status="accepted", against="f" * 64)
    with pytest.raises(ColonnadeError, match=r"was compared with ffff.*fit it again"):
        shelf.place(tmp_path / "b")


def test_records_of_another_key_and_an_altered_ledger_are_found(shelf: Shelf, tmp_path: Path) -> None:
    first = model(tmp_path / "a", 1.0)
    shelf.place(tmp_path / "a")
    model(tmp_path / "b", 2.0, status="accepted", against=first, key=b"another key than that")
    with pytest.raises(FormatError, match="signed with another key"):
        shelf.place(tmp_path / "b")
    path = shelf.folder / "ledger.json"
    lines = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps([{**lines[0], "weights": "0" * 64}]), encoding="utf-8")
    with pytest.raises(FormatError, match="does not hold: record 1 was altered"):
        shelf.verify()


def test_an_exchanged_checkpoint_is_found(shelf: Shelf, tmp_path: Path) -> None:
    first = model(tmp_path / "a", 1.0)
    shelf.place(tmp_path / "a")
    model(tmp_path / "b", 2.0, status="accepted", against=first)
    shelf.place(tmp_path / "b")
    model(shelf.folder / first, 3.0)
    with pytest.raises(FormatError, match="was altered"):
        shelf.rollback()
    model(shelf.folder / "current", 3.0)
    with pytest.raises(FormatError, match="was put into use"):
        shelf.verify()


def test_the_command_says_what_is_in_use_or_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLONNADE_SIGNING_KEY", raising=False)
    first = model(tmp_path / "a", 1.0)
    assert main(["place", str(tmp_path / "shelf"), str(tmp_path / "a")]) == first
    assert main(["verify", str(tmp_path / "shelf")]) == first
    with pytest.raises(SystemExit, match="2"):
        main(["rollback", str(tmp_path / "shelf")])
    assert "nothing to go back to" in capsys.readouterr().err
