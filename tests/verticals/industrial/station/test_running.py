"""The running line as the page shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colonnade.core.errors import FileError, InputError
from colonnade.verticals.industrial.station import running
from colonnade.verticals.industrial.station.running import Followed


def test_the_line_is_told_as_it_stands(line_folder: Path):
    told = Followed(line_folder).told()
    assert told["running"]
    assert (told["number"], told["counts"]["reject"], told["counts"]["pass"]) == (90, 3, 87)
    assert len(told["units"]) == 80
    assert told["units"][-1]["unit"] == "nut-090"
    assert {"rejects", "drift", "sensors"} <= set(told["alarm"]["latched"])
    assert told["senses"]["sound"]["state"] == "lost"
    assert told["causes"][0]["next_check"]


def test_what_is_written_later_is_read_once(line_folder: Path):
    followed = Followed(line_folder)
    before = followed.told()
    last = json.loads((line_folder / "results.jsonl").read_text().splitlines()[-1])
    with (line_folder / "results.jsonl").open("a") as stream:
        stream.write(json.dumps(last | {"number": 91, "unit": "nut-091"}) + "\n" + '{"number": 92, "un')
    after = followed.told(after=before["number"])
    assert [each["unit"] for each in after["units"]] == ["nut-091"]
    assert followed.told(after=91)["units"] == []


def test_a_results_file_alone_gives_the_same_alarms(line_folder: Path):
    whole, alone = Followed(line_folder).told(), Followed(line_folder / "results.jsonl").told()
    assert alone["alarm"] == whole["alarm"]
    assert alone["senses"] == whole["senses"]
    assert not alone["running"]
    assert not alone["can_acknowledge"]


def test_a_line_whose_heart_stopped_is_not_running(line_folder: Path):
    state = json.loads((line_folder / "state.json").read_text())
    (line_folder / "state.json").write_text(json.dumps(state | {"time": "2026-01-05T06:00:00+00:00"}))
    assert not Followed(line_folder).told()["running"]


def test_a_word_for_the_line_is_left_in_its_folder(line_folder: Path):
    followed = Followed(line_folder)
    with pytest.raises(InputError, match="write a name"):
        followed.acknowledge(" ", None)
    followed.acknowledge("A. Smith", "rejects")
    (word,) = (line_folder / "acknowledge").glob("*.json")
    assert json.loads(word.read_text()) == {"by": "A. Smith", "alarm": "rejects"}
    with pytest.raises(InputError, match="no line that could be told"):
        Followed(line_folder / "results.jsonl").acknowledge("A. Smith", None)


def test_a_long_file_is_read_from_its_end(line_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "MOST_BYTES", 8_000)
    told = Followed(line_folder).told()
    assert told["left_out"]
    assert told["units"][-1]["number"] == 90
    assert len(told["units"]) < 20


def test_a_line_that_begins_anew_is_read_anew(line_folder: Path, rewrite: Callable[..., Any]):
    followed = Followed(line_folder)
    followed.told()
    lines = (line_folder / "results.jsonl").read_text().splitlines(keepends=True)
    (line_folder / "results.jsonl").write_text(lines[0])
    assert [each["number"] for each in followed.told()["units"]] == [1]


def test_a_folder_without_results_is_refused(tmp_path: Path):
    with pytest.raises(FileError, match="--out"):
        Followed(tmp_path)
    (tmp_path / "other.txt").write_text("a")
    with pytest.raises(FileError, match="no results file"):
        Followed(tmp_path / "other.txt")
