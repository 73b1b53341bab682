from __future__ import annotations

import networkx
import pytest

from colonnade.core.errors import ConfigError, FormatError, UnknownName
from colonnade.knowledge.graph import Edge, KnowledgeGraph, Node, UnknownNode
from colonnade.knowledge.schema import EdgeKind, NodeKind, Schema


def test_nodes_and_edges_are_found_by_kind(graph):
    assert [each.id for each in graph.nodes("disease")] == ["d1", "d2"]
    assert len(list(graph.edges("suggests"))) == 4
    assert {each.target for each in graph.leaving("s1", "suggests")} == {"d1", "d2"}
    assert {each.source for each in graph.entering("d2")} == {"s1", "s3"}
    assert len(graph) == 6
    assert "s1" in graph


def test_two_books_for_one_edge_are_both_kept(graph):
    told = [each.evidence for each in graph.leaving("s1", "suggests") if each.target == "d2"]
    assert told == ["a book", "another book"]


def test_a_graph_does_not_change(graph):
    with pytest.raises(networkx.NetworkXError, match="Frozen"):
        graph.network.add_node("x")


def test_the_digest_is_of_the_contents_and_not_of_their_order(graph, schema, nodes, edges):
    assert KnowledgeGraph(schema, nodes[::-1], edges[::-1]).digest == graph.digest
    assert KnowledgeGraph(schema, nodes, edges[:-1]).digest != graph.digest
    renamed = [*nodes[:-1], Node(id="c1", kind="code", name="Other", attributes={"system": "ICD-10-CM"})]
    assert KnowledgeGraph(schema, renamed, edges).digest != graph.digest


def test_a_joined_graph_holds_both(graph):
    more = graph.joined(
        [Node(id="d3", kind="disease", name="Scar")],
        [Edge(source="s2", kind="suggests", target="d3", evidence="x")],
    )
    assert len(more) == 7
    assert len(graph) == 6
    assert more.leaving("s2")[0].target == "d3"


@pytest.mark.parametrize(
    ("node", "error", "words"),
    [
        (Node(id="x", kind="sing", name="X"), UnknownName, "did you mean 'sign'"),
        (Node(id="x", kind="code", name="X"), FormatError, "needs system"),
        (Node(id="x", kind="sign", name=" "), FormatError, "an id and a name"),
        (Node(id="s1", kind="sign", name="Other"), FormatError, "there twice"),
    ],
    ids=["unknown kind", "no attribute", "no name", "twice"],
)
def test_a_node_that_does_not_fit_is_refused(graph, node, error, words):
    with pytest.raises(error, match=words):
        graph.joined([node], [])


@pytest.mark.parametrize(
    ("edge", "error", "words"),
    [
        (Edge(source="s1", kind="sugests", target="d1", evidence="x"), UnknownName, "did you mean 'suggests'"),
        (Edge(source="s1", kind="suggests", target="s2", evidence="x"), FormatError, "does not go to"),
        (Edge(source="d1", kind="suggests", target="d2", evidence="x"), FormatError, "does not come from"),
        (Edge(source="s1", kind="is_a", target="nowhere", evidence="x"), UnknownNode, "nowhere"),
        (Edge(source="s1", kind="is_a", target="s2", evidence=""), FormatError, "no evidence"),
    ],
    ids=["unknown kind", "target", "source", "end", "evidence"],
)
def test_an_edge_that_does_not_fit_is_refused(graph, edge, error, words):
    with pytest.raises(error, match=words):
        graph.joined([], [edge])


def test_an_unknown_node_is_answered_with_the_nearest(graph):
    longer = graph.joined([Node(id="sign-12", kind="sign", name="X")], [])
    with pytest.raises(UnknownNode, match="did you mean 'sign-12'"):
        longer.node("sign-13")


def test_an_unknown_kind_is_answered_with_the_nearest(graph):
    with pytest.raises(UnknownName, match="did you mean 'disease'"):
        graph.nodes("diseases")
    with pytest.raises(UnknownName, match="did you mean 'coded'"):
        graph.edges("code")


def test_a_schema_that_contradicts_itself_is_refused():
    with pytest.raises(ConfigError, match="names of their own"):
        Schema(name="s", nodes=(NodeKind(name="a"), NodeKind(name="a")), edges=())
    with pytest.raises(ConfigError, match="do not exist: b"):
        Schema(name="s", nodes=(NodeKind(name="a"),), edges=(EdgeKind(name="e", targets=("b",)),))
