from __future__ import annotations

import json
from pathlib import Path

import pytest

from colonnade.core.errors import FileError, FormatError
from colonnade.verticals.finance.notes.read import read_filing
from colonnade.verticals.finance.notes.records import Filing

TABLE = [["", "2019", "2018"], ["Sales", "$12", "$10"]]


def test_a_page_gives_its_tables_and_the_text_between_them(filing: Filing):
    assert [grid.title for grid in filing.tables] == ["Income statement", "Balance sheet, extract"]
    assert all(grid.scale == "thousand" for grid in filing.tables)
    assert any("glass" in each.text for each in filing.paragraphs)
    assert not any("41,250" in each.text for each in filing.paragraphs)


def test_a_csv_takes_the_text_beside_it(tmp_path: Path):
    (tmp_path / "f.csv").write_text("\n".join(",".join(row) for row in TABLE))
    (tmp_path / "f.txt").write_text("One.\n\nTwo.")
    found = read_filing(tmp_path / "f.csv")
    assert [each.text for each in found.paragraphs] == ["One.", "Two."]
    assert [cell.value for cell in found.cells()] == [12, 10]
    assert read_filing(tmp_path).tables[0].lines == found.tables[0].lines


def test_a_document_of_tatqa_is_read(tmp_path: Path):
    document = {"table": {"uid": "t", "table": TABLE}, "paragraphs": [{"order": 3, "text": "All in thousands."}]}
    (tmp_path / "d.json").write_text(json.dumps([document]))
    assert read_filing(tmp_path / "d.json").tables[0].cells[0].label == "Sales"


@pytest.mark.parametrize(
    ("name", "text"),
    [("f.html", "<p>no table</p>"), ("f.json", "{}"), ("f.json", "[1]"), ("f.json", "nonsense"),
     ("f.csv", "a,b\nc,d\n"),
     ("f.docx", "x")],
)  # fmt: skip
def test_what_is_no_filing_is_refused(name: str, text: str, tmp_path: Path):
    (tmp_path / name).write_text(text)
    with pytest.raises((FormatError, FileError)):
        read_filing(tmp_path / name)
