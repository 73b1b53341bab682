"""The border of every verb: what cannot be read or written is refused with a sentence, before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from colonnade.core.errors import FileError, FormatError, InputError
from colonnade.core.pipeline import FitOptions, _arrived, existing
from colonnade.core.vertical import Modality

NOTE = Modality(name="note", noun="text", takes="text", inline=True)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_some_library_cannot_take_is_refused(seed: int) -> None:
    with pytest.raises(InputError, match="a seed lies from 0"):
        FitOptions(seed=seed)


def test_a_pipe_is_refused_before_it_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="a pipe or a device"):
        existing(tmp_path / "pipe", "ct")


def test_a_name_that_no_file_can_have_is_a_file_error() -> None:
    with pytest.raises(FileError, match="cannot read"):
        existing("x" * 5000, "ct")


def test_text_of_other_bytes_is_refused() -> None:
    with pytest.raises(FormatError, match="not UTF-8"):
        _arrived(NOTE, "f\udcfcr")
    assert _arrived(NOTE, "für")[0] == "für"


def test_a_folder_in_the_place_of_a_text_is_refused_before_it_is_digested(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"1")
    with pytest.raises(FormatError, match="not UTF-8 text"):
        _arrived(NOTE, tmp_path)
