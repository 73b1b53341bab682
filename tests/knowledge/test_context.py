from __future__ import annotations

import numpy as np
import pytest
import torch

from colonnade.core.encoders.graph import GraphConfig, GraphEncoder
from colonnade.core.errors import ConfigError, InputError
from colonnade.knowledge.context import ContextConfig, context, features_of
from colonnade.knowledge.graph import UnknownNode


def test_the_graph_encoder_reads_it(graph):
    config = ContextConfig(hops=1)
    noun = context(graph, {"s1": 0.9}, config)
    shape = GraphConfig(width=8, features=features_of(graph.schema, config), relations=len(graph.schema.edges), heads=2)
    encoder = GraphEncoder(shape)
    tokens = encoder(*encoder.collate([noun, None]))
    assert tokens.mask.sum().item() == len(noun.graph) == 5
    assert torch.isfinite(tokens.values).all()


def test_it_holds_the_facts_and_their_neighbours_with_the_edges_among_them(graph):
    found = context(graph, {"s3": 1.0, "d1": 0.5}, ContextConfig(hops=1)).graph
    assert set(found) == {"s3", "d1", "s1", "d2"}
    assert {(a, b) for a, b in found.edges()} == {("s3", "d2"), ("s1", "d1"), ("s1", "d2")}
    assert set(context(graph, {"s3": 1.0}, ContextConfig(hops=0)).graph) == {"s3"}


def test_features_tell_kind_fact_number_distance_and_identity(graph):
    found = context(graph, {"s1": 0.75}, ContextConfig(hops=1, identity=4)).graph
    fact, other, same = (found.nodes[each]["features"] for each in ("s1", "d1", "d2"))
    assert fact[:6].tolist() == [1, 0, 0, 1, 0.75, 0]
    assert other[:6].tolist() == same[:6].tolist() == [0, 1, 0, 0, 0, 1]
    assert not np.array_equal(other[6:], same[6:])


def test_the_nearest_are_kept_and_the_facts_always(graph):
    found = context(graph, {"c1": 1.0}, ContextConfig(hops=3, most=2)).graph
    assert list(found) == ["c1", "s1"]


def test_kinds_of_edges_and_nodes_can_be_chosen(graph):
    assert set(context(graph, {"s1": 1.0}, ContextConfig(through=("is_a",))).graph) == {"s1", "s2"}
    assert set(context(graph, {"s1": 1.0}, ContextConfig(only=("code",))).graph) == {"s1", "c1"}


def test_the_same_facts_give_the_same_graph(graph):
    first, second = (context(graph, {"s1": 0.5, "s3": 1.0}).graph for _ in range(2))
    assert list(first) == list(second)
    assert all(np.array_equal(first.nodes[each]["features"], second.nodes[each]["features"]) for each in first)


@pytest.mark.parametrize("facts", [{}, {"s1": float("nan")}, {f"n{each}": 1.0 for each in range(65)}], ids=len)
def test_facts_that_cannot_be_are_refused(graph, facts):
    with pytest.raises(InputError, match="facts with finite numbers"):
        context(graph, facts)


def test_what_the_graph_does_not_know_is_refused(graph):
    with pytest.raises(UnknownNode):
        context(graph, {"x9": 1.0})
    with pytest.raises(ConfigError, match="most"):
        ContextConfig(most=0)
