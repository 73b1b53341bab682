"""Many records: every one has a line, in order, once, whatever is wrong with it and whoever is killed."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from colonnade.core.batch import predict_many
from colonnade.core.crew import Crew, Lost
from colonnade.core.errors import FileError, FormatError, InputError, UnknownName
from colonnade.core.manifest import asked
from colonnade.core.vertical import tasks

SCRIPT = Path(__file__).with_name("run_batch.py")
_spec = importlib.util.spec_from_file_location("run_batch", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
counting = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(counting)
TASK = counting.Counting.task


def table(path: Path, notes: list[str]) -> Path:
    path.write_text("".join(json.dumps({"id": f"n{i}", "note": note}) + "\n" for i, note in enumerate(notes)))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_every_record_has_a_line_in_order_and_what_is_wrong_has_a_sentence(tmp_path: Path) -> None:
    source = table(tmp_path / "a.jsonl", ["one", "wrong", "fault", "three"])
    with source.open("a") as file:
        file.write('{"id": "other", "nite": "x"}\nnonsense\n\n[1]\n{"id": "number", "note": 3}\n{"id": "none"}\n')
    found = predict_many(counting.Counting, source, tmp_path / "out.jsonl")
    told = lines(tmp_path / "out.jsonl")
    assert (found.records, found.failed, found.resumed) == (9, 7, 0)
    assert [each["id"] for each in told] == ["n0", "n1", "n2", "n3", "other", "6", "8", "number", "none"]
    assert (told[0]["letters"], told[3]["letters"]) == (3, 5)
    errors = [each.get("error", "") for each in told]
    for index, words in (
        (1, "this note is wrong"), (2, "a fault of the program"), (4, "did you mean 'note'"), (5, "line 6 of"),
        (6, "not a JSON object"), (7, "must be a path or text, got 3"), (8, "needs at least note or file"),
    ):  # fmt: skip
        assert words in errors[index]


def test_a_run_goes_on_after_the_last_whole_line(tmp_path: Path) -> None:
    source, out = table(tmp_path / "a.jsonl", ["a", "wrong", "ccc", "dddd"]), tmp_path / "out.jsonl"
    predict_many(counting.Counting, source, out)
    whole = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(whole[:2]) + whole[2][:30])  # a kill tore the third line
    found = predict_many(counting.Counting, source, out)
    assert (found.records, found.resumed, found.failed) == (4, 2, 1)
    assert [each["id"] for each in lines(out)] == ["n0", "n1", "n2", "n3"]
    assert predict_many(counting.Counting, source, out).resumed == 4


def test_lines_of_other_records_or_another_model_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    source, out = table(tmp_path / "a.jsonl", ["a", "b"]), tmp_path / "out.jsonl"
    predict_many(counting.Counting, source, out)
    before = out.read_bytes()
    other = tmp_path / "b.jsonl"
    other.write_text('{"id": "n0", "note": "a"}\n{"id": "m", "note": "a"}\n')
    with pytest.raises(FileError, match=r"line 2 of .* is of record 'n1', but the record there is 'm'"):
        predict_many(counting.Counting, other, out)
    with pytest.raises(FileError, match="there are no more"):
        predict_many(counting.Counting, table(tmp_path / "c.jsonl", ["a"]), out)
    monkeypatch.setattr(counting.Counting, "model", {"name": "other"})
    with pytest.raises(FileError, match="begun with another model"):
        predict_many(counting.Counting, source, out)
    assert out.read_bytes() == before
    out.write_text("a report\n")
    with pytest.raises(FileError, match="is not one of these"):
        predict_many(counting.Counting, source, out)
    assert out.read_text() == "a report\n"


@pytest.mark.parametrize("processes", [1, 2])
def test_after_any_kill_no_line_is_lost_or_doubled(tmp_path: Path, loopback: Any, processes: int) -> None:
    source, out = table(tmp_path / "a.jsonl", ["x" * (i % 7 + 1) for i in range(300)]), tmp_path / "out.jsonl"
    command = [sys.executable, str(SCRIPT), str(source), str(out), str(processes)]
    for wanted in (40, 150):
        run = subprocess.Popen(command, env=loopback(), stdout=subprocess.DEVNULL, start_new_session=True)
        while not out.exists() or out.read_bytes().count(b"\n") < wanted:
            assert run.poll() is None
            time.sleep(0.005)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    done = subprocess.run(command, env=loopback(), capture_output=True, text=True, timeout=60, check=True)
    told = lines(out)
    assert [(each["id"], each["letters"]) for each in told] == [(f"n{i}", i % 7 + 1) for i in range(300)]
    assert json.loads(done.stdout)["resumed"] >= 150


def test_a_record_that_kills_its_processes_is_told_and_the_others_are_answered(tmp_path: Path, loopback: Any) -> None:
    notes = ["a", "die once", "bb", "die", *["ccc"] * 20]
    source, out = table(tmp_path / "a.jsonl", notes), tmp_path / "out.jsonl"
    command = [sys.executable, str(SCRIPT), str(source), str(out), "2"]
    environment = loopback(DIED=str(tmp_path / "died"))
    subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True)
    told = lines(out)
    assert [each["id"] for each in told] == [f"n{i}" for i in range(24)]
    assert [each.get("letters") for each in told] == [1, 8, 2, None, *[3] * 20]
    assert "2 processes died over this record" in told[3]["error"]


def test_only_one_run_writes_a_file(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    source, out = table(tmp_path / "a.jsonl", ["a"]), tmp_path / "out.jsonl"
    with out.open("a+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(FileError, match="being written by another run"):
            predict_many(counting.Counting, source, out)


def test_parts_are_all_records_together(tmp_path: Path) -> None:
    source = table(tmp_path / "a.jsonl", ["x"] * 7)
    for k in (1, 2, 3):
        predict_many(counting.Counting, source, tmp_path / f"{k}.jsonl", part=(k, 3))
    found = [each["id"] for k in (1, 2, 3) for each in lines(tmp_path / f"{k}.jsonl")]
    assert found == ["n0", "n3", "n6", "n1", "n4", "n2", "n5"]
    with pytest.raises(InputError, match="from 1 to N, got 4 of 3"):
        predict_many(counting.Counting, source, tmp_path / "4.jsonl", part=(4, 3))


def test_a_table_of_cells_is_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,note,file\na,"two\nlines",\n,,x.txt\nc,one\n', encoding="utf-8")
    rows = list(asked(TASK, path))
    assert (rows[0].id, dict(rows[0].given)) == ("a", {"note": "two\nlines"})
    assert (rows[1].id, dict(rows[1].given)) == ("2", {"file": tmp_path / "x.txt"})
    assert "another number of cells" in rows[2].wrong
    path.write_text("id,nate\n1,2\n")
    with pytest.raises(UnknownName, match="did you mean 'note'"):
        list(asked(TASK, path))


def test_a_folder_is_of_records_or_of_one_modality(tmp_path: Path) -> None:
    for name, files in (("a", ("note.txt", "file.tar.gz")), ("b", ("note.txt",)), ("c", ("else.txt",))):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text("x")
    rows = list(asked(TASK, tmp_path))
    assert dict(rows[0].given) == {"note": tmp_path / "a" / "note.txt", "file": tmp_path / "a" / "file.tar.gz"}
    assert "named by its modality" in rows[2].wrong
    flat = tmp_path / "b"
    with pytest.raises(InputError, match="answers any of note, file alone"):
        asked(TASK, flat)
    assert [(row.id, dict(row.given)) for row in asked(TASK, flat, only="file")] == [
        ("note.txt", {"file": flat / "note.txt"})
    ]
    with pytest.raises(UnknownName):
        list(asked(TASK, flat, only="fill"))
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(FormatError, match="neither a folder nor a table"):
        asked(TASK, tmp_path / "x.txt")


def test_records_are_read_as_they_are_needed(tmp_path: Path) -> None:
    source = table(tmp_path / "a.jsonl", ["x"] * 3)
    rows = asked(TASK, source)
    next(rows)
    assert not isinstance(rows, list)
    assert next(rows).id == "n1"


def test_a_crew_gives_back_in_order_replaces_its_dead_and_holds_a_few_only() -> None:
    asked_for: list[int] = []

    def work() -> Any:
        for index in range(60):
            asked_for.append(index)
            yield "__import__('os')._exit(3)" if index == 5 else f"{index} * 10"

    came = Crew(partial(partial, eval), 2).map(work())
    found = [next(came) for _ in range(10)]
    assert len(asked_for) <= 10 + 16 + 2
    found += list(came)
    assert isinstance(found[5], Lost)
    assert found[:5] + found[6:] == [index * 10 for index in range(60) if index != 5]


def test_a_crew_that_cannot_load_says_why() -> None:
    with pytest.raises(InputError, match="died while it loaded"):
        list(Crew(partial(eval, "__import__('os')._exit(3)"), 1).map([1]))
    with pytest.raises(InputError, match="at least 1, got 0"):
        Crew(partial(partial, eval), 0)


def test_every_task_takes_its_sample_as_a_table(tmp_path: Path) -> None:
    for task in tasks().values():
        assert task.sample is not None
        row = {name: str(value) for name, value in task.sample().items()}
        path = tmp_path / "a.jsonl"
        path.write_text(json.dumps({"id": "sample", **row}) + "\n")
        (record,) = asked(task, path)
        assert not record.wrong
        assert {name: str(value) for name, value in record.given.items()} == row
