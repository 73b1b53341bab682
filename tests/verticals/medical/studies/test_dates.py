"""The days between two scans: from both headers, or from the patient table; else nothing is compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colonnade.core.errors import FormatError, InputError
from colonnade.core.types import Volume
from colonnade.verticals.medical.patient import Clinical
from colonnade.verticals.medical.studies.dates import between, days_between
from colonnade.verticals.medical.studies.geometry import Scan, admit
from colonnade.verticals.medical.studies.read import read_study


@pytest.fixture
def made(block: Volume, write_series: Callable[..., Path], tmp_path: Path) -> Callable[..., Scan]:
    def make(name: str, **header: Any) -> Scan:
        def change(_: int, data: Any) -> Any:
            data.SeriesInstanceUID = f"1.2.{len(name)}"
            for keyword, value in header.items():
                setattr(data, keyword, value)
            return data

        return read_study(write_series(block, tmp_path / name, change))

    return make


def plain(block: Volume) -> Scan:
    return admit(Volume(voxels=block.voxels.astype(np.float32), affine=block.affine), "the volume")


def test_dicom_dates_are_read(made: Callable[..., Scan]) -> None:
    found = days_between(made("a", StudyDate="20240101"), made("bb", StudyDate="20240301"), None)
    assert (found.days, found.source) == (60, "StudyDate of both scans")


def test_one_kind_of_date_is_compared_with_its_own_kind(made: Callable[..., Scan]) -> None:
    before = made("a", StudyDate="20240101", AcquisitionDate="20240103")
    after = made("bb", StudyDate="20240301")
    assert days_between(before, after, None).days == 60


def test_the_table_says_it_where_the_files_do_not(block: Volume) -> None:
    scan = plain(block)
    with pytest.raises(FormatError, match="give days_since_earlier"):
        days_between(scan, scan, None)
    with pytest.raises(FormatError, match="give days_since_earlier"):
        days_between(scan, scan, Clinical(age=60))
    assert days_between(scan, scan, Clinical(days_since_earlier=90)).days == 90
    with pytest.raises(InputError, match="0 days"):
        days_between(scan, scan, Clinical(days_since_earlier=0))


def test_a_table_and_headers_that_differ_are_refused(made: Callable[..., Scan]) -> None:
    pair = made("a", StudyDate="20240101"), made("bb", StudyDate="20240301")
    assert days_between(*pair, Clinical(days_since_earlier=60)).days == 60
    with pytest.raises(InputError, match=r"60 days .* the patient table 90"):
        days_between(*pair, Clinical(days_since_earlier=90))


def test_a_scan_from_the_future_is_not_earlier(made: Callable[..., Scan]) -> None:
    with pytest.raises(InputError, match=r"60 days after .* swap them"):
        days_between(made("a", StudyDate="20240301"), made("bb", StudyDate="20240101"), None)


@pytest.mark.parametrize("keyword", ["PatientID", "PatientBirthDate", "PatientSex"])
def test_another_patient_is_refused_without_a_word_on_who(made: Callable[..., Scan], keyword: str) -> None:
    told = {"PatientID": ("Q1", "Q2"), "PatientBirthDate": ("19500101", "19600101"), "PatientSex": ("F", "M")}
    values = told[keyword]
    one, other = (made(name, **{keyword: value, "StudyDate": f"2024010{n}"})
                  for n, (name, value) in enumerate(zip(("a", "bb"), values, strict=True), start=1))  # fmt: skip
    with pytest.raises(FormatError, match="another patient") as caught:
        days_between(one, other, None)
    assert values[0] not in str(caught.value)


def test_one_series_twice_is_refused(made: Callable[..., Scan]) -> None:
    with pytest.raises(FormatError, match="same series"):
        days_between(made("a", StudyDate="20240101"), made("b", StudyDate="20240301"), None)


def test_without_an_earlier_scan_there_are_no_days(block: Volume) -> None:
    assert between({"ct": plain(block)}) is None
