"""A folder of labelled records: what is off in `labels.csv` is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from colonnade.core.data.labelled import read_labelled
from colonnade.core.errors import FormatError, UnknownName
from colonnade.core.vertical import Modality, Task

TASK = Task(
    name="toy/notes",
    summary="",
    answer="",
    modalities=(Modality(name="note", noun="text", takes="text", inline=True),),
    minimum=(("note",),),
    pipeline=lambda: pytest.fail("not asked for"),
)


def _read(folder: Path, text: str):
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return read_labelled(folder, TASK, ("good", "worn"), lambda _, value: value)


def test_a_text_with_a_comma_is_whole_or_refused(tmp_path: Path) -> None:
    (row,) = _read(tmp_path, 'id,label,note\n1,worn,"rattles, runs hot"\n')
    assert row.record == {"note": "rattles, runs hot"}
    for text in ("id,label,note\n1,worn,rattles, runs hot\n", "id,label,note\n1,good,ok\n2,worn,rattles, hot\n"):
        with pytest.raises(FormatError, match="more cells than the header"):
            _read(tmp_path, text)


def test_labels_and_columns_that_are_not_known_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"line 2 .* label 'bad'"):
        _read(tmp_path, "id,label,note\n1,bad,ok\n")
    with pytest.raises(UnknownName, match="did you mean 'note'"):
        _read(tmp_path, "id,label,notes\n1,good,ok\n")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="2 columns named 'note'"):
        _read(tmp_path, "id,label,note,note\n1,good,ok,worn\n")
