"""Questions to a graph: what lies within some hops of a node, and by which paths two nodes are joined.

It never changes a graph and knows no field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from ..core.errors import InputError
from .graph import Edge, KnowledgeGraph

Direction = Literal["both", "out", "in"]
Path = tuple[Edge, ...]


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """Nodes by id with their distance in hops, the nearest first; and the edges among them that were walked."""

    distances: dict[str, int]
    edges: tuple[Edge, ...]


def neighbourhood(
    graph: KnowledgeGraph, node: str, *, hops: int = 2, through: Collection[str] | None = None,
    only: Collection[str] | None = None, direction: Direction = "both",
) -> Neighbourhood:  # fmt: skip
    """Everything within `hops` of a node, along edges of the kinds `through` and over nodes of the kinds `only` (None:
    any). The node itself is there at distance 0, whatever its kind.

    Raises:
        UnknownNode, UnknownName: no such node or kind.
        InputError: fewer than 0 hops.
    """
    if hops < 0:
        raise InputError(f"a neighbourhood reaches 0 hops or more, got {hops}")
    _known_kinds(graph, through, only)
    distances, walked = {graph.node(node).id: 0}, dict[int, Edge]()  # by identity: hashing an edge costs more
    border = [node]
    for distance in range(1, hops + 1):
        fresh = []
        for here in border:
            for edge, there in _steps(graph, here, through, only, direction):
                walked[id(edge)] = edge
                if there not in distances:
                    distances[there] = distance
                    fresh.append(there)
        border = fresh
    return Neighbourhood(distances=distances, edges=tuple(walked.values()))


def paths(
    graph: KnowledgeGraph, start: str, end: str, *, longest: int = 4, most: int = 20,
    through: Collection[str] | None = None, direction: Direction = "both",
) -> tuple[Path, ...]:  # fmt: skip
    """Paths without a node twice, the shortest first, at most `most` of them and `longest` edges each.

    Raises:
        UnknownNode, UnknownName: no such node or kind of edge.
        InputError: a length or number below 1.
    """
    if longest < 1 or most < 1:
        raise InputError(f"paths of 1 edge or more, and 1 or more of them, got {longest} and {most}")
    _known_kinds(graph, through, None)
    back: Direction = {"both": "both", "out": "in", "in": "out"}[direction]  # type: ignore[assignment]
    left = neighbourhood(graph, end, hops=longest, through=through, direction=back).distances
    found: list[Path] = []
    graph.node(start)
    for length in range(left.get(start, longest + 1), longest + 1):
        for path in _walks(graph, start, end, length, left, through, direction):
            found.append(path)
            if len(found) == most:
                return tuple(found)
    return tuple(found)


def _walks(
    graph: KnowledgeGraph, start: str, end: str, length: int, left: dict[str, int], through: Collection[str] | None,
    direction: Direction, seen: tuple[str, ...] = (),
) -> Iterator[Path]:  # fmt: skip
    """Paths of exactly that length; `left` says how far each node is from the end, so no step leads astray."""
    if length == 0:
        if start == end:
            yield ()
        return
    for edge, there in _steps(graph, start, through, None, direction):
        if there in seen or there == start or left.get(there, length) > length - 1 or (there == end) != (length == 1):
            continue
        for rest in _walks(graph, there, end, length - 1, left, through, direction, (*seen, start)):
            yield (edge, *rest)


def _steps(
    graph: KnowledgeGraph, here: str, through: Collection[str] | None, only: Collection[str] | None,
    direction: Direction,
) -> Iterator[tuple[Edge, str]]:  # fmt: skip
    nodes = graph.network.nodes
    ways = (("out", graph.network.succ), ("in", graph.network.pred))
    for way, adjacent in ways:
        if direction not in ("both", way):
            continue
        for there, parallel in adjacent[here].items():
            if only is not None and nodes[there]["node"].kind not in only:
                continue
            for data in parallel.values():
                edge: Edge = data["edge"]
                if through is None or edge.kind in through:
                    yield edge, there


def _known_kinds(graph: KnowledgeGraph, through: Collection[str] | None, only: Collection[str] | None) -> None:
    for kind in through or ():
        graph.schema.edge_kind(kind)
    for kind in only or ():
        graph.schema.node_kind(kind)
