"""Sensor series as they are published and as people keep them: C-MAPSS text, CSV and Parquet with one row a cycle.

A table needs a machine (where it holds several), a cycle and sensors. The usual names are known; others are mapped by a
file `columns.json` beside the table: {"machine": "unit", "cycle": "t", "sensors": ["T24", "T30"], "remaining": "rul"}.
It knows nothing of models.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ....core.errors import FileError, FormatError
from ....core.optional import require
from ....core.types import Array, Series
from .records import History

Columns: TypeAlias = dict[str, list[str]]  # every cell as it was written

SETTINGS, SENSORS = 3, 21
CMAPSS = (
    "machine", "cycle", *(f"setting_{n + 1}" for n in range(SETTINGS)), *(f"sensor_{n + 1}" for n in range(SENSORS))
)  # fmt: skip
KNOWN = {
    "machine": ("machine", "unit", "unit_number", "unit_id", "engine", "engine_id", "asset", "id"),
    "cycle": ("cycle", "cycles", "time_cycles", "time_in_cycles", "time", "hour", "hours", "t"),
    "remaining": ("remaining", "rul", "remaining_life", "remaining_useful_life"),
}
MISSING = ("", "nan", "na", "null", "none", "<na>")
HOLES = 0.2  # of a sensor's values that may be missing
LARGEST = 200 * 2**20  # bytes


def read_sensors(value: Any) -> History:
    """One machine's history: a path, a `History`, or a `Series` whose times are cycles.

    Raises:
        FileError, FormatError: it cannot be read, holds several machines, or its columns do not fit.
    """
    if isinstance(value, History):
        return value
    if isinstance(value, Series):
        names = value.channels or tuple(f"sensor_{index + 1}" for index in range(value.values.shape[1]))
        return History(machine="-", cycles=value.times, values=value.values.astype(np.float64), sensors=tuple(names))
    if not isinstance(value, (str, Path)):
        raise FormatError(
            f"sensors are a path to C-MAPSS text, CSV or Parquet, or a Series, got {type(value).__name__}"
        )
    fleet = read_fleet(Path(value))
    if len(fleet) > 1:
        named = ", ".join(history.machine for history in fleet[:3])
        raise FormatError(
            f"sensors: {value} holds {len(fleet)} machines ({named}, ...): give the rows of one; evaluate and fit "
            "take all"
        )
    return fleet[0]


def read_fleet(path: Path) -> list[History]:
    """Every machine of a file, in the order of their first rows.

    Raises:
        FileError, FormatError: it cannot be read, or its columns do not fit.
    """
    if path.is_dir():
        raise FileError(f"{path} is a folder: sensors are one file of C-MAPSS text, CSV or Parquet")
    try:
        if path.stat().st_size > LARGEST:
            raise FormatError(f"{path} is over {LARGEST // 2**20} MiB: give fewer machines or cycles")
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    table = _text(path) if path.suffix.lower() == ".txt" else _table(path)
    return histories_of(table, mapping_of(path), name=str(path))


def mapping_of(path: Path) -> Mapping[str, Any]:
    """The column map beside a table; empty where there is none.

    Raises:
        FormatError: it is no JSON object of names.
    """
    place = path.parent / "columns.json"
    if not place.is_file():
        return {}
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{place} is not JSON: {error}") from error
    if not isinstance(found, dict) or set(found) - {"machine", "cycle", "sensors", "remaining"}:
        raise FormatError(
            f'{place} maps columns as {{"machine": ..., "cycle": ..., "sensors": [...], "remaining": ...}}'
        )
    return found


def histories_of(table: Columns, mapping: Mapping[str, Any], *, name: str) -> list[History]:
    """The machines of a table."""
    machine, cycle = _column(table, mapping, "machine"), _column(table, mapping, "cycle")
    remaining = _column(table, mapping, "remaining")
    if cycle is None:
        raise FormatError(
            f"{name} has no column of cycles (looked for {', '.join(KNOWN['cycle'][:4])}, ...): its columns are "
            f"{', '.join(list(table)[:8])}; map yours in columns.json"
        )
    own = [column for column in table if column not in (machine, cycle, remaining)]
    sensors = [str(column) for column in mapping.get("sensors", own)]
    lacking = [sensor for sensor in sensors if sensor not in table]
    if lacking or not sensors:
        raise FormatError(f"{name} lacks the sensors {', '.join(lacking) or '(there are none)'} of its column map")
    wanted = [cycle, *sensors, *([remaining] if remaining else [])]
    numbers = np.column_stack([_numbers(table[column], column, name) for column in wanted])
    groups = np.array(table[machine] if machine else [Path(name).stem] * len(numbers), dtype=object)
    found = [
        _history(str(each), numbers[groups == each], sensors, known=remaining is not None, name=name)
        for each in dict.fromkeys(groups.tolist())
    ]
    if not found:
        raise FormatError(f"{name} holds no rows")
    return found


def _history(machine: str, rows: Array, sensors: Sequence[str], *, known: bool, name: str) -> History:
    notes = []
    cycles, values = rows[:, 0], rows[:, 1 : 1 + len(sensors)]
    if not np.isfinite(cycles).all():
        raise FormatError(f"{name}: machine {machine} has rows without a cycle: drop or number them")
    if (np.diff(cycles) < 0).any():
        order = np.argsort(cycles, kind="stable")
        rows, cycles, values = rows[order], cycles[order], values[order]
        notes.append(f"the cycles of machine {machine} were not in order and were sorted")
    same = int((np.diff(cycles) == 0).sum())
    if same:
        raise FormatError(f"{name}: machine {machine} has {same} cycles twice: keep one row a cycle")
    gaps = int((np.diff(cycles) > 1.5 * np.median(np.diff(cycles))).sum()) if len(cycles) > 2 else 0
    if gaps:
        notes.append(f"machine {machine} has {gaps} gaps between its cycles: trends count rows, not time")
    values, filled = _filled(values, sensors, machine, name)
    notes += filled
    truth = float(rows[-1, -1]) if known else None
    if truth is not None and not (np.isfinite(truth) and truth >= 0):
        raise FormatError(f"{name}: the remaining life of machine {machine} at its last cycle is {truth}")
    return History(
        machine=machine, cycles=cycles, values=values, sensors=tuple(sensors), truth=truth, notes=tuple(notes)
    )


def _filled(values: Array, sensors: Sequence[str], machine: str, name: str) -> tuple[Array, list[str]]:
    """Holes take the value before them (those at the start the first that is known)."""
    holes = ~np.isfinite(values)
    if not holes.any():
        return values, []
    share = holes.mean(axis=0)
    worst = int(share.argmax())
    if share[worst] > HOLES:
        raise FormatError(
            f"{name}: sensor {sensors[worst]} of machine {machine} is missing in {share[worst]:.0%} of the cycles "
            "(at most "
            f"{HOLES:.0%} can be bridged): leave the column out or mend it"
        )
    place = np.where(holes, -1, np.arange(len(values))[:, None])
    place = np.maximum.accumulate(place, axis=0)
    first = (~holes).argmax(axis=0)
    bridged = np.take_along_axis(values, np.where(place < 0, first[None], place), axis=0)
    return bridged, [f"{int(holes.sum())} missing sensor values of machine {machine} took the value before them"]


def _column(table: Columns, mapping: Mapping[str, Any], what: str) -> str | None:
    if what in mapping:
        if mapping[what] not in table:
            raise FormatError(f"columns.json names {mapping[what]!r} as the {what}, and there is no such column")
        return str(mapping[what])
    lowered = {column.lower().replace(" ", "_"): column for column in table}
    return next((lowered[name] for name in KNOWN[what] if name in lowered), None)


def _numbers(cells: Sequence[str], column: str, name: str) -> Array:
    """The cells as numbers; an empty one, NaN and infinity are not known."""
    found = np.full(len(cells), np.nan)
    for index, cell in enumerate(cells):
        if cell.strip().lower() in MISSING:
            continue
        try:
            found[index] = float(cell)
        except ValueError as error:
            raise FormatError(
                f"{name}: column {column} holds {cell[:40]!r}, which is no number: sensors and cycles are numbers"
            ) from error
    return np.where(np.isinf(found), np.nan, found)


def _text(path: Path) -> Columns:
    """C-MAPSS: 26 columns of numbers, separated by blanks, without a header."""
    try:
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} is not C-MAPSS text (26 columns of numbers separated by blanks): {error}") from error
    wrong = next((number for number, row in enumerate(rows, start=1) if len(row) != len(CMAPSS)), None)
    if wrong is not None or not rows:
        count = len(rows[wrong - 1]) if wrong else 0
        raise FormatError(
            f"{path} is not C-MAPSS text ({len(CMAPSS)} numbers a row, separated by blanks): row {wrong or 1} has "
            f"{count}"
        )
    return {name: list(column) for name, column in zip(CMAPSS, zip(*rows, strict=True), strict=True)}


def _table(path: Path) -> Columns:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path)
    if suffix != ".csv":
        raise FormatError(f"{path} is neither C-MAPSS text (.txt), CSV nor Parquet")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            head, *rows = [row for row in csv.reader(stream) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} is not CSV text: {error}") from error
    names = [title.strip() for title in head]
    if len(set(names)) < len(names) or not rows:
        raise FormatError(f"{path} needs a header that names each column once, and rows under it")
    wrong = next((number for number, row in enumerate(rows, start=2) if len(row) != len(names)), None)
    if wrong is not None:
        raise FormatError(f"{path}: row {wrong} has {len(rows[wrong - 2])} cells, its header {len(names)}")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _parquet(path: Path) -> Columns:
    pandas = require("pandas", "finance", "reading Parquet")
    require("pyarrow", "finance", "reading Parquet")
    try:
        frame = pandas.read_parquet(path)
    except (OSError, ValueError) as error:
        raise FormatError(f"{path} is not a whole Parquet file: {error}") from error
    return {str(name).strip(): [str(each) for each in frame[name]] for name in frame.columns}
