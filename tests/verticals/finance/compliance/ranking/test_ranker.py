from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.finance.compliance.book import Book
from colonnade.verticals.finance.compliance.metrics import case_reduction, reduction
from colonnade.verticals.finance.compliance.ranking.ranker import NetworkConfig, logits, network_of
from colonnade.verticals.finance.compliance.ranking.subgraph import graph_of
from colonnade.verticals.finance.compliance.ranking.training import Lesson, Schedule, lesson_of, train
from colonnade.verticals.finance.compliance.review import firings_of
from colonnade.verticals.finance.compliance.typologies.catalogue import BY_ID

RULES = [BY_ID[name] for name in ("STRUCT-1", "RAPID", "FANIN", "CYCLE")]


def test_a_network_that_has_learnt_nothing_answers_what_the_trees_say(book: Book):
    graphs = [graph_of(book, firing) for firing in firings_of(book, RULES)[:9]]
    trees = np.linspace(-4, 4, len(graphs))
    assert np.allclose(logits(network_of(NetworkConfig(), seed=1), graphs, trees), trees, atol=1e-5)


def test_too_few_right_alerts_are_refused(book: Book):
    firings = firings_of(book, RULES)[:12]
    lesson = lesson_of(book, firings, np.zeros(len(firings), bool))
    with pytest.raises(InputError, match="0 right alerts for training"):
        train([lesson], [lesson], Schedule())


@pytest.mark.parametrize("method", ["lora", "probe", "progressive"])
def test_a_method_moves_only_its_part_of_the_network_from_where_it_started(book: Book, method: str):
    firings = firings_of(book, RULES)[:12]
    told = lesson_of(book, firings, np.arange(len(firings)) % 2 == 0)
    times = 60 // len(firings)  # a made-up world is too small to learn from alone
    rows = np.random.default_rng(0).normal(size=(times * len(firings), told.rows.shape[1]))
    lesson = Lesson(rows, list(told.graphs) * times, np.tile(told.right, times))
    lessons = [lesson] * 2
    start, _ = train(lessons, lessons, Schedule(epochs=1, rounds=3))
    moved, _ = train(lessons, lessons, Schedule(epochs=1, rounds=3, seed=1), start=start, method=method)
    before, after = start.network.state_dict(), moved.network.state_dict()
    assert before.keys() == after.keys()
    changed = {name.split(".")[0] for name in before if not np.array_equal(before[name], after[name])}
    assert changed
    if method == "probe":
        assert not changed & {"encoders", "fusion", "decoder", "projections"}


def test_reduction_counts_what_lies_below_the_threshold_of_a_recall():
    scores, right = np.array([0.9, 0.8, 0.3, 0.2, 0.1]), np.array([True, False, True, False, False])
    assert reduction(scores, right, 0.5) == pytest.approx(0.8)
    assert reduction(scores, right) == pytest.approx(0.4)
    assert case_reduction(scores, [[0, 2]]) == pytest.approx(0.8), "one alert of a case is enough"
