from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colonnade.core import digest
from colonnade.core.errors import FormatError, InputError
from colonnade.verticals.finance.governance.notes import case, claims, controls, lineage, outcomes, report
from colonnade.verticals.finance.governance.notes.simulated import filings, text_of
from colonnade.verticals.finance.notes.check import faults
from colonnade.verticals.finance.notes.evaluation import tried
from colonnade.verticals.finance.notes.findings import findings_of
from colonnade.verticals.finance.notes.grammar import cited, claim_of
from colonnade.verticals.finance.notes.pipeline import NotesPipeline
from colonnade.verticals.finance.notes.read import filing_of

CHAPTERS = (
    "identity", "data", "leaks", "outcomes", "controls", "calibration", "stability", "fairness", "evidence", "latency",
    "monitoring",
)  # fmt: skip


def write(path: Path, *, count: int = 22, twin: bool = False) -> Path:
    """Made-up filings in the layout of TAT-QA; with a twin, one of them is there twice."""
    documents = []
    for filing, asked in filings(np.random.default_rng(5), count):
        documents.append({
            "table": {"table": [list(line) for line in filing.tables[0].lines]},
            "paragraphs": [{"order": each.order, "text": each.text} for each in filing.paragraphs],
            "questions": [
                {"question": each.question, "answer": list(each.values), "scale": each.scale, "answer_type": each.kind,
                 "derivation": each.derivation, "answer_from": each.source, "rel_paragraphs": list(each.paragraphs)}
                for each in asked
            ],
        })  # fmt: skip
    path.write_text(json.dumps([*documents, *([documents[0]] * 6 if twin else [])]))
    return path


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "CALLS", 5)
        patch.setattr(controls, "MOST", 40)
        yield


@pytest.fixture(scope="module")
def pipeline() -> NotesPipeline:
    return NotesPipeline.from_pretrained()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("filings") / "asked.json")


@pytest.fixture(scope="module")
def made(pipeline: NotesPipeline, data: Path, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "governance"
    return pipeline.governance(data, out=out), out


@pytest.fixture(scope="module")
def judged(pipeline: NotesPipeline, data: Path) -> case.Case:
    return case.case_of(pipeline.scorer, {}, data, seed=0)


def test_every_chapter_has_its_lines_and_says_the_same_as_json(made):
    found, out = made
    assert tuple(dict.fromkeys(each.chapter for each in found.expectations)) == CHAPTERS
    assert all(each.found for each in found.expectations)
    assert json.loads((out / "governance.json").read_text())["counts"] == found.counts()
    assert found.chapters[1]["facts"]["origin"]["files"][0]["sha256"] in (out / "governance.html").read_text()


def test_no_claim_is_unsupported_and_every_planted_falsehood_is_caught(made):
    found, _ = made
    facts = found.chapters[8]["facts"]
    assert facts["claims"] > 100
    assert facts["unsupported_claim_rate"] == 0
    assert facts["planted"] > 300
    assert {kind for kind, (planted, _) in facts["by_kind"].items() if planted} >= {"number", "year", "sign", "unit"}
    assert [each.status for each in found.expectations if each.chapter == "evidence"] == ["pass"] * 5


def test_a_claim_falls_with_each_of_its_cells_and_not_with_another():
    ((filing, _),) = filings(np.random.default_rng(1), 1)
    for finding in findings_of(filing):
        sentence, own = claim_of(finding, filing).sentence(), cited(finding)
        assert all(faults(sentence, claims.without(filing, key)) for key in own)
    other = next(cell.key for cell in filing.cells() if cell.key not in own and cell.row != finding.cells[0].row)
    assert len(list(claims.without(filing, other).cells())) == len(list(filing.cells())) - 1


def test_a_number_that_is_printed_twice_holds_until_both_are_gone():
    filing = filing_of({
        "table": {"table": [["(in thousands)", "2020", "2019"], ["Lamps", "120", "90"], ["Pumps", "33", "44"],
                            ["Lamps", "120", "90"]]},
        "paragraphs": [],
    }, "twice")  # fmt: skip
    finding = findings_of(filing)[0]
    sentence, key = claim_of(finding, filing).sentence(), cited(finding)[0]
    assert not faults(sentence, claims.without(filing, key))
    assert faults(sentence, claims.without(filing, key, *claims._same(filing, key)))


def test_a_checker_that_takes_everything_is_seen(judged, monkeypatch):
    honest = claims.claims(judged)
    assert {each.status for each in honest.expects} == {"pass"}
    monkeypatch.setattr(claims, "faults", lambda sentence, filing: ())
    lines = {each.expects: each.status for each in claims.claims(judged).expects}
    assert lines["Deleting the cited cell makes the claim fail"] == "fail"


def test_changes_are_counted_by_kind(judged):
    found = tried(judged.filings[:3], seed=0)
    assert found.planted == sum(planted for planted, _ in found.changes.values()) > 0
    assert found.caught == found.planted


def test_documents_that_are_there_twice_are_left_out_of_the_judged(pipeline, tmp_path):
    twice = case.case_of(pipeline.scorer, {}, write(tmp_path / "twice.json", count=24, twin=True), seed=0)
    assert twice.twins > 0
    assert not {text_of(filing) for filing, _ in twice.learnt} & {text_of(filing) for filing, _ in twice.judged}
    assert lineage.leaks(twice).expects[0].status == "pass"


def test_a_scorer_that_learnt_nothing_is_not_better_than_the_best_row_and_column(judged, monkeypatch):
    """The checkpoint that ships stands for what is fitted here."""
    monkeypatch.setattr(outcomes, "lessons_of", lambda asked: asked)
    monkeypatch.setattr(outcomes, "fit", lambda lessons: judged.scorer)
    blank = replace(judged.scorer, **{
        name: np.zeros_like(getattr(judged.scorer, name)) for name in ("operations", "bias", "programs", "spans")
    })  # fmt: skip
    lines = {each.expects: each.status for each in outcomes.outcomes(replace(judged, scorer=blank)).chapter.expects}
    assert lines["The best row and column alone is worse beyond chance"] == "fail"
    assert lines["Its recipe, fitted here, is not better beyond chance"] == "fail"


def test_a_checkpoint_fitted_on_the_data_is_not_held_back(judged, data):
    seen = replace(judged, card={"data_sha256": digest.of_file(data)})
    assert [each.status for each in lineage.lineage(judged).expects] == ["pass"] * 3
    assert lineage.lineage(seen).expects[1].status == "fail"


def test_groups_and_too_few_documents_are_one_sentence(pipeline, data, tmp_path):
    with pytest.raises(InputError, match="no groups of people"):
        pipeline.governance(data, groups=("sex",))
    with pytest.raises(FormatError, match="at least 10 on either side"):
        pipeline.governance(write(tmp_path / "few.json", count=8), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
