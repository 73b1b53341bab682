"""The analysis as a graph: sign -> defect -> cause -> process step, check and action, each edge with its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from ....knowledge.graph import Edge, KnowledgeGraph, Node
from ....knowledge.schema import EdgeKind, NodeKind, Schema
from .catalogue import DEFECTS, JUDGEMENT, ORIGINS, SIGNS, Origin

SCHEMA = Schema(
    name="failure modes and effects",
    nodes=(
        NodeKind(name="sign"), NodeKind(name="defect"), NodeKind(name="cause", needs=("occurrence",)),
        NodeKind(name="step"), NodeKind(name="check"), NodeKind(name="action"),
    ),
    edges=(
        EdgeKind(name="may be", sources=("sign",), targets=("defect",)),
        EdgeKind(name="caused by", sources=("defect",), targets=("cause",)),
        EdgeKind(name="arises in", sources=("cause",), targets=("step",)),
        EdgeKind(name="checked by", sources=("cause",), targets=("check",)),
        EdgeKind(name="mended by", sources=("cause",), targets=("action",)),
    ),
)  # fmt: skip


@cache
def analysis() -> KnowledgeGraph:
    """The analysis that ships."""
    nodes = [Node(id=f"sign:{each.id}", kind="sign", name=each.name) for each in SIGNS]
    nodes += [Node(id=f"defect:{name}", kind="defect", name=said) for name, said in DEFECTS.items()]
    edges = [
        Edge(source=f"sign:{each.id}", kind="may be", target=f"defect:{defect}", evidence=each.source)
        for each in SIGNS
        for defect in each.defects
    ]
    more, joins = of_origins(ORIGINS)
    return KnowledgeGraph(SCHEMA, [*nodes, *more], [*edges, *joins])


def joined(origins: Iterable[Origin]) -> KnowledgeGraph:
    """The analysis that ships, with a plant's own causes; one of the same id takes the place of what ships."""
    own = list(origins)
    replaced = {f"cause:{each.id}" for each in own}
    base = analysis()
    gone = replaced | {f"{kind}:{each.id}" for each in own for kind in ("check", "action")}
    nodes = [node for node in base.nodes() if node.id not in gone]
    kept = {node.id for node in nodes}
    edges = [edge for edge in base.edges() if edge.source in kept and edge.target in kept]
    more, joins = of_origins(own)
    known = {node.id: node for node in [*nodes, *more]}
    return KnowledgeGraph(SCHEMA, known.values(), [*edges, *joins])


def of_origins(origins: Iterable[Origin]) -> tuple[list[Node], list[Edge]]:
    """Nodes and edges of causes, their steps, checks and actions; the source is that of `caused by`, the practical
    advice is judgement."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for each in origins:
        cause = Node(id=f"cause:{each.id}", kind="cause", name=each.name, attributes={"occurrence": each.occurrence})
        nodes[cause.id] = cause
        edges += [
            Edge(source=f"defect:{name}", kind="caused by", target=cause.id, evidence=each.source)
            for name in each.defects
        ]
        for node, kind in _after(each):
            nodes[node.id] = node
            edges.append(Edge(source=cause.id, kind=kind, target=node.id, evidence=JUDGEMENT))
    return list(nodes.values()), edges


def _after(origin: Origin) -> Iterator[tuple[Node, str]]:
    yield Node(id=f"step:{origin.step}", kind="step", name=origin.step), "arises in"
    yield Node(id=f"check:{origin.id}", kind="check", name=origin.check), "checked by"
    yield Node(id=f"action:{origin.id}", kind="action", name=origin.action), "mended by"
