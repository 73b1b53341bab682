"""The patient table: read once, nothing guessed, what cannot be refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from colonnade.core.errors import FileError, FormatError, InputError, UnknownName
from colonnade.verticals.medical.patient import COLUMNS, Clinical, read_patient

ROW = {"age": 64, "sex": "F", "pack_years": "40", "quit_years": 3, "emphysema": "yes", "screening": "no", "cancer": ""}


def test_what_the_table_leaves_out_is_not_known() -> None:
    assert read_patient({}) == Clinical()
    assert all(getattr(read_patient({}), name) is None for name in COLUMNS)
    assert read_patient({"cancer": None, "fibrosis": "unknown", "age": " "}) == Clinical()


def test_json_csv_and_a_mapping_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(ROW))
    (tmp_path / "b.csv").write_text(",".join(ROW) + "\n" + ",".join(str(each) for each in ROW.values()) + "\n")
    (tmp_path / "c.csv").write_text(
        "Age; Pack-Years;quit years;Sex;emphysema;screening\n64;40;3;female;1;0\n", encoding="utf-8-sig"
    )
    told = [read_patient(each) for each in (ROW, tmp_path / "a.json", str(tmp_path / "b.csv"), tmp_path / "c.csv")]
    assert set(told) == {told[0]}
    assert told[0] == Clinical(age=64, sex="female", pack_years=40, quit_years=3, emphysema=True, screening=False)


@pytest.mark.parametrize(
    ("row", "error", "why"),
    [
        ({"agee": 64}, UnknownName, "did you mean 'age'"),
        ({"packyears": 3}, UnknownName, "did you mean 'pack_years'"),
        ({"age": 200}, InputError, "age lies from 0 to 120 \\(years\\), got 200"),
        ({"age": -1}, InputError, "age lies"),
        ({"age": "64 years"}, FormatError, "plain number \\(years\\)"),
        ({"age": True}, FormatError, "plain number"),
        ({"age": float("inf")}, FormatError, "plain number"),
        ({"age": 10**400}, FormatError, "plain number"),
        ({"sex": "x"}, FormatError, "female, male"),
        ({"cancer": "maybe"}, FormatError, "yes or no"),
        ({"cancer": 2}, FormatError, "yes or no"),
        ({"smoking": "often"}, FormatError, "never, former, current"),
        ({"age": 40, "quit_years": 50}, InputError, "contradicts itself"),
        ({"smoking": "never", "pack_years": 10}, InputError, "contradicts itself"),
        ({"smoking": "current", "quit_years": 2}, InputError, "contradicts itself"),
        ({"smoking": "former", "pack_years": 0}, InputError, "contradicts itself"),
    ],
)
def test_what_no_patient_has_is_refused(row: dict[str, Any], error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        read_patient(row)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"age": 64, "age": 65}', "age twice"),
        ('{"age": 64', "not JSON"),
        ("[1, 2]", "one JSON object"),
        ("[" * 9000, "not JSON"),
        ("age,sex\n", "a header and one row"),
        ("age,sex\n64,f\n65,m\n", "a header and one row"),
        ("age,sex\n64\n", "2 columns and 1 values"),
        ("age,Age\n64,65\n", "age twice"),
        ("This is a letter.\nNot a table.\n", "column of the patient table"),
    ],
)
def test_a_file_that_is_no_row_is_refused(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "patient.txt").write_text(text)
    with pytest.raises(InputError, match=why):
        read_patient(tmp_path / "patient.txt")


def test_bytes_a_folder_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "noise.csv").write_bytes(bytes(range(128, 256)))
    (tmp_path / "huge.csv").write_bytes(b"a" * (1 << 21))
    wrong = {tmp_path / "noise.csv": FormatError, tmp_path: FormatError, tmp_path / "huge.csv": FileError}
    for path, error in wrong.items():
        with pytest.raises(error, match="patient"):
            read_patient(path)
    with pytest.raises(FormatError, match="a path"):
        read_patient(3)


@pytest.mark.parametrize(
    ("row", "high"),
    [
        ({}, None),
        ({"smoking": "never"}, False),
        ({"pack_years": 0}, False),
        ({"pack_years": 29}, False),
        ({"pack_years": 30}, None),
        ({"pack_years": 30, "quit_years": 15}, True),
        ({"pack_years": 30, "quit_years": 16}, False),
        ({"quit_years": 20}, False),
        ({"smoking": "current"}, None),
        ({"smoking": "current", "pack_years": 31}, True),
    ],
)
def test_heavy_smoking_is_told_only_where_it_is_known(row: dict[str, Any], high: bool | None) -> None:
    assert read_patient(row).high_risk_smoking is high


def test_what_guidelines_ask_for_is_handed_on_as_it_is() -> None:
    asked = read_patient({"age": 50, "sex": "male", "pack_years": 12, "family_history": True}).asked()
    assert (asked.age, asked.female, asked.ever_smoked, asked.family_history) == (50, False, True, True)
    assert asked.cancer is None
    assert asked.screening is None
