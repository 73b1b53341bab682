from __future__ import annotations

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from colonnade.core.errors import FormatError
from colonnade.core.trust.rulelist import DEPTH, fit_rules


def table(rows: int = 3000, seed: int = 0):
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, 4)).astype(np.float32)
    values[random.random(rows) < 0.2, 1] = np.nan
    rate = np.where((values[:, 0] > 1) & (np.nan_to_num(values[:, 1]) < 0.5), 0.7, 0.05)
    return values, random.random(rows) < rate


def written(name: str, value: float) -> str:
    return f"{value:.2f}"


def test_one_and_only_one_rule_holds_for_any_row():
    values, happened = table()
    rules = fit_rules(values, happened, "abcd")
    others = np.random.default_rng(1).normal(size=(500, 4)) * 3
    others[::3, :] = np.nan
    held = np.zeros((len(rules.rules), len(others)), bool)
    for place, rule in enumerate(rules.rules):
        held[place] = np.all([each.holds(others) for each in rule.conditions], axis=0)
    assert (held.sum(axis=0) == 1).all()


def test_it_answers_as_the_tree_it_was_grown_as():
    values, happened = table()
    rules = fit_rules(values, happened, "abcd", least=50)
    tree = DecisionTreeClassifier(
        criterion="entropy", max_leaf_nodes=12, max_depth=DEPTH, min_samples_leaf=50, random_state=0
    ).fit(values, happened)
    assert np.abs(rules.values(values) - tree.predict_proba(values)[:, 1]).max() < 0.02  # half a row either side
    ranked = np.argsort([rule.value for rule in rules.rules])
    assert list(ranked) == list(range(len(ranked)))[::-1]


def test_there_are_at_most_twelve_and_a_reader_can_hold_each():
    values, happened = table()
    rules = fit_rules(values, happened, ("amount", "age", "c", "d"))
    assert 2 <= len(rules.rules) <= 12
    assert all(len(rule.conditions) <= DEPTH for rule in rules.rules)
    first = rules.rules[0].sentence(written)
    assert "amount over 0.9" in first or "amount over 1.0" in first
    assert "or not known" in first  # age was missing at times


def test_weights_count_as_rows():
    values, happened = table()
    weights = np.where(happened, 1.0, 10.0)
    rules = fit_rules(values, happened, "abcd", weights=weights)
    assert sum(rule.count for rule in rules.rules) == pytest.approx(weights.sum(), abs=12)
    rare = np.average(rules.values(values), weights=weights)
    assert rare == pytest.approx(np.average(happened, weights=weights), rel=0.05)


def test_a_number_is_predicted_by_its_mean():
    values, _ = table()
    target = np.where(values[:, 2] > 0, 2.0, -1.0)
    found = fit_rules(values, target, "abcd").values(values)
    assert np.abs(found - target).max() < 1e-9


def test_too_few_rows_are_refused():
    with pytest.raises(FormatError, match="100 rows"):
        fit_rules(np.zeros((10, 2)), np.zeros(10, bool), "ab")
