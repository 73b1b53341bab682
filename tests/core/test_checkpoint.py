from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from colonnade.core import checkpoint as checkpoints
from colonnade.core.checkpoint import Checkpoint
from colonnade.core.errors import CheckpointError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = Checkpoint(
        kind="a/b",
        config={"width": 8},
        tensors={"weight": np.arange(6, dtype=np.float32).reshape(2, 3)},
        vocabulary={"labels": ["no", "yes"]},
        card={"seed": 3},
    )
    return made.save(tmp_path / "model")


def test_what_was_saved_is_what_is_loaded(folder: Path):
    loaded = checkpoints.load(folder, "a/b")
    assert loaded.config == {"width": 8}
    assert loaded.vocabulary == {"labels": ["no", "yes"]}
    assert loaded.card == {"seed": 3}
    np.testing.assert_array_equal(loaded.tensors["weight"], [[0, 1, 2], [3, 4, 5]])
    assert len(loaded.digest) == 64


def test_a_checkpoint_of_another_task_is_refused(folder: Path):
    with pytest.raises(CheckpointError, match="checkpoint of a/b, not of c/d"):
        checkpoints.load(folder, "c/d")


def test_a_newer_format_is_refused(folder: Path):
    head = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**head, "format": checkpoints.FORMAT + 1}))
    with pytest.raises(CheckpointError, match="upgrade colonnade"):
        checkpoints.load(folder, "a/b")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocabulary.json", "card.json"])
def test_a_truncated_file_is_refused(folder: Path, name: str):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=name):
        checkpoints.load(folder, "a/b")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "card.json"])
def test_a_missing_file_is_refused(folder: Path, name: str):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match="not whole"):
        checkpoints.load(folder, "a/b")


@pytest.mark.parametrize("name", ["weights.pt", "model.pkl", "x.bin"])
def test_a_pickle_inside_is_refused_unread(folder: Path, name: str):
    (folder / name).write_bytes(b"cos\nsystem\n")
    with pytest.raises(CheckpointError, match="can run code"):
        checkpoints.load(folder, "a/b")


def test_saving_again_replaces_the_checkpoint_whole(folder: Path):
    Checkpoint(kind="a/b", config={}, tensors={"other": np.zeros(1, np.float32)}).save(folder)
    assert list(checkpoints.load(folder, "a/b").tensors) == ["other"]
    assert not [item for item in folder.parent.iterdir() if item != folder]


def test_weights_of_another_checkpoint_are_refused(folder: Path, tmp_path: Path):
    other = Checkpoint(kind="a/b", config={}, tensors={"other": np.zeros(1, np.float32)}).save(tmp_path / "other")
    (other / "model.safetensors").replace(folder / "model.safetensors")  # as if saving over it was cut off half-way
    with pytest.raises(CheckpointError, match="another checkpoint"):
        checkpoints.load(folder, "a/b")


def test_a_pickle_is_refused_however_its_ending_is_written(folder: Path):
    (folder / "EXTRA.PKL").write_bytes(b"cos\nsystem\n")
    with pytest.raises(CheckpointError, match="can run code"):
        checkpoints.load(folder, "a/b")


def test_every_file_can_be_read_by_whoever_may_read_the_folder(folder: Path):
    assert {item.stat().st_mode & 0o777 for item in folder.iterdir()} == {0o666 & ~_umask()}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
