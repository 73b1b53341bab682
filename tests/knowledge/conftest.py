from __future__ import annotations

import pytest

from colonnade.knowledge.graph import Edge, KnowledgeGraph, Node
from colonnade.knowledge.schema import EdgeKind, NodeKind, Schema


@pytest.fixture
def schema() -> Schema:
    return Schema(
        name="lung",
        nodes=(NodeKind(name="sign"), NodeKind(name="disease"), NodeKind(name="code", needs=("system",))),
        edges=(
            EdgeKind(name="suggests", sources=("sign",), targets=("disease",)),
            EdgeKind(name="is_a"),
            EdgeKind(name="coded", targets=("code",)),
        ),
    )


@pytest.fixture
def nodes() -> list[Node]:
    return [
        Node(id="s1", kind="sign", name="Pulmonary nodule", synonyms=("lung nodule", "spot on the lung")),
        Node(id="s2", kind="sign", name="Nodule"),
        Node(id="s3", kind="sign", name="Pleural effusion", synonyms=("effusion",)),
        Node(id="d1", kind="disease", name="Granuloma"),
        Node(id="d2", kind="disease", name="Cancer"),
        Node(id="c1", kind="code", name="Solitary nodule", attributes={"system": "ICD-10-CM"}),
    ]


@pytest.fixture
def edges() -> list[Edge]:
    return [
        Edge(source="s1", kind="is_a", target="s2", evidence="a book"),
        Edge(source="s1", kind="suggests", target="d1", evidence="a book"),
        Edge(source="s1", kind="suggests", target="d2", evidence="a book"),
        Edge(source="s1", kind="suggests", target="d2", evidence="another book"),
        Edge(source="s3", kind="suggests", target="d2", evidence="a book"),
        Edge(source="s1", kind="coded", target="c1", evidence="a table"),
    ]


@pytest.fixture
def graph(schema, nodes, edges) -> KnowledgeGraph:
    return KnowledgeGraph(schema, nodes, edges)
