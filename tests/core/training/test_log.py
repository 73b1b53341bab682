"""Logs: CSV always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from colonnade.core.errors import MissingExtra
from colonnade.core.training.events import Event, Started, Step, Stopped, Validated
from colonnade.core.training.log import to_csv, to_tensorboard

EVENTS: list[Event] = [
    Started(step=0, epoch=0, precision="fp32", parameters=4, trainable=4),
    Step(step=1, epoch=0, losses={"loss": 2.0}, rate=0.1, norm=3.0),
    Step(step=2, epoch=0, losses={"loss": 1.5}, rate=0.2, norm=2.0),
    Validated(step=2, epoch=0, losses={"loss": 1.75}, metrics={"accuracy": 0.5}, best=True),
    Stopped(step=2, reason="done", best_epoch=0, best=0.5),
]


def test_a_csv_log_holds_every_number_and_passes_every_event_on(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log.csv"
    assert list(to_csv(EVENTS, path)) == EVENTS
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert rows[0] == {"step": "1", "epoch": "0", "name": "step/loss", "value": "2.0"}
    assert rows[-1] == {"step": "2", "epoch": "0", "name": "validation/accuracy", "value": "0.5"}


def test_a_resumed_log_forgets_the_steps_that_were_lost(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    list(to_csv(EVENTS[:3], path))
    with path.open("a") as file:
        file.write("3,0,step/lo")  # the kill came in the middle of a line
    list(to_csv([Started(step=1, epoch=0, precision="fp32", parameters=4, trainable=4), *EVENTS[2:]], path))
    whole = tmp_path / "whole.csv"
    list(to_csv(EVENTS, whole))
    assert path.read_text() == whole.read_text()


def test_a_new_run_starts_a_new_log(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    list(to_csv(EVENTS, path))
    before = path.read_text()
    list(to_csv(EVENTS, path))
    assert path.read_text() == before


def test_a_tensorboard_log_without_tensorboard_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtra, match=r"pip install 'colonnade\[log\]'"):
        list(to_tensorboard(EVENTS, tmp_path))


def test_a_tensorboard_log_holds_the_scalars(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert list(to_tensorboard(EVENTS, tmp_path)) == EVENTS
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(each.step, each.value) for each in read.Scalars("step/loss")] == [(1, 2.0), (2, 1.5)]
