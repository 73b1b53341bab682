from __future__ import annotations

import json

import pytest

from colonnade.knowledge.reports import Rows
from colonnade.verticals.finance.governance.dossier import CLOSING, Chapter, Head, expect, governance_of

HEAD = Head(
    task="finance/fraud", model={"name": "x"}, data="simulator", simulated=True, about="SIMULATED DATA.", keys=(),
    provenance={},
)  # fmt: skip
LINES = (
    expect("data", "Files are named", "digests", True, "2 files"),
    expect("fairness", "Errs alike", "ratios", False, "men 1.9"),
    expect("fairness", "Errs alike by age", "nothing", None, "no column age"),
)


def dossier(lines=LINES):
    chapter = Chapter(
        heading="Data", facts={"n": 3}, expects=lines, notes=("A note & more.",),
        tables=(Rows(header=("a", "b"), rows=(("one <x>", "2"),), caption="A table."),),
    )  # fmt: skip
    return governance_of(HEAD, [chapter])


def test_every_expectation_stands_in_the_closing_table_with_its_outcome_and_reason():
    page = dossier().report.html()
    closing = page[page.index(CLOSING) :]
    for line in LINES:
        assert line.expects in closing
        assert line.found in closing
    assert "✓ pass" in closing
    assert "✗ fail" in closing
    assert "– not run" in closing


def test_the_first_lines_say_how_many_were_met_and_that_data_are_simulated():
    made = dossier()
    assert made.counts() == {"pass": 1, "fail": 1, "not run": 1}
    assert made.summary.startswith("1 of 3 expectations met, 1 not met, 1 not run. SIMULATED DATA.")
    page = made.report.html()
    assert page.index("1 of 3 expectations met") < page.index("SIMULATED DATA") < page.index("1. Data")
    assert "SR 26-2" in page
    assert "replaced SR 11-7" in page


@pytest.mark.parametrize(("lines", "tone"), [(LINES, "bad"), (LINES[::2], "warn"), (LINES[:1], "good")])
def test_the_verdict_is_red_where_one_is_not_met(lines, tone):
    assert dossier(lines).report.tone == tone


def test_the_json_has_the_tables_and_notes_of_the_page(tmp_path):
    dossier().save(tmp_path / "out")
    written = json.loads((tmp_path / "out" / "governance.json").read_text())
    chapter = written["chapters"][0]
    assert chapter["tables"] == [{"caption": "A table.", "header": ["a", "b"], "rows": [["one <x>", "2"]]}]
    assert chapter["notes"] == ["A note & more."]
    assert chapter["facts"] == {"n": 3}
    assert [each["status"] for each in written["expectations"]] == ["pass", "fail", "not run"]
    assert (tmp_path / "out" / "governance.html").read_text().count("A note &amp; more.") == 1
