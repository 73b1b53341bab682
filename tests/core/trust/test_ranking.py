from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from colonnade.core.errors import FormatError, InputError
from colonnade.core.trust.ranking import Ranking, compare


def drawn(rows: int = 400, seed: int = 0):
    random = np.random.default_rng(seed)
    happened = random.random(rows) < 0.2
    score = np.round(random.normal(happened, 1.0), 1)  # with ties
    return score, happened, random.integers(0, 5, rows).astype(float), random.integers(0, 20, rows)


def test_both_metrics_are_those_of_scikit_learn_with_ties_and_weights():
    score, happened, weights, _ = drawn()
    found = Ranking.of(score, happened).measure(weights)
    assert found["average_precision"] == pytest.approx(average_precision_score(happened, score, sample_weight=weights))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(happened, score, sample_weight=weights))


def test_weights_stand_for_rows_that_were_thinned_out():
    score, happened, _, _ = drawn()
    twice = np.repeat(np.arange(len(score)), np.where(happened, 1, 3))
    whole = Ranking.of(score[twice], happened[twice]).measure()
    assert Ranking.of(score, happened).measure(np.where(happened, 1.0, 3.0)) == pytest.approx(whole)


def test_a_difference_is_of_the_same_draws_and_is_nothing_against_itself():
    score, happened, _, groups = drawn()
    found = compare({"a": score, "b": 2 * score, "c": -score}, happened, groups=groups, against="a", rounds=50)
    same = found["b"].less["average_precision"]
    assert same.value == same.low == same.high == 0
    assert found["c"].less["roc_auc"].high < 0
    one = found["a"].metrics["roc_auc"]
    assert one.low < one.value < one.high


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(FormatError, match="both kinds"):
        Ranking.of(np.zeros(3), np.zeros(3, bool))
    with pytest.raises(FormatError, match="NaN"):
        Ranking.of(np.array([0.0, np.nan]), np.array([True, False]))
    with pytest.raises(InputError, match="two groups"):
        compare({"a": np.arange(4.0)}, np.array([0, 1, 0, 1]) > 0, groups=np.zeros(4), against="a")
    with pytest.raises(InputError, match="'b'"):
        compare({"a": np.arange(4.0)}, np.array([0, 1, 0, 1]) > 0, groups=np.arange(4), against="b")
