"""What is known about the patient beside the pictures: one row of a clinical table, checked once at the border.

Nothing has a default: what the table leaves out stays not known (None), and whoever needs it must say so. It reads no
image and decides nothing.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from ...core.errors import FileError, FormatError, InputError, UnknownName
from .guidelines.patient import Patient

Sex = Literal["female", "male"]
Smoking = Literal["never", "former", "current"]
LARGEST = 1 << 20  # bytes of a table of one row
BLANK = ("", "na", "n/a", "nan", "none", "null", "unknown", "not known", "?")
YES, NO = ("yes", "true", "y", "1"), ("no", "false", "n", "0")
SEXES: Mapping[str, Sex] = {"female": "female", "f": "female", "male": "male", "m": "male"}
SMOKING: tuple[Smoking, ...] = ("never", "former", "current")
NUMBERS: Mapping[str, tuple[float, float, str]] = {
    "age": (0.0, 120.0, "years"),
    "pack_years": (0.0, 300.0, "packs a day times years"),
    "quit_years": (0.0, 100.0, "years since the last cigarette"),
    "days_since_earlier": (0.0, 36525.0, "days from the earlier CT to this one"),
}
TRUTHS = ("screening", "cancer", "immunosuppressed", "family_history", "emphysema", "fibrosis")


@dataclass(frozen=True, kw_only=True, slots=True)
class Clinical:
    """One patient's row; None: not known. `cancer` is any, now or earlier, `family_history` of lung cancer."""

    age: float | None = None  # years
    sex: Sex | None = None
    smoking: Smoking | None = None
    pack_years: float | None = None
    quit_years: float | None = None  # since the last cigarette
    screening: bool | None = None  # the scan was made to screen for lung cancer
    cancer: bool | None = None
    immunosuppressed: bool | None = None
    family_history: bool | None = None
    emphysema: bool | None = None
    fibrosis: bool | None = None
    days_since_earlier: float | None = None

    @property
    def female(self) -> bool | None:
        return None if self.sex is None else self.sex == "female"

    @property
    def ever_smoked(self) -> bool | None:
        if self.smoking is not None:
            return self.smoking != "never"
        return self.pack_years > 0 if self.pack_years is not None else (True if self.quit_years is not None else None)

    @property
    def high_risk_smoking(self) -> bool | None:
        """30 pack-years or more, and smoking within the last 15 years."""
        if self.ever_smoked is False or (self.pack_years is not None and self.pack_years < 30):
            return False
        recent = True if self.smoking == "current" else None if self.quit_years is None else self.quit_years <= 15
        if recent is False:
            return False
        return True if recent and self.pack_years is not None else None

    def asked(self) -> Patient:
        """What guidelines and risk models ask for."""
        return Patient(
            age=self.age, female=self.female, screening=self.screening, cancer=self.cancer,
            immunosuppressed=self.immunosuppressed, high_risk_smoking=self.high_risk_smoking,
            ever_smoked=self.ever_smoked, family_history=self.family_history, emphysema=self.emphysema,
            fibrosis=self.fibrosis,
        )  # fmt: skip

    def told(self) -> dict[str, Any]:
        """What is known, by column."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


COLUMNS = tuple(each.name for each in fields(Clinical))


def read_patient(value: Any) -> Clinical:
    """A patient from a JSON object, a CSV of a header and one row, or a mapping of columns.

    Raises:
        FileError: unreadable, or larger than a row can be.
        FormatError: no such table, more than one row, or a value that is not of its column's kind.
        UnknownName: a column that does not exist.
        InputError: a value that no patient has, or two that contradict each other.
    """
    if isinstance(value, Clinical):
        return _patient(value.told(), "the patient")
    if isinstance(value, Mapping):
        return _patient(value, "the patient")
    if not isinstance(value, (str, Path)):
        raise FormatError(f"patient is a path (JSON or CSV) or a mapping of columns, got {type(value).__name__}")
    path = Path(value)
    return _patient(_row(path), str(path))


def _row(path: Path) -> Mapping[str, Any]:
    if path.is_dir():
        raise FormatError(f"patient: {path} is a folder: give a JSON or CSV file with one row")
    try:
        if path.stat().st_size > LARGEST:
            raise FileError(f"patient: {path} is larger than a table of one row can be ({LARGEST} bytes)")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"patient: {path} is not UTF-8 text: give a JSON or CSV file with one row") from error
    except OSError as error:
        raise FileError(f"patient: cannot read {path}: {error.strerror}") from error
    return _of_json(text, path) if text.lstrip()[:1] in ("{", "[") else _of_csv(text, path)


def _of_json(text: str, path: Path) -> Mapping[str, Any]:
    try:
        row = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"patient: {path} is not JSON: {error}") from error
    if isinstance(row, list) and len(row) == 1:
        row = row[0]
    if not isinstance(row, dict):
        raise FormatError(f'patient: {path} must hold one JSON object of columns, such as {{"age": 64}}')
    return row


def _of_csv(text: str, path: Path) -> Mapping[str, Any]:
    first = text.strip().splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(each.strip() for each in row)]
    except csv.Error as error:
        raise FormatError(f"patient: {path} is no CSV: {error}") from error
    if len(rows) != 2:
        raise FormatError(f"patient: {path} must hold a header and one row, it holds {len(rows)} rows in all")
    if len(rows[0]) != len(rows[1]):
        raise FormatError(f"patient: {path} has {len(rows[0])} columns and {len(rows[1])} values")
    return _once(list(zip(rows[0], rows[1], strict=True)), path)


def _once(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    names = [_plain(name) for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FormatError(f"patient: {path} gives {', '.join(twice)} twice: keep one")
    return dict(pairs)


def _patient(row: Mapping[str, Any], origin: str) -> Clinical:
    known: dict[str, Any] = {}
    for name, value in row.items():
        column = _plain(str(name))
        if column not in COLUMNS:
            raise UnknownName("column of the patient table", str(name), COLUMNS)
        known[column] = None if _blank(value) else _read(column)(column, value)
    return _agreeing(Clinical(**known), origin)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in BLANK)


def _read(column: str) -> Callable[[str, Any], Any]:
    if column in NUMBERS:
        return _number
    return _truth if column in TRUTHS else _word


def _number(column: str, value: Any) -> float:
    low, high, unit = NUMBERS[column]
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise FormatError(f"patient: {column} is a plain number ({unit}), got {value!r}")
    if not low <= number <= high:
        raise InputError(f"patient: {column} lies from {low:g} to {high:g} ({unit}), got {number:g}")
    return number


def _truth(column: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in YES or word in NO:
        return word in YES
    raise FormatError(f"patient: {column} is yes or no (or left out where it is not known), got {value!r}")


def _word(column: str, value: Any) -> str:
    known: Mapping[str, str] = SEXES if column == "sex" else {each: each for each in SMOKING}
    word = str(value).strip().lower()
    if word not in known:
        options = ", ".join(dict.fromkeys(known.values()))
        raise FormatError(f"patient: {column} is one of {options} (or left out where it is not known), got {value!r}")
    return known[word]


def _agreeing(patient: Clinical, origin: str) -> Clinical:
    """The patient, if its columns can all be true at once."""
    age, pack, quit_years, smoking = patient.age, patient.pack_years, patient.quit_years, patient.smoking
    faults = (
        (age is not None and quit_years is not None and quit_years > age,
         f"quit_years ({quit_years}) is more than the age ({age} years)"),
        (smoking == "never" and bool(pack), f"smoking is never and pack_years is {pack}"),
        (smoking == "never" and quit_years is not None, f"smoking is never and quit_years is {quit_years}"),
        (smoking == "current" and bool(quit_years), f"smoking is current and quit_years is {quit_years}"),
        (smoking in ("former", "current") and pack == 0, f"smoking is {smoking} and pack_years is 0"),
        (pack == 0 and quit_years is not None and smoking is None, "pack_years is 0 and quit_years is given"),
    )  # fmt: skip
    for holds, sentence in faults:
        if holds:
            raise InputError(f"patient: {origin} contradicts itself: {sentence}")
    return patient
