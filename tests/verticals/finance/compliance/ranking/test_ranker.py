from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.verticals.finance.compliance.book import Book
from colonnade.verticals.finance.compliance.metrics import case_reduction, reduction
from colonnade.verticals.finance.compliance.ranking.ranker import NetworkConfig, logits, network_of
from colonnade.verticals.finance.compliance.ranking.subgraph import graph_of
from colonnade.verticals.finance.compliance.ranking.training import Schedule, lesson_of, train
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


def test_reduction_counts_what_lies_below_the_threshold_of_a_recall():
    scores, right = np.array([0.9, 0.8, 0.3, 0.2, 0.1]), np.array([True, False, True, False, False])
    assert reduction(scores, right, 0.5) == pytest.approx(0.8)
    assert reduction(scores, right) == pytest.approx(0.4)
    assert case_reduction(scores, [[0, 2]]) == pytest.approx(0.8), "one alert of a case is enough"
