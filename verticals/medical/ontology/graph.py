"""The graph of pulmonary nodules: attributes, anatomy, differentials, guidelines row by row, and the codes for all.

It is made of our own tables, with HPO and ICD-10-CM joined where terms.py finds them. It reads no scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from ....knowledge.graph import Edge, KnowledgeGraph, Node
from ....knowledge.schema import EdgeKind, NodeKind, Schema
from ..guidelines import bts, fleischner, lung_rads
from ..guidelines.tables import Row, Table
from .lexicon import ASKED, CATEGORIES, EDGES, MALIGNANT, MODELS, PARTS, TERMS, Term

_THINGS = ("finding", "attribute", "value", "anatomy", "disease", "risk", "guideline", "row", "category")
_SIGNS = ("finding", "value", "anatomy", "risk")
SCHEMA = Schema(
    name="pulmonary-nodules",
    nodes=(
        *(NodeKind(name=each) for each in ("finding", "attribute", "value", "anatomy", "disease", "risk", "category")),
        NodeKind(name="guideline", needs=("source",)),
        NodeKind(name="model", needs=("source",)),
        NodeKind(name="row", needs=("says",)),
        NodeKind(name="code", needs=("system",)),
    ),
    edges=(
        EdgeKind(name="is_a"),
        EdgeKind(name="part_of", sources=("anatomy", "code"), targets=("anatomy", "code")),
        EdgeKind(name="has", sources=("finding",), targets=("attribute", "value")),
        EdgeKind(name="value_of", sources=("value", "anatomy"), targets=("attribute",)),
        EdgeKind(name="suggests", sources=_SIGNS, targets=("disease",)),
        EdgeKind(name="speaks_against", sources=_SIGNS, targets=("disease",)),
        EdgeKind(name="raises", sources=_SIGNS, targets=("disease",)),
        EdgeKind(name="row_of", sources=("row", "category"), targets=("guideline",)),
        EdgeKind(name="asks", sources=("row", "guideline", "model"), targets=("attribute", "value", "risk")),
        EdgeKind(name="told_by", sources=("attribute",), targets=("model",)),
        EdgeKind(name="gives", sources=("row",), targets=("category",)),
        EdgeKind(name="coded", sources=_THINGS, targets=("code",)),
        EdgeKind(name="coded_if_malignant", sources=("anatomy",), targets=("code",)),
    ),
)
_SYSTEMS = {
    "RID": "RadLex (RSNA)",
    "RDE": "RadElement set RDES195 (RSNA, ACR)",
    "HP:": "Human Phenotype Ontology",
    "ICD": "ICD-10-CM (CDC, CMS)",
}
_OWN = "the set of attributes of this task"


@cache
def nodule_graph() -> KnowledgeGraph:
    """The graph of our own tables; it needs no optional package."""
    nodes = [Node(id=each.id, kind=each.kind, name=each.name, synonyms=each.synonyms) for each in TERMS]
    edges = [Edge(source=a, kind=kind, target=b, evidence=evidence) for a, kind, b, evidence in EDGES]
    codes = {code: each.name for each in reversed(TERMS) for code in each.codes}
    codes |= {code: f"Lung-RADS category {category}" for category, code in CATEGORIES.items()}
    codes |= {f"ICD-10-CM:{code}": f"malignant neoplasm of the {lobe}" for lobe, code in MALIGNANT.items()}
    nodes += [
        Node(id=code, kind="code", name=name, attributes={"system": _system(code)}) for code, name in codes.items()
    ]
    edges += [_edge(each.id, "coded", code, _system(code)) for each in TERMS for code in each.codes]
    edges += [_edge(part, "part_of", whole, _system("RID")) for part, whole in PARTS.items()]
    edges += [
        _edge(lobe, "coded_if_malignant", f"ICD-10-CM:{code}", _system("ICD")) for lobe, code in MALIGNANT.items()
    ]
    edges += list(_attributes())
    for table in (fleischner.TABLE, lung_rads.TABLE, lung_rads.EXAM, bts.TABLE):
        nodes += _table_nodes(table)
        edges += _table_edges(table)
    nodes += [
        Node(id=f"lung-rads-2022 {each}", kind="category", name=f"Lung-RADS category {each}") for each in CATEGORIES
    ]
    nodes += [
        Node(id=name, kind="model", name=name, attributes={"source": source}) for name, (source, _) in MODELS.items()
    ]
    return KnowledgeGraph(SCHEMA, nodes, [*edges, *_categories(), *_risk(), *_models()])


def _system(code: str) -> str:
    return _SYSTEMS[code[:3]]


def _edge(source: str, kind: str, target: str, evidence: str) -> Edge:
    return Edge(source=source, kind=kind, target=target, evidence=evidence)


def _attributes() -> Iterator[Edge]:
    """What a nodule has; values by the first part of their id, lobes as values of the location."""
    known = {each.id for each in TERMS}
    for each in TERMS:
        if each.kind == "attribute" and each.id not in ("earlier category", "work-up", "brock risk"):
            yield _edge("nodule", "has", each.id, _OWN)
        if each.kind == "value":
            yield _edge("nodule", "has", each.id, _OWN)
            first = _of(each)
            if first in known:
                yield _edge(each.id, "value_of", first, _OWN)
        if each.kind == "anatomy" and each.id != "lung":
            yield _edge(each.id, "value_of", "location", _OWN)


def _of(value: Term) -> str:
    """The attribute of a value: spiculation and lobulation are morphology, as in RDES195."""
    own = {"fat": "texture", "cavity": "texture", "perifissural": "margin"}
    first = own.get(value.id, value.id.split("/")[0])
    return "margin" if first in ("spiculation", "lobulation") else first


def _table_nodes(table: Table) -> Iterator[Node]:
    yield Node(id=table.guideline, kind="guideline", name=table.guideline, attributes={"source": table.source})
    for row in table.rows:
        yield Node(id=f"{table.guideline}/{row.id}", kind="row", name=row.id, attributes={"says": row.says})


def _table_edges(table: Table) -> Iterator[Edge]:
    for row in table.rows:
        name = f"{table.guideline}/{row.id}"
        yield _edge(name, "row_of", table.guideline, table.source)
        if row.category:
            yield _edge(name, "gives", f"{table.guideline} {row.category}", table.source)
        for asked in dict.fromkeys(_asked(row)):
            yield _edge(name, "asks", asked, table.source)


def _asked(row: Row) -> Iterator[str]:
    for name, condition in row.when.items():
        if name == "texture" and condition.among is not None:
            yield from (f"texture/{each}" for each in sorted(map(str, condition.among)))
        elif name in ASKED:
            yield ASKED[name]


def _categories() -> Iterator[Edge]:
    for category, code in CATEGORIES.items():
        yield _edge(f"lung-rads-2022 {category}", "row_of", "lung-rads-2022", lung_rads.SOURCE)
        yield _edge(f"lung-rads-2022 {category}", "coded", code, _system(code))


def _models() -> Iterator[Edge]:
    """What the risk models ask for; their coefficients are those of guidelines/risk.py."""
    for name, (source, asked) in MODELS.items():
        yield from (_edge(name, "asks", each, source) for each in asked)
    yield _edge("brock risk", "told_by", "brock model", MODELS["brock model"][0])


def _risk() -> Iterator[Edge]:
    """Fleischner's rows ask for a risk group; these are its factors."""
    names = (ASKED[each] for each in (*fleischner.FACTORS, *fleischner.FEATURES))
    return (_edge(fleischner.GUIDELINE, "asks", each, fleischner.TABLE.source) for each in names)
