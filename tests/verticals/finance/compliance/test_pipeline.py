from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.errors import CheckpointError, MissingModality
from colonnade.core.result import Result
from colonnade.verticals.finance.compliance.pipeline import CompliancePipeline
from colonnade.verticals.finance.compliance.typologies.rule import MOST
from colonnade.verticals.finance.tasks import _bank


@pytest.fixture(scope="module")
def pipeline() -> CompliancePipeline:
    return CompliancePipeline.from_pretrained()


@pytest.fixture(scope="module")
def given() -> Mapping[str, str | Path]:
    return _bank()


@pytest.fixture(scope="module")
def result(pipeline: CompliancePipeline, given: Mapping[str, str | Path]) -> Result:
    return pipeline.predict(**given)


def test_an_alert_has_rule_clauses_evidence_and_what_is_missing(result: Result):
    assert result.alerts
    for alert in result.alerts:
        assert alert.clauses
        assert alert.missing
        assert 0 < sum(map(len, alert.evidence.values())) <= MOST
        assert 0 <= alert.score <= 1
    scores = [alert.score for alert in result.alerts]
    assert scores == sorted(scores, reverse=True)


def test_a_document_speaks_against_an_alert_and_is_cited(result: Result):
    assert any("KYC-" in said.source for alert in result.alerts for said in alert.counter_evidence)


def test_the_report_is_one_page_with_drawn_evidence_and_a_verified_draft(result: Result, tmp_path: Path):
    page = result.report.html()
    assert page.count("<svg") > 3
    sentences = result.report.sentences()
    for begin in ("Who: ", "What: ", "When: ", "Where: ", "Why: ", "How: "):
        assert any(each.startswith(begin) for each in sentences)
    saved = result.save(tmp_path / "out")
    assert {"result.json", "report.html"} <= {path.name for path in saved.iterdir()}


def test_without_lists_the_rules_that_need_them_are_named(
    pipeline: CompliancePipeline, given: Mapping[str, str | Path]
):
    short = pipeline.predict(payments=given["payments"], entities=given["entities"])
    assert "SANCTION" in short.not_run
    assert any("no lists" in warning for warning in short.warnings)


def test_payments_alone_are_not_enough(pipeline: CompliancePipeline, given: Mapping[str, str | Path]):
    with pytest.raises(MissingModality):
        pipeline.predict(payments=given["payments"])


def test_shares_of_an_explanation_sum_to_the_cases_expected(
    pipeline: CompliancePipeline, given: Mapping[str, str | Path], result: Result
):
    told = pipeline.explain(**given)
    assert told.value == pytest.approx(result.expected_cases)
    assert told.base == 0.0


def test_a_checkpoint_gives_the_same_scores(
    pipeline: CompliancePipeline, given: Mapping[str, str | Path], result: Result, tmp_path: Path
):
    again = CompliancePipeline.from_pretrained(pipeline.save(tmp_path / "model")).predict(**given)
    assert np.allclose([alert.score for alert in again.alerts], [alert.score for alert in result.alerts])


def test_trees_of_other_counters_are_refused(pipeline: CompliancePipeline, tmp_path: Path):
    checkpoint = pipeline.to_checkpoint()
    tensors = {**checkpoint.tensors, "trees.features": np.array(3)}
    folder = type(checkpoint)(kind=checkpoint.kind, config=checkpoint.config, tensors=tensors).save(tmp_path / "model")
    with pytest.raises(CheckpointError):
        CompliancePipeline.from_pretrained(folder)


def test_evaluate_shows_rules_and_trees_beside_the_ranker(
    pipeline: CompliancePipeline, given: Mapping[str, str | Path]
):
    told = pipeline.evaluate(Path(given["payments"]).parent)
    assert set(told.baselines) == {"rules alone (largest sum first)", "boosting on counters"}
    assert "payments+entities" in told.subsets
    assert 0 < told.metrics["case_recall"] <= 1
