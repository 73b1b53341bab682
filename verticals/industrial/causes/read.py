"""Reads a plant's own failure mode and effects analysis: a CSV table with a row a cause.

    cause,defects,step,check,action,source,occurrence
    worn punch,hole;feature,punching,measure the punch,replace it,FMEA 12-7,6

`defects` are those of the catalogue, joined by semicolons. It joins nothing: `graph.joined` does.
"""

from __future__ import annotations

import csv
from pathlib import Path

from ....core.errors import FileError, FormatError, UnknownName
from .catalogue import DEFECTS, Origin

COLUMNS = ("cause", "defects", "step", "check", "action", "source", "occurrence")


def read_origins(path: Path) -> list[Origin]:
    """The rows.

    Raises:
        FileError: the file is missing or unreadable.
        FormatError: a column or a value is missing, or an occurrence is no whole number from 1 to 10.
        UnknownName: a defect that the catalogue does not have.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            table = csv.DictReader(stream)
            lost = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            if lost:
                raise FormatError(f"{path} lacks the columns {', '.join(lost)}: it needs {','.join(COLUMNS)}")
            rows = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"cannot read {path} as CSV in UTF-8: {error}") from error
    if not rows:
        raise FormatError(f"{path} has no row: a cause is a line {','.join(COLUMNS)}")
    return [_origin(row, f"{path}, line {number}") for number, row in enumerate(rows, start=2)]


def _origin(row: dict[str, str], where: str) -> Origin:
    said = {name: (row[name] or "").strip() for name in COLUMNS}
    empty = [name for name, value in said.items() if not value]
    if empty:
        raise FormatError(f"{where}: {', '.join(empty)} is empty: every cause names all, its source too")
    defects = tuple(each.strip() for each in said["defects"].split(";"))
    for each in defects:
        if each not in DEFECTS:
            raise UnknownName(f"defect ({where})", each, DEFECTS)
    if not said["occurrence"].isdigit() or not 1 <= int(said["occurrence"]) <= 10:
        raise FormatError(f"{where}: the occurrence is a whole number from 1 to 10, got {said['occurrence']!r}")
    return Origin(
        id=said["cause"], name=said["cause"], defects=defects, occurrence=int(said["occurrence"]), step=said["step"],
        check=said["check"], action=said["action"], source=said["source"],
    )  # fmt: skip
