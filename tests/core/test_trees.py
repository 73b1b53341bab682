"""Flattened trees: equal to scikit-learn's, with missing values and infinities of thresholds, one row or many."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from colonnade.core.errors import FormatError
from colonnade.core.trees import Trees
from colonnade.verticals.finance.fraud.boosting import Boosting, fit_trees, out_of_fold


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    rows = random.standard_normal((3000, 6))
    rows[random.random(rows.shape) < 0.2] = np.nan
    rows[:, 5] = np.where(random.random(3000) < 0.5, np.nan, 1.0)  # only whether it is there says something
    logit = 2 * np.nan_to_num(rows[:, 0]) + np.isnan(rows[:, 5]) * 2 - np.nan_to_num(rows[:, 1]) ** 2
    return rows, logit + random.standard_normal(3000) > 1


def test_flattened_trees_equal_scikit_learn(table):
    rows, yes = table
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(rows, yes)
    trees = Trees.of(model)
    assert np.abs(trees.raw(rows) - model.decision_function(rows)).max() < 1e-9
    edges = np.concatenate(
        [rows[:50], np.nextafter(rows[:50], np.inf), np.full((1, 6), np.nan), np.full((1, 6), 1e300)]
    )
    assert np.abs(trees.raw(edges) - model.decision_function(edges)).max() < 1e-9
    exact = np.tile(rows[:1], (len(trees.threshold), 1))
    inner = trees.threshold != 0
    exact[inner, trees.feature[inner] % 6] = trees.threshold[inner]  # on a threshold: the side must be the same
    assert np.abs(trees.raw(exact) - model.decision_function(exact)).max() < 1e-9


def test_one_row_scores_as_it_does_among_many(table):
    rows, yes = table
    trees = fit_trees(rows, yes, Boosting(rounds=30))
    many = trees.raw(rows[:64])
    assert many.tolist() == [trees.raw(rows[index : index + 1])[0] for index in range(64)]


def test_trees_come_back_from_their_tensors_and_broken_ones_are_refused(table):
    rows, yes = table
    trees = fit_trees(rows, yes, Boosting(rounds=10))
    tensors = trees.tensors()
    again = Trees.from_tensors(tensors)
    np.testing.assert_array_equal(again.raw(rows), trees.raw(rows))
    with pytest.raises(FormatError, match="point outside"):
        Trees.from_tensors(tensors | {"children": tensors["children"] + 10_000})


def test_thinning_keeps_the_logit_of_all_payments(table, monkeypatch):
    rows, yes = table
    monkeypatch.setattr("colonnade.verticals.finance.fraud.boosting.LEGITIMATE", 700)
    logits = fit_trees(rows, yes, Boosting(rounds=40)).raw(rows)
    assert (1 / (1 + np.exp(-logits))).mean() == pytest.approx(yes.mean(), abs=0.04)


def test_a_fold_knows_only_labels_known_before_it(table):
    rows, yes = table
    time = np.arange(len(rows)).astype(float)
    config = Boosting(rounds=5)
    found = out_of_fold(rows, yes, time, time + 100.0, config=config)
    assert np.isnan(found[:750]).all()
    assert np.isfinite(found[750:]).all()
    later = yes.copy()
    later[650:] = ~later[650:]  # known from 750 on
    other = out_of_fold(rows, later, time, time + 100.0, config=config)
    np.testing.assert_array_equal(found[750:1500], other[750:1500])
    views = out_of_fold(rows, yes, time, time + 100.0, config=config, views=[rows, np.full_like(rows, np.nan)])
    np.testing.assert_array_equal(views[:, :1], found)
    assert len(np.unique(views[750:1500, 1])) == 1
    assert (found[1500:] != other[1500:]).any()


def test_too_few_frauds_are_refused(table):
    rows, _ = table
    with pytest.raises(FormatError, match="at least 20"):
        fit_trees(rows, np.zeros(len(rows), bool), Boosting())
