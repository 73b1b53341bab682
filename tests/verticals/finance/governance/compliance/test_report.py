from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import FormatError, UnknownName
from colonnade.verticals.finance.compliance.pipeline import CompliancePipeline
from colonnade.verticals.finance.compliance.ranking.counters import NAMES
from colonnade.verticals.finance.compliance.records import DAY
from colonnade.verticals.finance.compliance.simulation.world import Size, world, write_world
from colonnade.verticals.finance.governance.compliance import case, controls, faithful, lineage, pointintime, report

CHAPTERS = (
    "identity", "data", "point in time", "outcomes", "controls", "calibration", "stability", "fairness", "evidence",
    "latency", "monitoring",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pointintime, "CUTS", 1)
        patch.setattr(faithful, "SAMPLE", 15)
        patch.setattr(report, "REVIEWS", 2)
        yield


@pytest.fixture(scope="module")
def pipeline() -> CompliancePipeline:
    return CompliancePipeline.from_pretrained()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    made = world(5, Size(persons=40, days=240, planted=2, lookalikes=2))
    return write_world(made, tmp_path_factory.mktemp("bank") / "case")


@pytest.fixture(scope="module")
def judged(pipeline: CompliancePipeline, data: Path) -> case.Case:
    return case.case_of(pipeline.ranker, {}, data, seed=0)


@pytest.fixture(scope="module")
def made(pipeline: CompliancePipeline, data: Path, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "governance"
    return pipeline.governance(data, out=out, groups=("kind",)), out


def by_words(found, words: str):
    return next(each for each in found.expectations if words in each.expects)


def test_every_chapter_has_its_lines_and_says_the_same_as_json(made):
    found, out = made
    assert tuple(dict.fromkeys(each.chapter for each in found.expectations)) == CHAPTERS
    assert all(each.found for each in found.expectations)
    assert json.loads((out / "governance.json").read_text())["counts"] == found.counts()
    files = found.chapters[1]["facts"]["origin"]["files"]
    assert {each["name"] for each in files} >= {"payments.csv", "entities.json", "truth.csv"}
    assert files[0]["sha256"] in (out / "governance.html").read_text()


def test_rules_and_ranker_have_cards_of_their_own(made):
    found, _ = made
    parts = {each["name"]: each for each in found.chapters[0]["facts"]["inventory"]}
    assert parts["rule engine"]["kind"] == "rules set by people"
    assert parts["ranker"]["kind"] == "learned model"
    assert parts["rule engine"]["module"] != parts["ranker"]["module"]


def test_reviews_are_proven_point_in_time_and_planted_leaks_are_found(made):
    found, _ = made
    facts = found.chapters[2]["facts"]
    assert sum(facts["not_known_yet"]) > 0
    assert by_words(found, "Nothing is read that was not known").status == "pass"
    assert by_words(found, "No alert moves when later rows").status == "pass"
    assert by_words(found, "The tests above can fail").status == "pass"
    assert facts["at once"][0]["moved"] > 0 < facts["hindsight"][0]["moved"]


def test_a_review_that_reads_what_is_not_known_yet_is_seen(judged, monkeypatch):
    """Whenever a book is made, every payment counts as known at once."""
    honest = pointintime.book_of

    def peeking(payments, *given, **more):
        return honest(replace(payments, known_at=payments.time), *given, **more)

    monkeypatch.setattr(pointintime, "book_of", peeking)
    lines = {each.expects: each.status for each in pointintime.point_in_time(judged).expects}
    assert lines["Nothing is read that was not known"] == "fail"
    assert lines["No alert moves when later rows are changed"] == "fail"


def test_without_its_evidence_every_rule_is_silent(made):
    found, _ = made
    facts = found.chapters[8]["facts"]
    assert facts["silent_without"] == facts["alerts"] == facts["drafts_carried"] > 10


def test_evidence_that_leaves_something_out_is_a_failure(judged):
    """Only the first of what each alert rests on is cited."""
    first = [
        replace(seen, firings=tuple(replace(each, rows=each.rows[:1], links=(), entries=()) for each in seen.firings))
        for seen in judged.seen
    ]
    lines = {each.expects: each.status for each in faithful.faithful(replace(judged, seen=tuple(first))).expects}
    assert lines["Deleting the cited subgraph makes the rule silent"] == "fail"


def test_sides_are_apart_by_the_embargo_and_share_no_case(judged):
    assert judged.at[judged.learnt].max() + case.EMBARGO * DAY <= judged.at[judged.judged].min()
    assert [each.status for each in lineage.lineage(judged).expects] == ["pass"] * 4
    seen = judged.seen[0].cases
    sides = [frozenset[str]().union(*(seen[alert] for alert in part)) for part in (judged.learnt, judged.judged)]
    assert sides[0]
    assert not sides[0] & sides[1]


def test_every_counter_is_in_one_family():
    columns = np.concatenate(list(controls.families().values()))
    assert sorted(columns.tolist()) == list(range(len(NAMES)))
    named = {name: {NAMES[at] for at in columns} for name, columns in controls.families().items()}
    assert "in_worth_7" in named["flows"]
    assert "in_against_income" in named["holder"]
    assert "payment_told" in named[controls.TOLD]


def test_groups_are_of_parties_and_others_are_refused(made, pipeline, data, tmp_path):
    found, _ = made
    kinds = {each["name"] for each in found.chapters[7]["facts"]["groups"].get("kind", ())}
    assert kinds or "kind" in found.chapters[7]["facts"]["refused"]
    with pytest.raises(UnknownName, match="did you mean 'country'"):
        pipeline.governance(data, out=tmp_path / "out", groups=("contry",))
    assert not (tmp_path / "out").exists()


def test_too_few_cases_are_one_sentence(pipeline, tmp_path):
    small = write_world(world(6, Size(persons=20, days=90, planted=1, lookalikes=0, typologies=("FANIN",))),
                        tmp_path / "small")  # fmt: skip
    with pytest.raises(FormatError, match="at least 10 and some others are needed"):
        pipeline.governance(small, out=tmp_path / "out")
