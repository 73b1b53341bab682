"""Scores, decisions, reasons and metrics, each against what can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.finance.fraud import metrics
from colonnade.verticals.finance.fraud.reasons import GROUPS, group_of, members, reasons_of, rises
from colonnade.verticals.finance.fraud.records import DAY
from colonnade.verticals.finance.fraud.scoring import Budget, Calibration, Costs
from colonnade.verticals.finance.fraud.stream import NAMES


@pytest.fixture(scope="module")
def calibration():
    random = np.random.default_rng(0)
    logits = random.normal(-4, 1.5, 20_000)
    return Calibration.of(2 * logits + 1, random.random(20_000) < 1 / (1 + np.exp(-logits))), logits


def test_scores_are_calibrated_and_intervals_hold_what_comes(calibration):
    fitted, logits = calibration
    want = 1 / (1 + np.exp(-logits))
    assert np.abs(fitted.probabilities(2 * logits + 1) - want).max() < 0.05
    for logit in (-6.0, -3.0, 0.0):
        bounds = fitted.interval(2 * logit + 1)
        assert bounds.low <= bounds.value <= bounds.high
        assert bounds.high - bounds.low < 0.5
    again = Calibration.from_tensors(fitted.tensors())
    assert again.interval(0.3) == fitted.interval(0.3)


def test_the_decision_is_the_action_of_least_expected_cost():
    costs = Costs(loss=1.0, review=3.0, found=1.0, friction=2.0, refusal=25.0)
    assert costs.decide(0.001, 50.0) == "approve"
    assert costs.decide(0.2, 100.0) == "review"
    assert costs.decide(0.95, 5000.0) == "decline"
    assert costs.decide(0.02, 5000.0) == "review"  # the same chance of fraud matters more where more is at stake
    assert costs.of(0.2, 100.0)["approve"] == pytest.approx(20.0)
    with pytest.raises(InputError, match="not negative"):
        Costs(review=-1.0)


def test_a_budget_of_alerts_is_never_exceeded_and_goes_to_the_likeliest():
    scores, day = np.array([0.9, 0.2, 0.8, 0.7, 0.6, 0.1]), np.array([0, 0, 0, 0, 1, 1])
    budget = Budget.of(2, scores, 2.0)
    decisions = budget.decide(scores, day)
    assert decisions == ["review", "approve", "review", "approve", "review", "approve"]
    with pytest.raises(InputError, match="at least one"):
        Budget.of(0, scores, 2.0)


def test_every_feature_belongs_to_one_group_and_codes_are_few_and_ordered():
    groups = members(NAMES)
    assert sorted(np.concatenate(list(groups.values())).tolist()) == list(range(len(NAMES)))
    assert all(len(columns) for columns in groups.values())
    assert group_of("terminal_risk_7d") == "terminal"
    assert group_of("terminal_new_share") == "network"
    assert group_of("device_risk_7d") == "device"
    found = reasons_of({name: weight for weight, name in enumerate(GROUPS)})
    assert [reason.weight for reason in found] == [9, 8, 7, 6]
    assert reasons_of(dict.fromkeys(GROUPS, 0.01)) == ()
    assert all(reason.weight > 0 for reason in reasons_of({"amount": 2.0, "time": -3.0, "card": 0.0}))


def test_a_rise_is_what_the_logit_falls_by_without_the_group():
    groups = {"amount": np.array([0]), "time": np.array([1, 2])}
    found = rises(np.array([5.0, 1.0, 1.0]), np.zeros(3), groups, lambda rows: rows @ np.array([1.0, -2.0, 0.5]))
    assert found == {"amount": pytest.approx(5.0), "time": pytest.approx(-1.5)}


def test_card_precision_counts_cards_and_leaves_out_those_known_already():
    time, card = np.array([0.0, 1.0, 2.0, DAY]), np.array(["a", "a", "b", "c"])
    fraud, score = np.array([True, True, False, True]), np.array([0.1, 0.9, 0.8, 0.2])
    none = np.zeros(4, bool)
    found, possible = metrics.card_precision(score, fraud, time=time, card=card, known=none)
    assert found == possible == pytest.approx((1 / 100 + 1 / 100) / 2)  # one bad card on each day
    found, _ = metrics.card_precision(score, fraud, time=time, card=card, known=np.array([1, 1, 0, 0], bool))
    assert found == pytest.approx(1 / 200)
    known = metrics.known_cards(np.array(["a"] * 4), np.array([0, 5, 8, 20]) * DAY, np.array([1, 0, 0, 0], bool),
                                np.array([1.5, 9, 9, 9]) * DAY)  # fmt: skip
    assert known.tolist() == [False, True, True, False]


def test_value_detected_stops_at_five_false_alarms_for_a_fraud():
    score = -np.arange(20.0)
    fraud = np.zeros(20, bool)
    fraud[[0, 19]] = True
    assert metrics.value_detected(score, fraud, np.where(fraud, 10.0, 1.0)) == pytest.approx(0.5)
    assert metrics.best_f1(score, fraud) == pytest.approx(2 / 3)
    assert metrics.oracle_f1(fraud, fraud) == 1.0
