"""Lines that survive: one writer, whole lines."""

import os

import pytest

from colonnade.core.durable import BLOCK, append, appending, checked, cut, hold, record
from colonnade.core.errors import FileError, FormatError


def test_a_folder_has_one_writer_until_it_lets_go(tmp_path):
    handle = hold(tmp_path / "new", cure="wait")
    with pytest.raises(FormatError, match="in use by another process: wait"):
        hold(tmp_path / "new", cure="wait")
    os.close(handle)
    os.close(hold(tmp_path / "new", cure="wait"))


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="cannot write in"):
        hold(tmp_path / "file" / "under", cure="wait")


@pytest.mark.parametrize("length", [0, 5, BLOCK - 1, BLOCK, 3 * BLOCK])
def test_a_torn_line_is_cut_and_whole_ones_stay(tmp_path, length):
    path = tmp_path / "log"
    whole = record(["a", 1]) + record(["b" * length, 2])
    path.write_bytes(whole + b"torn" * (length // 4 + 1))
    cut(path)
    assert path.read_bytes() == whole
    cut(tmp_path / "none")


def test_what_was_recorded_reads_back_and_a_changed_byte_does_not(tmp_path):
    path = tmp_path / "log"
    handle = appending(path)
    append(handle, record(["event", "é", 2.5]), path)
    os.close(handle)
    line = path.read_bytes()
    assert checked(line, 1, path) == ["event", "é", 2.5]
    with pytest.raises(FileError, match="line 7 is damaged"):
        checked(line.replace(b"2.5", b"3.5"), 7, path)
