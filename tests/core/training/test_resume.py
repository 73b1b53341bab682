"""A run that was killed and resumed equals the one that was not, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from colonnade.core.errors import CheckpointError
from colonnade.core.training import resume
from colonnade.core.training.events import Started, Stopped
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig

SCRIPT = Path(__file__).with_name("run_small.py")


def run(folder: Path, kill_at: int = -1) -> int:
    command = [sys.executable, str(SCRIPT), str(folder), str(folder / "log.csv"), str(kill_at)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, check=False, env=environment, capture_output=True, timeout=120).returncode


def test_a_killed_and_resumed_run_equals_the_uninterrupted_one_bit_for_bit(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(whole) == 0
    assert run(killed, kill_at=11) == -signal.SIGKILL  # in the third epoch, two steps after a save
    assert not (killed / "final.safetensors").exists()
    assert run(killed) == 0
    expected, got = load_file(whole / "final.safetensors"), load_file(killed / "final.safetensors")
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert (whole / "log.csv").read_text() == (killed / "log.csv").read_text()


def simple(tmp_path: Path, config: TrainingConfig, width: int = 1) -> list:
    torch.manual_seed(0)
    model = nn.Linear(2, width)
    return list(
        fit(model, lambda epoch: [torch.ones(3, 2)], lambda x: model(x).square().mean(), config=config, folder=tmp_path)
    )


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    config = TrainingConfig(epochs=2)
    first, again = simple(tmp_path, config), simple(tmp_path, config)
    assert [type(event) for event in again] == [Started, Stopped]
    assert again[-1] == first[-1]


def test_the_state_of_another_run_is_refused(tmp_path: Path) -> None:
    simple(tmp_path, TrainingConfig(epochs=2))
    with pytest.raises(CheckpointError, match="epochs 2 then and 3 now"):
        simple(tmp_path, TrainingConfig(epochs=3))
    with pytest.raises(CheckpointError, match="of another model"):
        simple(tmp_path, TrainingConfig(epochs=2), width=5)


@pytest.mark.parametrize("content", [b"", b"\x80\x04}.", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_state_that_is_not_whole_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / resume.FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match="not a whole state"):
        simple(tmp_path, TrainingConfig())


def test_a_truncated_state_is_refused(tmp_path: Path) -> None:
    simple(tmp_path, TrainingConfig(epochs=1))
    path = tmp_path / resume.FILE
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match="not a whole state"):
        simple(tmp_path, TrainingConfig(epochs=1))


def test_a_write_that_fails_leaves_the_old_state_and_nothing_beside_it(tmp_path: Path, monkeypatch) -> None:
    simple(tmp_path, TrainingConfig(epochs=1))
    before = (tmp_path / resume.FILE).read_bytes()
    model = nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(model.parameters())

    def no_space(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(resume.os, "replace", no_space)
    with pytest.raises(OSError, match="no space"):
        resume.save(tmp_path, model, optimizer, place=resume.Place(), best={}, identity={})
    assert [item.name for item in tmp_path.iterdir()] == [resume.FILE]
    assert (tmp_path / resume.FILE).read_bytes() == before
