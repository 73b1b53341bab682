"""The pipeline on made-up payments: what it answers, that its reasons hold, and that adapting keeps what it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from colonnade.core.errors import FormatError
from colonnade.core.pipeline import FitOptions
from colonnade.verticals.finance.fraud import recipes
from colonnade.verticals.finance.fraud.boosting import Boosting
from colonnade.verticals.finance.fraud.pipeline import FraudPipeline, Settings
from colonnade.verticals.finance.fraud.records import DAY
from colonnade.verticals.finance.fraud.scoring import Costs
from colonnade.verticals.finance.fraud.sources import Payments
from colonnade.verticals.finance.fraud.stream import features_of

from .conftest import Made, made

SMALL = Boosting(rounds=12, rate=0.2, leaves=8)


@pytest.fixture(scope="module")
def world() -> Made:
    """Fraud is what costs much on a phone that others share."""
    whole = made(5, 1500, cards=20, days=40)
    random = np.random.default_rng(0)
    fraud = (whole.events.device == "phone a") & (random.random(1500) < 0.5)
    amount = np.where(fraud, whole.events.amount * 8 + 50, whole.events.amount)
    return Made(replace(whole.events, amount=amount), replace(whole.labels, fraud=fraud))


@pytest.fixture(scope="module")
def pipeline(world) -> FraudPipeline:
    model = recipes.fitted(recipes.lessons_of(Payments(*astuple(world))), config=SMALL)
    return FraudPipeline(model, Settings(names=model.names, stages=1), {"trained_on": "made-up payments"})


def astuple(world: Made):
    return world.events, world.labels


def test_fraud_scores_above_the_rest_and_the_answer_is_whole(pipeline, world):
    result = pipeline.predict(events=world.events)
    fraud = world.labels.fraud
    assert np.median(result.scores[fraud]) > 5 * np.median(result.scores[~fraud])
    plain = result.to_dict()
    assert {"score", "decision", "reasons", "interval", "alerts", "events"} <= plain.keys()
    assert plain["interval"]["low"] <= plain["score"] <= plain["interval"]["high"]
    assert all(len(alert["reasons"]) <= 4 for alert in plain["alerts"])
    assert "Alerts" in result.report.html()


def test_frauds_reported_early_are_learnt_from_only_when_honest_payments_of_their_day_are_settled(world):
    time, fraud = world.events.time, world.labels.fraud
    slow = replace(world.labels, known_at=time + np.where(fraud, 1.0, 15.0) * DAY)
    lessons = recipes.lessons_of(Payments(world.events, slow))
    assert lessons.time.max() <= time[-1] - 15 * DAY + 1
    assert (lessons.known_at >= lessons.time + 15 * DAY - 1).all()
    even = replace(world.labels, known_at=time + 7 * DAY)
    assert np.allclose(recipes.ripe_at(Payments(world.events, even), time[-1]), even.known_at, rtol=0, atol=1e-3)


def test_a_new_payment_with_history_scores_as_the_last_of_the_whole(pipeline, world):
    whole = pipeline.predict(events=Payments(world.events, world.labels))
    history = Payments(world.events[:-3], world.labels[:-3])
    alone = pipeline.predict(events=world.events[-3:], history=history)
    assert alone.score == whole.score
    with pytest.raises(FormatError, match="give what came before"):
        pipeline.predict(events=world.events[:3], history=history)


def test_text_and_device_given_apart_stand_for_those_of_the_newest_payment(pipeline, world):
    amount = np.array([*world.events.amount[:-1], 900.0])
    events = replace(world.events, amount=amount, device=np.array([*world.events.device[:-1], "phone a"]))
    blank = replace(events, device=np.array([*events.device[:-1], ""]))
    assert pipeline.predict(events=blank, device="phone a").score == pipeline.predict(events=events).score
    assert pipeline.predict(events=blank).score != pipeline.predict(events=events).score
    explained = pipeline.explain(events=blank, device="phone a")
    assert explained.value == pytest.approx(explained.base + sum(explained.modalities.values()))
    assert set(explained.parts["events"]["groups"]) >= {"amount", "device"}


def test_neutralising_the_group_of_a_code_lowers_the_score(pipeline, world):
    model = pipeline.fitted
    result = pipeline.predict(events=world.events)
    rows = model.rows(features_of(world.events))
    groups = model._groups
    assert result.alerts
    for alert in result.alerts[:20]:
        row = rows[np.flatnonzero(world.events.id == alert.id)[0]]
        for reason in alert.reasons:
            without = row.copy()
            without[groups[reason.code]] = model.usual[groups[reason.code]]
            fall = float(model.logits(row[None])[0] - model.logits(without[None])[0])
            assert fall == pytest.approx(reason.weight)
            assert fall > 0


def test_costs_and_budgets_decide(pipeline, world):
    free = pipeline.deciding(costs=Costs(review=1e9, refusal=1e9)).predict(events=world.events)
    assert set(free.decisions) == {"approve"}
    budget = pipeline.deciding(alerts=3).predict(events=world.events)
    days = world.events.time // 86400
    for day in np.unique(days):
        assert sum(budget.decisions[row] == "review" for row in np.flatnonzero(days == day)) <= 3


def test_a_checkpoint_gives_the_same_scores(pipeline, world, tmp_path):
    pipeline.save(tmp_path / "model")
    again = FraudPipeline.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(
        again.predict(events=world.events).scores, pipeline.predict(events=world.events).scores
    )


@pytest.mark.parametrize("method", ["probe", "lora", "progressive"])
def test_an_adapted_model_keeps_the_trees_it_came_from(method, pipeline, world):
    payments = Payments(*astuple(world))
    found, card = recipes.made(pipeline.fitted, payments, FitOptions(method=method, epochs=3))
    assert found.stages[0] is pipeline.fitted.stages[0]
    assert len(found.stages) == (1 if method == "probe" else 2)
    assert card["method"] == method
    rows = found.rows(features_of(*astuple(world)))
    again = type(found).from_tensors(found.tensors(), found.names, len(found.stages))
    np.testing.assert_array_equal(again.logits(rows), found.logits(rows))


def test_the_program_scores_as_the_model_does(pipeline, world):
    program = pipeline.program()
    rows = pipeline.fitted.rows(features_of(*astuple(world)))
    with torch.no_grad():
        logits = program.module(torch.from_numpy(rows.astype(np.float32))).numpy()
    want = pipeline.fitted.calibration.probabilities(pipeline.fitted.logits(rows))
    assert np.abs(1 / (1 + np.exp(-logits)) - want).max() < 1e-5
    assert set(program.cases) == {"events", "events+text", "events+device", "events+text+device"}


def test_evaluate_gives_metrics_intervals_baselines_and_subsets(pipeline, world, tmp_path):
    from colonnade.verticals.finance.fraud.samples import write_payments

    write_payments(tmp_path / "payments.csv", world.events, world.labels)
    found = pipeline.evaluate(tmp_path)
    assert {"average_precision", "roc_auc", "card_precision_100", "value_detected", "f1", "ece"} <= found.metrics.keys()
    assert "boosting_aggregates" in found.baselines
    assert set(found.subsets) == {"events", "events+text", "events+device", "events+text+device"}
    assert found.intervals["average_precision"][0] < found.metrics["average_precision"]


def test_data_without_labels_are_refused_by_name(pipeline, tmp_path):
    (tmp_path / "p.csv").write_text("time,card,terminal,amount\n2024-05-01 10:00:00,c,t,5\n")
    with pytest.raises(FormatError, match="no column fraud"):
        pipeline.evaluate(tmp_path)
    with pytest.raises(FormatError, match="no column fraud"):
        pipeline.fit_on(tmp_path, FitOptions())
