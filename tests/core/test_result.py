from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import FileError
from colonnade.core.result import Interval, Result, Source, dumps, plain, whole_folder, writable


@dataclass(frozen=True)
class Answer:
    findings: tuple[Interval, ...]
    mask: np.ndarray

    def save_files(self, folder: Path) -> None:
        np.save(folder / "mask.npy", self.mask)


def _result() -> Result:
    answer = Answer(findings=(Interval(value=3.0, low=2.0, high=float("nan")),), mask=np.zeros((2, 2)))
    source = Source(modality="ct", path="a.nii", sha256="0" * 64)
    return Result(task="a/b", version="1", model={}, inputs=(source,), status="ok", answer=answer)


def test_attributes_of_the_answer_are_read_directly():
    assert _result().findings[0].value == 3.0
    with pytest.raises(AttributeError):
        _ = _result().no_such_thing


def test_json_has_the_promised_fields_and_no_array():
    written = json.loads(json.dumps(_result().to_dict()))
    assert {"task", "version", "model", "inputs", "status", "findings", "warnings", "report", "seconds"} <= set(written)
    assert "mask" not in written
    assert written["findings"] == [{"value": 3.0, "low": 2.0, "high": None, "coverage": 0.9}]


def test_saving_writes_the_answers_own_files_too(tmp_path: Path):
    folder = _result().save(tmp_path / "out")
    assert sorted(item.name for item in folder.iterdir()) == ["mask.npy", "result.json"]


def test_a_folder_that_failed_on_the_way_leaves_nothing(tmp_path: Path):
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "out") as aside:
        (aside / "half").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_what_stood_in_the_folder_before_stays_when_writing_fails(tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").write_text("kept")
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "out") as aside:
        (aside / "kept").write_text("lost")
        raise RuntimeError
    assert (tmp_path / "out" / "kept").read_text() == "kept"


def test_a_file_in_the_way_is_a_file_error(tmp_path: Path):
    (tmp_path / "out").write_text("I am a file")
    with pytest.raises(FileError, match="is a file"), whole_folder(tmp_path / "out"):
        pass


def test_numpy_scalars_become_numbers():
    assert plain({"a": np.float32(0.5), "b": (np.int64(2), Path("x"))}) == {"a": 0.5, "b": [2, "x"]}


@pytest.mark.parametrize("place", ["file", "file/inside"])
def test_a_place_inside_a_file_is_refused_before_any_work(tmp_path: Path, place: str):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(FileError, match="is a file"):
        writable(tmp_path / place)


def test_a_folder_that_cannot_be_moved_into_place_is_a_file_error(tmp_path: Path):
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileError, match="cannot write in"), whole_folder(tmp_path / "out") as aside:
        (aside / "half").write_text("half")
    assert [item.name for item in tmp_path.iterdir()] == ["out"]


def test_json_of_a_path_of_foreign_bytes_can_be_written_and_read():
    written = dumps({"path": "Sch\udce4del", "word": "\u00e4"})
    assert json.loads(written.encode()) == {"path": "Sch\udce4del", "word": "\u00e4"}
