"""When a scan was taken and of whom: from DICOM headers, or from the patient table where the files do not say.

Two scans are compared only where the days between them are known and nothing says that they are of two patients. It
reads no pixels and knows no nodules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ....core.errors import FormatError, InputError
from ..patient import Clinical
from .dicom import read_stack
from .geometry import Scan
from .read import is_dicom
from .slices import Slice

DATES = ("AcquisitionDate", "SeriesDate", "StudyDate", "ContentDate")  # the nearest to the exposure first
SAME = ("PatientID", "PatientBirthDate", "PatientSex")  # what one patient has only one of
TOLERANCE = 1.0  # days that the table may differ from the headers (two time zones)


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What the headers say; empty and None where they do not."""

    dates: dict[str, date]
    identity: dict[str, str]
    series: str = ""


def taken(scan: Scan) -> Taken:
    """Of a scan that was read from DICOM; nothing for any other."""
    path = Path(scan.origin)
    if not scan.origin or not path.exists() or not is_dicom(path):
        return Taken(dates={}, identity={})
    one = read_stack(path).slices[0]
    dates = {name: found for name in DATES if (found := _date(one, name)) is not None}
    identity = {name: str(one.get(name) or "").strip() for name in SAME}
    return Taken(dates=dates, identity={name: value for name, value in identity.items() if value}, series=one.series)


@dataclass(frozen=True, kw_only=True, slots=True)
class Between:
    """The days from one scan to the next, and where they are from, in words."""

    days: float
    source: str


def between(record: Mapping[str, Any]) -> Between | None:
    """Days from the earlier CT of a record to its CT; None where there is no earlier one.

    Raises:
        FormatError, InputError: as `days_between`.
    """
    earlier = record.get("earlier")
    return days_between(earlier, record["ct"], record.get("patient")) if earlier is not None else None


def days_between(earlier: Scan, later: Scan, patient: Clinical | None) -> Between:
    """Days from the earlier scan to the later one.

    Raises:
        FormatError: not known, or two patients, or one series twice.
        InputError: the earlier scan is not earlier, or the table and the headers differ.
    """
    before, after = taken(earlier), taken(later)
    _refuse_others(before, after)
    told = patient.days_since_earlier if patient is not None else None
    name = next((each for each in DATES if each in before.dates and each in after.dates), None)
    if name is None:
        if told is None:
            raise FormatError(
                "earlier: the days between the two scans are not known (a date is missing in the headers, or the files "
                "have none): give days_since_earlier in the patient table"
            )
        return Between(days=_earlier(told, "the patient table"), source="the patient table")
    days = float((after.dates[name] - before.dates[name]).days)
    if told is not None and abs(told - days) > TOLERANCE:
        raise InputError(
            f"earlier: the headers put {days:g} days between the scans ({name}), the patient table {told:g}: "
            "mend days_since_earlier or leave it out"
        )
    return Between(days=_earlier(days, f"{name} of the headers"), source=f"{name} of both scans")


def _earlier(days: float, source: str) -> float:
    if days < 0:
        raise InputError(
            f"earlier: the scan given as earlier was taken {-days:g} days after the other one ({source}): swap them"
        )
    if days == 0:
        raise InputError(f"earlier: there are 0 days between the two scans ({source}): growth needs two dates")
    return days


def _refuse_others(before: Taken, after: Taken) -> None:
    if before.series and before.series == after.series:
        raise FormatError("earlier: it is the same series as the CT (SeriesInstanceUID): give that of another date")
    for name in SAME:
        one, other = before.identity.get(name), after.identity.get(name)
        if one and other and one != other:
            raise FormatError(
                f"earlier: it is another patient's scan ({name} differs from that of the CT): nothing is compared"
            )


def _date(one: Slice, name: str) -> date | None:
    value = str(one.get(name) or "").strip()[:8]
    try:
        return datetime.strptime(value, "%Y%m%d").date() if len(value) == 8 else None
    except ValueError:
        return None
