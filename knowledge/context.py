"""From the facts of a record to the small part of a graph that bears on them, as the core's graph encoder reads it.

A fact is a node with a number (a probability, a share of a range). Features of a node: its kind, whether it is a fact
and its number, how far it lies from the facts, and an identity made of its id, which tells equal kinds apart.
It trains nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..core.errors import ConfigError, InputError
from ..core.types import Array, Graph
from .graph import KnowledgeGraph, Node
from .query import neighbourhood
from .schema import Schema


@dataclass(frozen=True, kw_only=True, slots=True)
class ContextConfig:
    """`hops` around each fact, at most `most` nodes (facts first, then the nearest), `identity` numbers for the id."""

    hops: int = 1
    most: int = 64
    identity: int = 8
    through: tuple[str, ...] = ()  # kinds of edges, none: all
    only: tuple[str, ...] = ()  # kinds of nodes, none: all

    def __post_init__(self) -> None:
        if self.hops < 0 or self.most < 1 or self.identity < 0:
            raise ConfigError(f"hops ({self.hops}) and identity ({self.identity}) from 0, most ({self.most}) from 1")


def features_of(schema: Schema, config: ContextConfig) -> int:
    """How many numbers a node has: `GraphConfig.features`; its `relations` are the schema's kinds of edges."""
    return len(schema.nodes) + 3 + config.identity


def context(graph: KnowledgeGraph, facts: Mapping[str, float], config: ContextConfig | None = None) -> Graph:
    """The subgraph around `facts` (by node id), its nodes with `features`, its edges with `relation`.

    Raises:
        InputError: no fact, more facts than nodes allowed, or a number that is not finite.
        UnknownNode, UnknownName: a node or kind that the graph does not have.
    """
    import networkx

    config = config or ContextConfig()
    if not 0 < len(facts) <= config.most or not all(map(math.isfinite, facts.values())):
        raise InputError(f"1 to {config.most} facts with finite numbers, got {dict(facts)}")
    near = _near(graph, facts, config)
    found = networkx.MultiDiGraph()
    for name, distance in near.items():
        found.add_node(name, features=_features(graph.schema, graph.node(name), facts, distance, config))
    relation = {each.name: place for place, each in enumerate(graph.schema.edges)}
    for edge in _among(graph, near):
        if not config.through or edge[1] in config.through:
            found.add_edge(edge[0], edge[2], key=edge[1], relation=relation[edge[1]])
    return Graph(graph=found)


def _near(graph: KnowledgeGraph, facts: Iterable[str], config: ContextConfig) -> dict[str, int]:
    """Distance to the nearest fact of the nodes that are kept: facts in their order, then by distance and id."""
    distances = {graph.node(name).id: 0 for name in facts}
    kept = tuple(distances)
    for name in kept:
        around = neighbourhood(graph, name, hops=config.hops, through=config.through or None, only=config.only or None)
        for other, distance in around.distances.items():
            distances[other] = min(distance, distances.get(other, distance))
    others = sorted((each for each in distances if each not in kept), key=lambda each: (distances[each], each))
    return {name: distances[name] for name in (*kept, *others)[: config.most]}


def _among(graph: KnowledgeGraph, names: Collection[str]) -> Iterable[tuple[str, str, str]]:
    """Edges between these nodes, each kind once whatever the number of its sources."""
    own = ((each.source, each.kind, each.target) for name in names for each in graph.leaving(name))
    return dict.fromkeys(each for each in own if each[2] in names)


def _features(schema: Schema, node: Node, facts: Mapping[str, float], distance: int, config: ContextConfig) -> Array:
    kind = [float(each.name == node.kind) for each in schema.nodes]
    fact = [float(node.id in facts), facts.get(node.id, 0.0), float(distance)]
    return np.array([*kind, *fact, *_identity(node.id, config.identity)], np.float32)


def _identity(name: str, length: int) -> Array:
    """Numbers from -1 to 1 that are the same for a name on every machine."""
    digest = hashlib.shake_256(name.encode()).digest(2 * length)
    return np.frombuffer(digest, "<u2").astype(np.float32) / 32767.5 - 1
