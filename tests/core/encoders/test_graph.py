"""Graphs: the order of nodes and edges is nothing, edges and their direction and relation are everything."""

import networkx as nx
import numpy as np
import pytest
import torch

from colonnade.core.encoders.graph import GraphConfig, GraphEncoder
from colonnade.core.errors import ConfigError, FormatError
from colonnade.core.types import Graph


def an_encoder(**changes):
    torch.manual_seed(0)
    return GraphEncoder(GraphConfig(**{"width": 16, "features": 3, "relations": 2, "heads": 2, **changes})).eval()


def a_graph(edges, *, nodes=6, kind=nx.MultiDiGraph, order=None, seed=0):
    features = np.random.default_rng(seed).normal(size=(nodes, 3))
    graph = kind()
    graph.add_nodes_from((node, {"features": features[node]}) for node in (range(nodes) if order is None else order))
    graph.add_edges_from((source, target, {"relation": relation}) for source, target, relation in edges)
    return Graph(graph=graph)


@torch.no_grad()
def encoded(encoder, graph):
    return encoder(*encoder.collate([graph])).values[0]


EDGES = [(0, 1, 0), (1, 2, 1), (2, 0, 0), (3, 1, 1), (1, 3, 0), (2, 4, 0)]


def test_the_order_of_nodes_and_edges_makes_no_difference():
    encoder, generator = an_encoder(), np.random.default_rng(1)
    tokens = encoded(encoder, a_graph(EDGES))
    for _ in range(5):
        order = generator.permutation(6)
        shuffled = [EDGES[place] for place in generator.permutation(len(EDGES))]
        torch.testing.assert_close(
            encoded(encoder, a_graph(shuffled, order=order)), tokens[torch.from_numpy(order)], rtol=0, atol=1e-5
        )


def test_it_equals_attention_written_out_node_by_node():
    encoder = an_encoder(depth=1, heads=1).double()
    packed = encoder.collate([a_graph(EDGES)])
    block, x = encoder.blocks[0], encoder.lift(packed.x.features.double())[0]
    messages = [*zip(packed.x.sources[0], packed.x.targets[0], packed.x.relations[0], strict=True)]
    messages += [(node, node, 4) for node in range(6)]
    q, k, v = block.qkv(block.norm_attention(x)).chunk(3, dim=-1)
    of_key, of_value = block.relation.weight.chunk(2, dim=-1)
    read = []
    for node in range(6):
        reach = [(source, relation) for source, target, relation in messages if target == node]
        scores = torch.stack([q[node] @ (k[source] + of_key[relation]) / 4 for source, relation in reach])
        values = torch.stack([v[source] + of_value[relation] for source, relation in reach])
        read.append(scores.softmax(0) @ values)
    y = x + block.out(torch.stack(read))
    expected = encoder.norm(y + block.mlp(block.norm_mlp(y)))
    torch.testing.assert_close(encoder(*packed).values[0], expected, rtol=0, atol=1e-12)


def test_a_node_is_told_of_its_neighbours_only_as_far_as_the_depth_reaches():
    path = [(node, node + 1, 0) for node in range(5)]
    encoder = an_encoder(depth=2)
    graph, other = a_graph(path), a_graph(path)
    other.graph.nodes[5]["features"] = np.ones(3)
    differs = (encoded(encoder, graph) - encoded(encoder, other)).abs().max(dim=1).values > 1e-6
    assert differs.tolist() == [False, False, False, True, True, True]


@pytest.mark.parametrize(
    "edges", [[(1, 0, 0)], [(0, 1, 1)], [(0, 1, 0), (0, 1, 0)], []], ids=["turned", "other relation", "twice", "none"]
)
def test_direction_relation_and_number_of_edges_matter(edges):
    encoder = an_encoder()
    assert not torch.allclose(encoded(encoder, a_graph([(0, 1, 0)]))[0], encoded(encoder, a_graph(edges))[0], atol=1e-3)


def test_degrees_are_counted_along_the_edges():
    directed = an_encoder().collate([a_graph([(0, 1, 0), (2, 1, 1), (1, 0, 0)], nodes=3)]).x.features[0, :, 3:].expm1()
    assert directed.round().tolist() == [[1, 1], [2, 1], [0, 1]]
    both_ways = an_encoder().collate([a_graph([(0, 1, 0), (2, 1, 1)], nodes=3, kind=nx.Graph)]).x.features[0, :, 3:]
    assert both_ways.expm1().round().tolist() == [[1, 1], [2, 2], [1, 1]]


def test_an_undirected_edge_is_the_same_from_both_ends():
    encoder = an_encoder()
    one, other = a_graph([(0, 1, 1)], kind=nx.Graph), a_graph([(1, 0, 1)], kind=nx.Graph)
    torch.testing.assert_close(encoded(encoder, one), encoded(encoder, other), rtol=0, atol=1e-6)


def test_thousands_of_nodes_cost_memory_for_edges_only():
    count = 5000
    path = a_graph([(node, node + 1, 0) for node in range(count - 1)], nodes=count)
    assert encoded(an_encoder(), path).shape == (count, 16)


def test_a_relation_out_of_range_a_bare_node_and_an_empty_graph_are_refused():
    encoder = an_encoder()
    with pytest.raises(FormatError, match="relation 2"):
        encoder.collate([a_graph([(0, 1, 2)])])
    bare = a_graph(EDGES)
    del bare.graph.nodes[3]["features"]
    with pytest.raises(FormatError, match="node 3 needs 3 finite features"):
        encoder.collate([bare])
    with pytest.raises(FormatError, match="no node"):
        encoder.collate([a_graph([], nodes=0)])


def test_a_config_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="relations"):
        GraphConfig(width=8, features=1, relations=0)


@torch.no_grad()
def test_it_exports_with_any_number_of_nodes_and_edges():
    encoder = an_encoder(depth=1)
    packed = encoder.collate([a_graph(EDGES), a_graph(EDGES[:2], nodes=3)])
    batch, node, message = (torch.export.Dim(name, min=1, max=4096) for name in ("batch", "node", "message"))
    nodes, messages = {0: batch, 1: node}, {0: batch, 1: message}
    dynamic = (type(packed.x)(nodes, messages, messages, messages, messages), nodes)
    program = torch.export.export(encoder, tuple(packed), dynamic_shapes=dynamic, strict=False).module()
    for count in (1, 4, 20):
        ring = [(place, (place + 1) % count, 0) for place in range(count)]
        again = encoder.collate([a_graph(ring, nodes=count), None])
        torch.testing.assert_close(program(*again)[0], encoder(*again).values, rtol=1e-4, atol=1e-5)
