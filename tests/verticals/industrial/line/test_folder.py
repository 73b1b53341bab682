from __future__ import annotations

import os
import time

import pytest

from colonnade.core.errors import FileError
from colonnade.verticals.industrial.line.folder import Folder, recorded


def watched(root, known=lambda file: False):
    root.mkdir(exist_ok=True)
    return Folder(root, known, give_up=5.0)


PNG_END = b"IEND\xaeB`\x82"


def test_a_file_is_handed_over_once_and_only_when_it_is_whole(tmp_path):
    folder = watched(tmp_path / "in")
    path = tmp_path / "in" / "a.png"
    path.write_bytes(b"\x89PNG half")
    assert folder.poll(0.0) == ([], {"a"})
    assert folder.poll(1.0) == ([], {"a"})  # it stands still, and its format says that it is not whole
    path.write_bytes(b"\x89PNG whole" + PNG_END)
    assert folder.poll(2.0) == ([], {"a"})  # it has just changed
    (file,), growing = folder.poll(2.1)
    assert (file.unit, file.sense, growing) == ("a", "image", set())
    assert folder.poll(2.2) == folder.poll(9.0) == ([], set())


def test_a_file_that_is_never_whole_goes_on_in_the_end(tmp_path):
    folder = watched(tmp_path / "in")
    (tmp_path / "in" / "a.png").write_bytes(b"\x89PNG half")
    assert folder.poll(0.0)[0] == folder.poll(4.9)[0] == []
    assert [file.unit for file in folder.poll(5.1)[0]] == ["a"]


def test_a_file_from_before_the_line_began_needs_no_second_look(tmp_path):
    folder = watched(tmp_path / "in")
    path = tmp_path / "in" / "a.png"
    path.write_bytes(PNG_END)
    old = time.time() - 3_600
    os.utime(path, (old, old))
    assert [file.unit for file in folder.poll(0.0)[0]] == ["a"]


def test_names_in_the_making_are_not_looked_at_until_they_are_renamed(tmp_path):
    folder = watched(tmp_path / "in")
    aside = tmp_path / "in" / "a.png.part"
    aside.write_bytes(PNG_END)
    assert folder.poll(0.0) == folder.poll(3.0) == ([], set())
    aside.rename(tmp_path / "in" / "a.png")
    folder.poll(4.0)
    assert [file.unit for file in folder.poll(4.2)[0]] == ["a"]


def test_a_file_that_is_replaced_is_handed_over_again(tmp_path):
    folder = watched(tmp_path / "in")
    path = tmp_path / "in" / "a.png"
    path.write_bytes(PNG_END)
    folder.poll(0.0)
    assert len(folder.poll(0.1)[0]) == 1
    path.write_bytes(b"again" + PNG_END)
    folder.poll(3.0)
    assert len(folder.poll(6.0)[0]) == 1


def test_files_that_are_known_are_never_handed_over(tmp_path):
    folder = watched(tmp_path / "in", known=lambda file: file.unit == "a")
    for unit in "ab":
        (tmp_path / "in" / f"{unit}.png").write_bytes(PNG_END)
    folder.poll(0.0)
    assert [file.unit for file in folder.poll(0.1)[0]] == ["b"]


def test_a_folder_that_goes_away_is_a_sentence_and_back_again_goes_on(tmp_path):
    folder = watched(tmp_path / "in")
    (tmp_path / "in").rename(tmp_path / "away")
    with pytest.raises(FileError, match="cannot read"):
        folder.poll(0.0)
    (tmp_path / "away").rename(tmp_path / "in")
    (tmp_path / "in" / "a.png").write_bytes(PNG_END)
    folder.poll(1.0)
    assert len(folder.poll(1.1)[0]) == 1


def test_a_recording_is_read_by_name_and_one_without_units_is_refused(tmp_path):
    for name in ("b.png", "a.wav", "a.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [[file.path.name for file in unit] for unit in recorded(tmp_path)] == [["a.png", "a.wav"], ["b.png"]]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match="holds no unit"):
        recorded(tmp_path / "empty")
    with pytest.raises(FileError, match="no folder to watch"):
        recorded(tmp_path / "none")
