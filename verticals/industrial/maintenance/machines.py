"""What is known of a machine, from JSON or a one-row CSV: bearing geometry, speed, age. Knows nothing of verdicts."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....core.errors import FileError, FormatError, UnknownName
from ....core.types import Table
from .records import Bearing, Machine

GEOMETRY = ("balls", "ball_mm", "pitch_mm", "contact_deg")
FIELDS = (*GEOMETRY, "rpm", "age", "name")
SPEEDS = (60.0, 60_000.0)  # turns a minute


def read_machine(value: Any) -> Machine:
    """A path, a mapping, a `Table` or a `Machine`.

    Raises:
        FileError, FormatError: it cannot be read, or a number is impossible.
        UnknownName: a field that a machine does not have.
    """
    if isinstance(value, Machine):
        return value
    if isinstance(value, Table):
        value = {**value.numbers, **value.categories}
    fields = dict(value) if isinstance(value, Mapping) else _open(value)
    for name in fields:
        if name not in FIELDS:
            raise UnknownName("field of a machine", str(name), FIELDS)
    numbers = {name: _number(name, each) for name, each in fields.items() if name != "name" and each not in (None, "")}
    rpm, age = numbers.get("rpm"), numbers.get("age")
    if rpm is not None and not SPEEDS[0] <= rpm <= SPEEDS[1]:
        raise FormatError(
            f"machine: a shaft speed of {rpm:g} turns a minute is outside {SPEEDS[0]:g} to {SPEEDS[1]:g}: is it "
            "in hertz?"
        )
    if age is not None and age < 0:
        raise FormatError(f"machine: an age of {age:g} cycles is below 0")
    given = [name for name in GEOMETRY if name in numbers]
    notes = () if given else ("no bearing geometry was given: that of a 6205 was used",)
    bearing = Bearing(
        balls=int(numbers.get("balls", Bearing.balls)), ball_mm=numbers.get("ball_mm", Bearing.ball_mm),
        pitch_mm=numbers.get("pitch_mm", Bearing.pitch_mm), contact_deg=numbers.get("contact_deg", Bearing.contact_deg),
    )  # fmt: skip
    if given and not {"balls", "ball_mm", "pitch_mm"} <= set(given):
        raise FormatError(f"machine: a bearing needs balls, ball_mm and pitch_mm together, got {', '.join(given)}")
    return Machine(bearing=bearing, rpm=rpm, age=age, known=tuple(numbers), notes=notes)


def _open(value: Any) -> dict[str, Any]:
    if not isinstance(value, (str, Path)):
        raise FormatError(f"a machine is a path to JSON or CSV, or a mapping, got {type(value).__name__}")
    path = Path(value)
    if path.is_dir():
        raise FileError(f"machine: {path} is a folder, not a JSON or CSV file")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            rows = list(csv.DictReader(text.splitlines()))
            if len(rows) != 1:
                raise FormatError(f"machine: {path} holds {len(rows)} rows, a machine is one")
            found: Any = {str(key).strip(): each for key, each in rows[0].items()}
        else:
            found = json.loads(text)
    except (OSError, UnicodeDecodeError, csv.Error, RecursionError, json.JSONDecodeError) as error:
        raise FormatError(f"machine: {path} is not JSON or CSV: {error}") from error
    if not isinstance(found, dict):
        raise FormatError(f"machine: {path} must hold one JSON object")
    return found


def _number(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise FormatError(f"machine: {name} must be a number, got {str(value)[:40]!r}")
    return number
