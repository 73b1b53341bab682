"""Edges and nodes with two times each: when a thing was true, and when it became known. A question names both.

What was not known at the time asked for is not there, whatever has become known since. It knows no field and no unit of
time: times are numbers that increase.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

from ..core.errors import FormatError
from .graph import Edge, KnowledgeGraph, Node
from .schema import Schema


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """True from `valid_from` to before `valid_to`, and known from `known_at` on.

    Raises:
        FormatError: it ends before it begins, or a time is not a number.
    """

    valid_from: float = -math.inf
    valid_to: float = math.inf
    known_at: float = -math.inf

    def __post_init__(self) -> None:
        if any(math.isnan(each) for each in (self.valid_from, self.valid_to, self.known_at)):
            raise FormatError("a span has a time that is not a number: leave it out where it is not known")
        if self.valid_to < self.valid_from:
            raise FormatError(f"a span ends at {self.valid_to:g}, before it begins at {self.valid_from:g}")

    def holds(self, *, valid: float, known: float) -> bool:
        """Whether somebody at time `known` could say that it was so at time `valid`."""
        return self.known_at <= known and self.valid_from <= valid < self.valid_to


@dataclass(frozen=True, kw_only=True, slots=True)
class Dated:
    """An edge with its two times."""

    edge: Edge
    span: Span = field(default_factory=Span)


@final
class TemporalGraph:
    """Nodes, each known from a time on, and dated edges. `as_of` gives the graph that somebody had at a time."""

    def __init__(self, schema: Schema, nodes: Iterable[tuple[Node, float]], edges: Iterable[Dated]) -> None:
        self.schema, self.nodes, self.edges = schema, tuple(nodes), tuple(edges)

    def as_of(self, known: float, *, valid: float | None = None) -> KnowledgeGraph:
        """What was known at `known` about time `valid` (None: about that same time).

        Raises:
            UnknownNode: an edge was known before a node that it joins.
        """
        at = known if valid is None else valid
        return KnowledgeGraph(
            self.schema,
            (node for node, since in self.nodes if since <= known),
            (each.edge for each in self.edges if each.span.holds(valid=at, known=known)),
        )
