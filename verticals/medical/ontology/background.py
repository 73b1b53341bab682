"""What the knowledge graph adds to findings: what their attributes suggest or speak against, each by an edge's source.

An attribute takes part only where the report says it; what is not known adds nothing. It weighs no evidence: an edge is
quoted, never a diagnosis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.graph import Edge
from ..patient import Clinical
from ..records import Finding, Nodules
from ..reporting import sentences
from ..reporting.facts import SAID
from .graph import nodule_graph
from .lexicon import ASKED

VERBS: Mapping[str, str] = {
    "suggests": "suggests",
    "speaks_against": "speaks against",
    "raises": "raises the chance of",
}
RISKS: Mapping[str, str] = {
    **{name: ASKED[name] for name in ("high_risk_smoking", "family_history", "emphysema", "fibrosis")},
    "cancer": "earlier cancer",
}


def background(answer: Nodules, patient: Clinical | None, evidence: dict[str, Evidence]) -> tuple[Claim, ...]:
    """A sentence a sign and verb; each cites the edges that say so."""
    graph = nodule_graph()
    signs: dict[str, list[int]] = {}
    for finding in answer.findings:
        for node in _signs(finding, answer):
            if node in graph:
                signs.setdefault(node, []).append(finding.label)
    for node in _risks(patient):
        signs.setdefault(node, [])
    edges: dict[tuple[str, str], list[Edge]] = {}
    for kind in VERBS:
        for edge in graph.edges(kind):
            if edge.source in signs:
                edges.setdefault((edge.source, kind), []).append(edge)
    return tuple(_claim(node, kind, found, signs[node], evidence) for (node, kind), found in edges.items())


def _signs(finding: Finding, answer: Nodules) -> list[str]:
    told = [
        each.value if name == "location" else f"{name}/{each.value}"
        for name, each in finding.attributes.items()
        if each.probability >= SAID
    ]
    grown = any(each.label == finding.label and each.status == "grown" for each in answer.changes)
    return [*told, "growth/growing"] if grown else told


def _risks(patient: Clinical | None) -> list[str]:
    asked = patient.asked() if patient is not None else None
    return [node for name, node in RISKS.items() if asked is not None and getattr(asked, name) is True]


def _claim(node: str, kind: str, edges: Sequence[Edge], labels: Sequence[int], evidence: dict[str, Evidence]) -> Claim:
    graph = nodule_graph()
    source = "; ".join(dict.fromkeys(each.evidence for each in edges))
    key = f"edge {node} {kind}"
    targets = sentences.listed([graph.node(each.target).name for each in edges])
    evidence[key] = Evidence(
        kind="edge", shows=f"{graph.node(node).name} {kind.replace('_', ' ')} {targets} ({source})"
    )

    def again() -> str:
        """Read from the graph anew."""
        found = [graph.node(each.target).name for each in graph.edges(kind) if each.source == node]
        return sentences.listed(found) if found else ""

    who = sentences.findings(labels) if labels else "the patient table"
    facts = {
        "sign": Fact(value=graph.node(node).name, evidence=key, measure=lambda: graph.node(node).name),
        "who": Fact(value=who, evidence=key, measure=lambda: who),
        "diseases": Fact(value=targets, evidence=key, measure=again),
    }
    return Claim(template=f"“{{sign}}” ({{who}}) {VERBS[kind]} {{diseases}}.", facts=facts, kind="knowledge")
