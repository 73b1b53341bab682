"""The assistant's dossier on messages of its own, without the sentence encoder."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import FormatError, InputError, UnknownName
from colonnade.core.pipeline import FitOptions
from colonnade.verticals.finance.assistant import sentences
from colonnade.verticals.finance.assistant.pipeline import AssistantPipeline
from colonnade.verticals.finance.governance.assistant import answers, case, outcomes, report
from colonnade.verticals.finance.governance.assistant.sayings import FRAMES, SAYINGS, STRANGE, said

TOPICS = ("card_arrival", "change_pin", "exchange_rate", "terminate_account", "age_limit")
CHAPTERS = (
    "identity", "data", "leaks", "outcomes", "controls", "calibration", "stability", "fairness", "evidence", "latency",
    "monitoring",
)  # fmt: skip


def write(folder: Path, *, swapped: bool = False) -> Path:
    """Two sides of other frames; `swapped` gives every judged message the intent of another."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frames, sayings in (("train.csv", FRAMES[:4], slice(0, 3)), ("test.csv", FRAMES[4:8], slice(1, 4))):
        rows = [(form.format(text), topic) for topic in TOPICS for text in SAYINGS[topic][sayings] for form in frames]
        if name == "test.csv":
            if swapped:
                rows = [(text, TOPICS[(TOPICS.index(topic) + 1) % len(TOPICS)]) for text, topic in rows]
            rows += [(text, "out_of_scope") for text in STRANGE]
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([("text", "category"), *rows])
    return folder


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentences, "available", lambda: False)
        patch.setattr(report, "CALLS", 5)
        yield


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> AssistantPipeline:
    """Fitted on other messages of these topics."""
    path = tmp_path_factory.mktemp("taught") / "train.csv"
    with path.open("w", newline="") as file:
        rows = [(form.format(text), topic) for topic in TOPICS for text in SAYINGS[topic] for form in FRAMES]
        csv.writer(file).writerows([("text", "category"), *rows])
    fitted = AssistantPipeline.from_pretrained().fit_on(path, FitOptions(method="probe"))
    return AssistantPipeline.from_pretrained(fitted.save(tmp_path_factory.mktemp("model") / "model"))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("messages"))


@pytest.fixture(scope="module")
def made(pipeline: AssistantPipeline, data: Path, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "governance"
    return pipeline.governance(data, out=out), out


def by_words(found, words: str):
    return next(each for each in found.expectations if words in each.expects)


def test_every_chapter_has_its_lines_and_says_the_same_as_json(made):
    found, out = made
    assert tuple(dict.fromkeys(each.chapter for each in found.expectations)) == CHAPTERS
    assert all(each.found for each in found.expectations)
    assert json.loads((out / "governance.json").read_text())["counts"] == found.counts()
    page = (out / "governance.html").read_text()
    assert found.chapters[1]["facts"]["origin"]["files"][0]["sha256"] in page


def test_messages_that_are_nearly_learnt_ones_are_left_out_and_planted_ones_found(made):
    found, _ = made
    assert found.chapters[1]["facts"]["left_out_as_twins"] > 0
    lines = [each.status for each in found.expectations if each.chapter == "leaks"]
    assert lines == ["pass", "pass"]


def test_without_the_cited_page_there_is_no_answer(made):
    found, _ = made
    facts = found.chapters[8]["facts"]
    assert facts["answered_from_pages"] > 10
    assert by_words(found, "Removing the cited page").status == "pass"
    assert by_words(found, "No word of an answer").status == "pass"


def test_an_answer_that_stays_without_its_page_is_a_failure(pipeline, data, monkeypatch):
    """Replies are made of pages that were learnt by heart."""
    judged = case.case_of(pipeline.reader, {}, data, seed=0)
    honest, kept = answers.reply_to, judged.articles

    def by_heart(message, **given):
        return honest(message, **{**given, "articles": kept})

    monkeypatch.setattr(answers, "reply_to", by_heart)
    lines = {each.expects: each.status for each in answers.answers(judged).expects}
    assert lines["Removing the cited page removes the answer"] == "fail"
    assert lines["An answer says what its page says now"] == "fail"
    assert lines["Removing another page changes nothing"] == "pass"


def test_what_was_not_run_says_why(made):
    found, _ = made
    idle = {each.expects: each.found for each in found.expectations if each.status == "not run"}
    assert "no column of persons" in idle["The decision errs alike for groups"]
    assert "pip install" in idle["MiniLM with logistic regression stands beside it"]
    assert "12 rules that each name one" in idle["A challenger of at most 12 rules"]


def test_a_checkpoint_that_reads_wrong_is_shown_worse_than_its_baselines(pipeline, data, tmp_path):
    """The judged side's intents are turned, and so are those that the baselines learn from, not the checkpoint's."""
    judged = case.case_of(pipeline.reader, {}, write(tmp_path / "turned", swapped=True), seed=0)
    turned = tuple(TOPICS[(TOPICS.index(each) + 1) % len(TOPICS)] for each in judged.learnt.intents)
    lines = outcomes.outcomes(replace(judged, learnt=replace(judged.learnt, intents=turned))).chapter.expects
    failed = [each.expects for each in lines if each.status == "fail"]
    assert "No baseline of the same run is better beyond chance" in failed
    assert "Its recipe, fitted here, is not better beyond chance" in failed


def test_a_checkpoint_fitted_on_the_data_is_not_held_back(pipeline, data):
    from colonnade.core import digest

    judged = case.case_of(pipeline.reader, {"data_sha256": digest.of_file(data / "train.csv")}, data, seed=0)
    line = report.lineage(judged).expects[1]
    assert line.status == "fail"
    assert "these very data" in line.found


def test_one_file_is_parted_with_every_intent_on_both_sides(pipeline, data):
    learnt, judged = case._read(data / "train.csv", 0)
    assert set(learnt.intents) == set(judged.intents) == set(TOPICS)
    assert not set(learnt.texts) & set(judged.texts)


def test_made_up_messages_of_the_two_sides_are_of_other_sayings():
    learnt, judged, strange = said(np.random.default_rng(0))
    assert not set(learnt.sayings) & set(judged.sayings)
    assert set(learnt.intents) == set(judged.intents) == set(SAYINGS)
    assert len(strange) == len(STRANGE)


def test_groups_few_messages_and_unknown_intents_are_one_sentence(pipeline, data, tmp_path):
    with pytest.raises(InputError, match="no groups of people"):
        pipeline.governance(data, groups=("sex",))
    few = tmp_path / "few.csv"
    few.write_text("text,category\n" + "\n".join(f"say {n} {t},{t}" for t in TOPICS[:2] for n in range(8)) + "\n")
    with pytest.raises(FormatError, match="at least 20 are needed"):
        pipeline.governance(few)
    strange = tmp_path / "strange.csv"
    strange.write_text("text,category\n" + "\n".join(f"w{n} x{n} {t},{t}" for t in "ab" for n in range(50)) + "\n")
    with pytest.raises(UnknownName, match="intent of this model"):
        pipeline.governance(strange)
