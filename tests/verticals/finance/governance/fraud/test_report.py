from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colonnade.apps.cli import main
from colonnade.core.errors import FormatError, UnknownName
from colonnade.verticals.finance.fraud import recipes
from colonnade.verticals.finance.fraud.boosting import Boosting
from colonnade.verticals.finance.fraud.pipeline import FraudPipeline, Settings
from colonnade.verticals.finance.fraud.sources import read_payments
from colonnade.verticals.finance.governance.fraud import case, outcomes, pointintime, reasons, report
from colonnade.verticals.finance.governance.fraud.groups import columns_beside

ROWS, DAYS = 5000, 50
CHAPTERS = (
    "identity", "data", "point in time", "outcomes", "controls", "calibration", "stability", "fairness",
    "reason codes", "latency", "monitoring",
)  # fmt: skip


def write(path: Path, *, labels: bool = True, seed: int = 0) -> Path:
    """Payments whose frauds are dear and come from some terminals; men's are stopped no more than women's."""
    random = np.random.default_rng(seed)
    time = np.sort(random.random(ROWS)) * DAYS * 86400 + 1_600_000_000
    terminal, card = random.integers(30, size=ROWS), random.integers(60, size=ROWS)
    fraud = random.random(ROWS) < np.where(terminal < 4, 0.25, 0.01)
    amount = np.round(random.lognormal(3, 0.5, ROWS) * np.where(fraud, 4, 1), 2)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "time", "card", "terminal", "amount", "sex", *(["fraud"] if labels else [])])
        for row in range(ROWS):
            said = [int(fraud[row])] if labels else []
            who = "women" if card[row] % 2 else "men"
            rows.writerow(
                [f"e{row}", f"{time[row]:.3f}", f"c{card[row]}", f"t{terminal[row]}", amount[row], who, *said]
            )
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("payments") / "payments.csv")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> FraudPipeline:
    """Fitted on other payments of the same kind."""
    payments = read_payments(write(tmp_path_factory.mktemp("before") / "before.csv", seed=1))
    model = recipes.fitted(recipes.lessons_of(payments), config=Boosting(rounds=30), folds=2)
    settings = Settings(names=model.names, stages=len(model.stages))
    folder = FraudPipeline(model, settings, {"trained_on": "before.csv: some"}).save(
        tmp_path_factory.mktemp("model") / "model"
    )
    return FraudPipeline.from_pretrained(folder)


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pointintime, "SAMPLE", 1200)
        patch.setattr(pointintime, "CUTS", 3)
        patch.setattr(pointintime, "LIVE", 50)
        patch.setattr(reasons, "SAMPLE", 40)
        patch.setattr(report, "TIMED", 50)
        yield


@pytest.fixture(scope="module")
def made(pipeline: FraudPipeline, data: Path, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "governance"
    return pipeline.governance(data, out=out, groups=("sex",)), out


def by_words(made, words: str):
    return next(each for each in made.expectations if words in each.expects)


def test_every_chapter_has_its_lines_in_the_closing_table(made):
    found, _ = made
    assert tuple(dict.fromkeys(each.chapter for each in found.expectations)) == CHAPTERS
    assert all(each.found for each in found.expectations)


def test_the_stream_is_proven_point_in_time_and_planted_leaks_are_found(made):
    found, _ = made
    lines = [each for each in found.expectations if each.chapter == "point in time"]
    assert [each.status for each in lines] == ["pass"] * 5
    facts = found.chapters[2]["facts"]
    assert sum(facts["labels_open_at_cuts"]) > 0
    assert all(cut["values"] > 10_000 for cut in facts["truncated"])


def test_page_json_and_pdf_are_written_and_say_the_same(made):
    found, out = made
    assert {each.name for each in out.iterdir()} == {"governance.html", "governance.json", "governance.pdf"}
    page, written = (out / "governance.html").read_text(), json.loads((out / "governance.json").read_text())
    assert "<script" not in page
    assert written["counts"] == found.counts()
    for chapter in written["chapters"]:
        assert chapter["heading"] in page
    assert written["chapters"][1]["facts"]["origin"]["files"][0]["sha256"] in page


def test_the_challenger_has_at_most_twelve_rules_and_is_printed_whole(made):
    found, _ = made
    rules = found.chapters[3]["facts"]["challenger"]
    assert 2 <= len(rules) <= 12
    table = next(each for each in found.chapters[3]["tables"] if "one and only one rule" in each["caption"])
    assert len(table["rows"]) == len(rules)
    assert sum(int(row[-1].replace(",", "")) for row in table["rows"]) == found.chapters[3]["facts"]["judged"]


def test_groups_are_read_beside_the_payments_and_are_no_feature(made, pipeline):
    found, _ = made
    groups = found.chapters[7]["facts"]["groups"]["sex"]
    assert {each["name"] for each in groups} == {"women", "men"}
    assert sum(each["count"] for each in groups) == found.chapters[3]["facts"]["judged"]
    assert not any("sex" in name for name in pipeline.fitted.names)


def test_reason_codes_lower_the_score_when_taken_back(made):
    found, _ = made
    assert by_words(found, "Neutralising").status == "pass"


def test_a_leak_in_the_stream_is_seen(pipeline, data, monkeypatch):
    """Labels are told to later payments at once, whatever their delay."""

    def peeking(events, labels=None, *, stream=None):
        return features(events, None if labels is None else replace(labels, known_at=events.time), stream=stream)

    features = pointintime.features_of
    monkeypatch.setattr(pointintime, "features_of", peeking)
    payments = read_payments(data)
    origin, _ = case.payments_of(data, 0)
    judged = case.case_of(
        origin, payments, pipeline.fitted, {}, decide=pipeline._decisions, groups={}, seed=0
    )  # fmt: skip
    lines = {each.expects: each.status for each in pointintime.point_in_time(judged).expects}
    assert lines["Labels are never read before their delay"] == "fail"
    assert lines["One code path for training and serving"] == "fail"


def test_a_checkpoint_fitted_on_the_data_is_not_held_back(pipeline, data):
    origin, payments = case.payments_of(data, 0)
    card = {"data_sha256": origin.sha256}
    judged = case.case_of(origin, payments, pipeline.fitted, card, decide=pipeline._decisions, groups={}, seed=0)
    assert "fitted on these very data" in judged.seen


def test_the_challenger_sees_nothing_of_the_judged_part(pipeline, data):
    origin, payments = case.payments_of(data, 0)
    judged = case.case_of(origin, payments, pipeline.fitted, {}, decide=pipeline._decisions, groups={}, seed=0)
    assert judged.lessons.known_at.max() <= judged.middle <= payments.events.time[judged.judged].min()
    assert 6 < judged.embargo / 86400 < 8
    assert len(outcomes.challenger(judged).rules) >= 2


def test_groups_follow_their_payments_when_a_file_is_out_of_order_or_json_lines(data, tmp_path):
    with data.open() as file:
        rows = list(csv.DictReader(file))
    np.random.default_rng(5).shuffle(rows)
    lines = tmp_path / "payments.jsonl"
    lines.write_text("\n".join(json.dumps(row) for row in rows))
    sex = {row["id"]: row["sex"] for row in rows}
    payments = read_payments(lines)
    found = columns_beside(lines, payments, ("sex",))["sex"]
    assert [sex[id] for id in payments.events.id] == found.tolist()


def test_payments_without_labels_and_groups_that_are_not_there_are_one_sentence(pipeline, data, tmp_path):
    bare = write(tmp_path / "bare.csv", labels=False)
    with pytest.raises(FormatError, match="no column fraud"):
        pipeline.governance(bare, out=tmp_path / "out")
    with pytest.raises(UnknownName, match="did you mean 'sex'"):
        pipeline.governance(data, out=tmp_path / "out", groups=("sexe",))
    assert not (tmp_path / "out").exists()


def test_the_command_refuses_in_a_sentence_and_writes_nothing(tmp_path, capsys):
    words = [
        "governance",
        "finance/fraud",
        "shipped",
        "--data",
        str(tmp_path / "none.csv"),
        "--out",
        str(tmp_path / "o"),
    ]
    assert main(words) == 2
    assert "there is no file" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_task_without_a_report_names_those_that_have_one(tmp_path, capsys):
    assert main(["governance", "medical/nodules", "shipped", "--out", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert "medical/nodules has no governance report" in said
    assert "finance/fraud" in said
    assert not (tmp_path / "o").exists()
