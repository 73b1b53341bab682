"""Every verb of every installed task on input that is missing, cut, foreign or hostile: a sentence, never a fault."""

from __future__ import annotations

import contextlib
import functools
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.apps.cli import main
from colonnade.core.errors import ColonnadeError
from colonnade.core.pipeline import Pipeline
from colonnade.core.vertical import Task, tasks

TASKS = [task for task in tasks().values() if task.sample is not None]
VERBS_WITH_DATA = ("evaluate", "fit")
each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


@functools.cache
def _pipeline(name: str) -> Pipeline:
    return tasks()[name].pipeline().from_pretrained()


def _complaint(words: list[str], capsys) -> str:
    """The one sentence of a command that was refused."""
    code = main(words)
    printed = capsys.readouterr()
    assert code == 2, printed.err
    lines = [line for line in printed.err.splitlines() if line.startswith("colonnade: ")]
    assert len(lines) == 1, printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""
    return lines[0]


def _words(task: Task, replaced: dict[str, str | Path]) -> list[str]:
    given = {**task.sample(), **replaced}
    return [word for name, value in given.items() for word in (f"--{name}", str(value))]


def _paths(task: Task) -> list[str]:
    return [name for name in task.sample() if not task.modality(name).inline]


@each_task
@pytest.mark.parametrize("kind", ["missing", "empty", "noise", "folder", "text"])
@pytest.mark.parametrize("verb", ["predict", "explain"])
def test_an_input_that_cannot_be_one_is_refused(task: Task, verb: str, kind: str, tmp_path: Path, capsys):
    for name in _paths(task):
        bad = tmp_path / f"{name}{Path(task.sample()[name]).suffix}"
        match kind:
            case "empty":
                bad.write_bytes(b"")
            case "noise":
                bad.write_bytes(bytes(range(1, 256)) * 20)
            case "folder":
                bad.mkdir()
            case "text":
                bad.write_text("This is a letter, not a measurement.\n" * 30)
        words = [verb, task.name, *_words(task, {name: bad}), "--out", str(tmp_path / "out")]
        assert name in _complaint(words, capsys)
        assert not (tmp_path / "out").exists()


@each_task
def test_an_unknown_modality_and_a_subset_below_the_minimum_are_refused(task: Task, capsys):
    assert "--smell" in _complaint(["predict", task.name, "--smell", "x"], capsys)
    assert "needs at least" in _complaint(["predict", task.name], capsys)


@each_task
@pytest.mark.parametrize("verb", VERBS_WITH_DATA)
@pytest.mark.parametrize("kind", ["missing", "empty folder", "foreign folder"])
def test_data_that_cannot_be_data_is_refused(task: Task, verb: str, kind: str, tmp_path: Path, capsys):
    data = tmp_path / "data"
    if kind != "missing":
        data.mkdir()
    if kind == "foreign folder":
        (data / "letter.docx").write_bytes(b"PK\x03\x04 not data")
    words = [verb, task.name, str(data), *(["--out", str(tmp_path / "out")] if verb == "fit" else [])]
    _complaint(words, capsys)
    assert not (tmp_path / "out").exists()


@each_task
@pytest.mark.parametrize("fault", ["missing", "other task", "newer", "truncated", "pickle", "other shapes"])
def test_a_checkpoint_that_does_not_fit_is_refused(task: Task, fault: str, tmp_path: Path, capsys):
    folder = tmp_path / "model"
    if fault != "missing":
        shutil.copytree(task.pipeline().weights, folder)
        head = json.loads((folder / "config.json").read_text())
        match fault:
            case "other task":
                (folder / "config.json").write_text(json.dumps({**head, "kind": "other/task"}))
            case "newer":
                (folder / "config.json").write_text(json.dumps({**head, "format": 999}))
            case "truncated":
                whole = (folder / "model.safetensors").read_bytes()
                (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
            case "pickle":
                (folder / "extra.pkl").write_bytes(b"cos\nsystem\n")
            case "other shapes":
                (folder / "config.json").write_text(json.dumps({**head, "config": {"no_such_key": 1}}))
    words = ["predict", task.name, *_words(task, {}), "--checkpoint", str(folder), "--out", str(tmp_path / "out")]
    _complaint(words, capsys)
    assert not (tmp_path / "out").exists()


@each_task
@pytest.mark.parametrize(
    "words",
    [["export", "--format", "cobol"], ["fit", "--method", "magic"], ["fit", "--epochs", "0"]],
    ids=["format", "method", "epochs"],
)
def test_an_unknown_option_is_refused(task: Task, words: list[str], tmp_path: Path, capsys):
    verb, *options = words
    data = [str(tmp_path)] if verb == "fit" else []
    _complaint([verb, task.name, *data, *options, "--out", str(tmp_path / "out")], capsys)
    assert not (tmp_path / "out").exists()


@each_task
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(draw=st.data())
def test_damaged_bytes_are_read_or_refused_and_never_a_fault(task: Task, draw, tmp_path: Path):
    name = draw.draw(st.sampled_from(_paths(task)))
    sample = Path(task.sample()[name])
    whole = bytearray(sample.read_bytes())
    if draw.draw(st.booleans(), label="cut"):
        del whole[draw.draw(st.integers(1, len(whole) - 1), label="at") :]
    for _ in range(draw.draw(st.integers(0, 3), label="flips")):
        whole[draw.draw(st.integers(0, min(len(whole), 4096) - 1))] = draw.draw(st.integers(0, 255))
    damaged = tmp_path / sample.name
    damaged.write_bytes(bytes(whole))
    with contextlib.suppress(ColonnadeError):
        _pipeline(task.name)._record({**task.sample(), name: damaged})
