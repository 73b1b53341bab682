"""Many records to predict, one after another, from a table or a folder that may be larger than memory.

    records.jsonl    {"id": "a17", "ct": "scans/a17", "indication": "cough"}   a line a record; id may be left out
    records.csv      id,ct,indication                                          a row a record
    folder/          a17/ct.nrrd, a17/indication.txt ...                       a folder a record, files by modality
    folder/          a17.nrrd, a18.nrrd ...                                    a file or folder a record, one modality

Paths count from the table's folder. It opens no record.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import FileError, FormatError, InputError, UnknownName
from .pipeline import existing
from .vertical import Task


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One record: its name, its modalities as `predict` takes them, and what is wrong with its line, if anything is."""

    id: str
    given: Mapping[str, str | Path] = field(default_factory=dict)
    wrong: str = ""


def asked(task: Task, source: str | Path, *, only: str | None = None) -> Iterator[Asked]:
    """The records in order, the same each time; `only` names the modality that a folder's files are.

    Raises:
        InputError: nothing is there, a column is no modality, or it cannot be told what the files are.
    """
    path = existing(source, "records")
    if path.is_dir():
        return _of_folder(task, path, only)
    if only is not None:
        raise InputError(f"{path} is a table, whose columns name their modalities: leave out {only!r}")
    kinds = {".jsonl": _of_lines, ".ndjson": _of_lines, ".csv": _of_table}
    if path.suffix.lower() not in kinds:
        raise FormatError(f"{path} is neither a folder nor a table: give records as .jsonl or .csv")
    return kinds[path.suffix.lower()](task, path)


def _of_lines(task: Task, path: Path) -> Iterator[Asked]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                yield Asked(id=str(number), wrong=f"line {number} of {path} is not JSON: {error}")
                continue
            if not isinstance(row, dict):
                yield Asked(id=str(number), wrong=f"line {number} of {path} is not a JSON object")
                continue
            yield _record(task, path.parent, row, number)


def _of_table(task: Task, path: Path) -> Iterator[Asked]:
    csv.field_size_limit(sys.maxsize)
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        rows = csv.DictReader(file)
        for name in rows.fieldnames or ():
            if name != "id":
                _known(task, name)
        for number, row in enumerate(rows, start=1):
            if None in row or None in row.values():
                wrong = (
                    f"row {number} of {path} has another number of cells than the {len(rows.fieldnames or ())} columns"
                )
                yield Asked(id=str(row.get("id") or number), wrong=wrong)
                continue
            yield _record(task, path.parent, {name: value for name, value in row.items() if value.strip()}, number)


def _of_folder(task: Task, folder: Path, only: str | None) -> Iterator[Asked]:
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    if not entries:
        raise FileError(f"records: the folder {folder} is empty")
    if only is None and all(entry.is_dir() for entry in entries) and _by_modality(task, entries[0]):
        return (_of_files(task, entry) for entry in entries)
    if only is None:
        alone = [name for name in task.modality_names if task.answers([name])]
        if len(alone) != 1:
            told = f"any of {', '.join(alone)} alone" if alone else "no modality alone"
            raise InputError(
                f"{task.name} answers {told}, so what the files in {folder} are must be said: name the modality, put "
                "each record into a folder with its files named by modality, or give a table"
            )
        only = alone[0]
    _known(task, only)
    return (Asked(id=entry.name, given={only: entry}) for entry in entries)


def _of_files(task: Task, folder: Path) -> Asked:
    found = _by_modality(task, folder)
    known = ", ".join(task.modality_names)
    wrong = "" if found else f"{folder} must hold one file each, named by its modality ({known}), and nothing else"
    return Asked(id=folder.name, given=found or {}, wrong=wrong)


def _by_modality(task: Task, folder: Path) -> dict[str, str | Path] | None:
    """The files of a record by modality; None if one is named otherwise."""
    found: dict[str, str | Path] = {}
    for entry in sorted(folder.iterdir()):
        name = entry.name.split(".")[0]
        if entry.name.startswith("."):
            continue
        if name not in task.modality_names or name in found:
            return None
        found[name] = entry
    return found or None


def _record(task: Task, folder: Path, row: Mapping[str, Any], number: int) -> Asked:
    name = str(number if row.get("id") is None else row["id"])
    given: dict[str, str | Path] = {}
    for modality in task.modalities:
        value = row.get(modality.name)
        if value is None:
            continue
        if not isinstance(value, str):
            return Asked(id=name, wrong=f"{modality.name} of record {name} must be a path or text, got {value!r}")
        inline = modality.inline and not value.startswith("@")
        given[modality.name] = value if inline else folder / value.removeprefix("@")
    for key in row:
        if key != "id" and key not in task.modality_names:
            return Asked(id=name, wrong=str(UnknownName(f"modality of {task.name}", key, task.modality_names)))
    return Asked(id=name, given=given)


def _known(task: Task, name: str) -> None:
    known: Iterable[str] = ("id", *task.modality_names)
    if name not in task.modality_names:
        raise UnknownName(f"modality of {task.name}", name, known)
