from __future__ import annotations

import random

import networkx
import pytest

from colonnade.core.errors import InputError, UnknownName
from colonnade.knowledge.graph import Edge, KnowledgeGraph, Node, UnknownNode
from colonnade.knowledge.query import neighbourhood, paths
from colonnade.knowledge.schema import EdgeKind, NodeKind, Schema


def _random(seed: int) -> KnowledgeGraph:
    draw = random.Random(seed)
    schema = Schema(name="r", nodes=(NodeKind(name="n"),), edges=(EdgeKind(name="e"), EdgeKind(name="f")))
    nodes = [Node(id=str(each), kind="n", name=str(each)) for each in range(30)]
    edges = [
        Edge(source=str(draw.randrange(30)), kind=draw.choice("ef"), target=str(draw.randrange(30)), evidence="x")
        for _ in range(40)
    ]
    return KnowledgeGraph(schema, nodes, edges)


@pytest.mark.parametrize("hops", [0, 1, 2, 3])
def test_distances_are_those_of_networkx(hops):
    graph = _random(1)
    plain = networkx.Graph(graph.network)
    for node in plain:
        expected = networkx.single_source_shortest_path_length(plain, node, cutoff=hops)
        assert neighbourhood(graph, node, hops=hops).distances == dict(expected)


def test_paths_are_those_of_networkx():
    graph = _random(2)
    plain = networkx.MultiGraph(graph.network)
    for end in ("3", "9", "17"):
        found = [tuple(edge for edge in path) for path in paths(graph, "0", end, longest=4, most=10_000)]
        expected = list(networkx.all_simple_edge_paths(plain, "0", end, cutoff=4))
        assert len(found) == len(set(found)) == len(expected)
        assert [len(each) for each in found] == sorted(len(each) for each in expected)


def test_edges_and_nodes_are_chosen_by_kind_and_direction(graph):
    assert set(neighbourhood(graph, "s1", hops=1, through={"is_a"}).distances) == {"s1", "s2"}
    assert set(neighbourhood(graph, "s1", hops=2, only={"disease"}).distances) == {"s1", "d1", "d2"}
    assert set(neighbourhood(graph, "d2", hops=2, direction="in").distances) == {"d2", "s1", "s3"}
    assert set(neighbourhood(graph, "d2", hops=2, direction="out").distances) == {"d2"}


def test_every_edge_is_told_once(graph):
    edges = neighbourhood(graph, "s1", hops=3).edges
    assert len(edges) == len(set(edges)) == 6


def test_paths_name_their_edges_the_shortest_first(graph):
    found = paths(graph, "s3", "c1")
    assert [[edge.kind for edge in path] for path in found] == [["suggests", "suggests", "coded"]] * 2
    assert {path[1].evidence for path in found} == {"a book", "another book"}
    assert len(paths(graph, "s3", "c1", most=1)) == 1
    assert paths(graph, "s3", "c1", longest=2) == ()
    assert paths(graph, "s3", "c1", direction="out") == ()
    assert paths(graph, "s1", "s1") == ((),)


def test_what_does_not_exist_is_refused(graph):
    with pytest.raises(UnknownNode):
        neighbourhood(graph, "x1")
    with pytest.raises(UnknownNode):
        paths(graph, "x1", "s1")
    with pytest.raises(UnknownName, match="did you mean 'is_a'"):
        neighbourhood(graph, "s1", through={"isa"})
    with pytest.raises(InputError, match="0 hops or more"):
        neighbourhood(graph, "s1", hops=-1)
