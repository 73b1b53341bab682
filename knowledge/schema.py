"""The types of a graph: which kinds of node and edge there are, and what an edge may join, checked when one is made.

It knows no graph and no field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..core.errors import ConfigError, FormatError, UnknownName

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeKind:
    """A kind of node; every node of it carries the attributes in `needs`."""

    name: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeKind:
    """A kind of edge, and the kinds of node that it may come from and go to (none named: any)."""

    name: str
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Kinds by name.

    Raises:
        ConfigError: two kinds of one name, or an edge kind that joins a kind of node that does not exist.
    """

    name: str
    nodes: tuple[NodeKind, ...]
    edges: tuple[EdgeKind, ...]

    def __post_init__(self) -> None:
        for what, kinds in (("node", self.nodes), ("edge", self.edges)):
            names = [each.name for each in kinds]
            if len(set(names)) < len(names):
                raise ConfigError(
                    f"the {what} kinds of schema {self.name!r} need names of their own, got {sorted(names)}"
                )
        known = {each.name for each in self.nodes}
        for edge in self.edges:
            lost = {*edge.sources, *edge.targets} - known
            if lost:
                raise ConfigError(
                    f"edge kind {edge.name!r} joins node kinds that do not exist: {', '.join(sorted(lost))}"
                )

    def node_kind(self, name: str) -> NodeKind:
        """Raises UnknownName: answered with the nearest kind."""
        return _named("kind of node", name, {each.name: each for each in self.nodes})

    def edge_kind(self, name: str) -> EdgeKind:
        """Raises UnknownName: answered with the nearest kind."""
        return _named("kind of edge", name, {each.name: each for each in self.edges})

    def check_node(self, node: str, kind: str, attributes: Mapping[str, object]) -> None:
        """Raises UnknownName, or FormatError: an attribute that the kind needs is missing."""
        lost = [name for name in self.node_kind(kind).needs if name not in attributes]
        if lost:
            raise FormatError(
                f"node {node!r} of kind {kind} needs {', '.join(lost)}, it has {sorted(attributes) or 'none'}"
            )

    def check_edge(self, kind: str, source: str, target: str) -> None:
        """Whether an edge may join nodes of these kinds.

        Raises:
            UnknownName: no such kind of edge.
            FormatError: it does not join such nodes.
        """
        edge = self.edge_kind(kind)
        for end, allowed, role in ((source, edge.sources, "come from"), (target, edge.targets, "go to")):
            if allowed and end not in allowed:
                raise FormatError(f"an edge {kind!r} does not {role} a node of kind {end!r}, only {', '.join(allowed)}")


def _named(what: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise UnknownName(what, name, known)
    return known[name]
