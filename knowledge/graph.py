"""A typed graph that does not change: nodes by kind, edges with the evidence for them, and a digest of the whole.

It stands on a frozen networkx MultiDiGraph. It reads no file and knows no field.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, final

from ..core.errors import FormatError, InputError
from .schema import Schema

if TYPE_CHECKING:
    import networkx

Scalar: TypeAlias = str | int | float | bool


class UnknownNode(InputError):
    """An id that no node has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A thing: `name` as people say it, `synonyms` as they say it too, `attributes` of JSON's plain types."""

    id: str
    kind: str
    name: str
    synonyms: tuple[str, ...] = ()
    attributes: Mapping[str, Scalar] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        whole = {"id": self.id, "kind": self.kind, "name": self.name}
        more = {"synonyms": list(self.synonyms), "attributes": dict(sorted(self.attributes.items()))}
        return whole | {name: value for name, value in more.items() if value}


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """What joins two nodes, and the evidence that says so: a book, a guideline's row, a file."""

    source: str
    kind: str
    target: str
    evidence: str

    def plain(self) -> dict[str, str]:
        return {"source": self.source, "kind": self.kind, "target": self.target, "evidence": self.evidence}


@final
class KnowledgeGraph:
    """Nodes and edges that fit a schema.

    Raises:
        UnknownName: a kind that the schema does not have.
        UnknownNode: an edge to a node that does not exist.
        FormatError: an id twice with other contents, an edge without evidence, or one that the schema does not allow.
    """

    def __init__(self, schema: Schema, nodes: Iterable[Node], edges: Iterable[Edge]) -> None:
        import networkx

        self.schema = schema
        graph = networkx.MultiDiGraph()
        for node in nodes:
            _check_node(schema, node)
            if node.id in graph and graph.nodes[node.id]["node"] != node:
                raise FormatError(
                    f"node {node.id!r} is there twice, as {graph.nodes[node.id]['node'].name!r} and {node.name!r}"
                )
            graph.add_node(node.id, node=node)
        for edge in edges:
            ends = [_end(graph, edge, each) for each in (edge.source, edge.target)]
            schema.check_edge(edge.kind, ends[0].kind, ends[1].kind)
            if not edge.evidence.strip():
                raise FormatError(f"the edge {edge.source} {edge.kind} {edge.target} names no evidence")
            graph.add_edge(edge.source, edge.target, key=(edge.kind, edge.evidence), edge=edge)
        self.network: networkx.MultiDiGraph = networkx.freeze(graph)

    def __len__(self) -> int:
        return len(self.network)

    def __contains__(self, node: str) -> bool:
        return node in self.network

    def node(self, name: str) -> Node:
        """Raises UnknownNode: answered with the nearest id."""
        if name not in self.network:
            near = difflib.get_close_matches(name, [each for each in self.network if each[:2] == name[:2]], n=1)
            raise UnknownNode(f"there is no node {name!r}{f': did you mean {near[0]!r}?' if near else ''}")
        found: Node = self.network.nodes[name]["node"]
        return found

    def nodes(self, kind: str | None = None) -> Iterator[Node]:
        """All nodes, or those of a kind (one that the schema does not have is an UnknownName)."""
        if kind is not None:
            self.schema.node_kind(kind)
        return (each for _, each in self.network.nodes(data="node") if kind is None or each.kind == kind)

    def edges(self, kind: str | None = None) -> Iterator[Edge]:
        """All edges, or those of a kind (one that the schema does not have is an UnknownName)."""
        if kind is not None:
            self.schema.edge_kind(kind)
        return (each for _, _, each in self.network.edges(data="edge") if kind is None or each.kind == kind)

    def leaving(self, node: str, kind: str | None = None) -> tuple[Edge, ...]:
        """Edges from a node. Raises UnknownNode."""
        return _of_kind(self.network.out_edges(self.node(node).id, data="edge"), kind)

    def entering(self, node: str, kind: str | None = None) -> tuple[Edge, ...]:
        """Edges to a node. Raises UnknownNode."""
        return _of_kind(self.network.in_edges(self.node(node).id, data="edge"), kind)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of schema name, nodes and edges in a fixed order: the version of what is known."""
        lines = [json.dumps(each, sort_keys=True, ensure_ascii=False) for each in self.plain()]
        return hashlib.sha256("\n".join([self.schema.name, *lines]).encode()).hexdigest()

    def plain(self) -> list[dict[str, Any]]:
        """Nodes, then edges, each sorted: equal graphs give equal lists, however they were made."""
        nodes = sorted((each.plain() for each in self.nodes()), key=lambda each: each["id"])
        edges = sorted((each.plain() for each in self.edges()), key=lambda each: tuple(each.values()))
        return [*({"node": each} for each in nodes), *({"edge": each} for each in edges)]

    def joined(self, nodes: Iterable[Node], edges: Iterable[Edge]) -> KnowledgeGraph:
        """A graph of this one's nodes and edges and more."""
        return KnowledgeGraph(self.schema, [*self.nodes(), *nodes], [*self.edges(), *edges])


def _check_node(schema: Schema, node: Node) -> None:
    if not node.id.strip() or not node.name.strip():
        raise FormatError(f"a node needs an id and a name, got {node.id!r} and {node.name!r}")
    schema.check_node(node.id, node.kind, node.attributes)


def _end(graph: networkx.MultiDiGraph, edge: Edge, name: str) -> Node:
    if name not in graph:
        raise UnknownNode(f"the edge {edge.source} {edge.kind} {edge.target} joins {name!r}, which is no node")
    found: Node = graph.nodes[name]["node"]
    return found


def _of_kind(edges: Iterable[tuple[str, str, Edge]], kind: str | None) -> tuple[Edge, ...]:
    return tuple(each for _, _, each in edges if kind is None or each.kind == kind)
