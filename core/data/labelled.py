"""A folder of labelled records: `labels.csv` with a row a record and a column a modality (a path, or the text itself).

    id,label,group,image,sound,note
    1,good,machine-a,photos/1.png,sounds/1.wav,"first shift"
    2,worn,machine-b,photos/2.png,,

An empty cell is an absent modality. `group` (patient, machine, speaker) is optional and keeps splits honest.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FileError, FormatError, UnknownName
from ..vertical import Task

NAME = "labels.csv"
OWN = ("id", "label", "group")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """One record by modality, its label's number, and the group that must stay on one side of a split.

    `source` is shared by records that were made of one: together they count as one observation ("" stands for `id`).
    """

    id: str
    record: Mapping[str, Any]
    label: int
    group: str
    source: str = ""


def read_labelled(
    folder: Path, task: Task, labels: Sequence[str], read: Callable[[str, Any], Any]
) -> tuple[Labelled, ...]:
    """Every record of the folder, read through the border of the task.

    Raises:
        FileError: there is no `labels.csv`, or a file that it names is missing.
        UnknownName: a column that is no modality of the task.
        FormatError: no rows, an unknown label, a record without any modality, or a column or an id that stands twice.
    """
    path = folder / NAME
    if not path.is_file():
        raise FileError(f"{folder} has no {NAME}: a row a record with id, label and {', '.join(task.modality_names)}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows, columns = list(reader), list(reader.fieldnames or ())
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} is not a UTF-8 CSV file: {error}") from error
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    if not rows:
        raise FormatError(f"{path} has no rows")
    for column in columns:
        if columns.count(column) > 1:
            raise FormatError(f"{path} has {columns.count(column)} columns named {column!r}: keep one of them")
        if column not in (*OWN, *task.modality_names):
            raise UnknownName(f"column of {path}", column, (*OWN, *task.modality_names))
    if "label" not in columns:
        raise FormatError(f"{path} has no column 'label'")
    found = [_one(folder, task, labels, read, number, row) for number, row in enumerate(rows, start=2)]
    if len({each.id for each in found}) < len(found):
        raise FormatError(f"{path} names the same id twice: ids must differ")
    return tuple(found)


def _one(
    folder: Path,
    task: Task,
    labels: Sequence[str],
    read: Callable[[str, Any], Any],
    line: int,
    row: Mapping[Any, Any],
) -> Labelled:
    where = f"line {line} of {folder / NAME}"
    if None in row:
        raise FormatError(f"{where} has more cells than the header: put a text that holds a comma in double quotes")
    label = (row.get("label") or "").strip()
    if label not in labels:
        raise FormatError(f"{where}: label {label!r} is not one of {', '.join(labels)}")
    record = {}
    for modality in task.modalities:
        cell = (row.get(modality.name) or "").strip()
        if not cell:
            continue
        path = folder / cell
        if not modality.inline and not path.exists():
            raise FileError(f"{where}: there is no {modality.name} at {path}")
        record[modality.name] = read(modality.name, cell if modality.inline else path)
    if not record:
        raise FormatError(f"{where} gives no modality")
    name = row.get("id") or str(line)
    return Labelled(id=name, record=record, label=labels.index(label), group=row.get("group") or name)
