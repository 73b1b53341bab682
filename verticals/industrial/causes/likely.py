"""From what was seen to what may lie behind it: causes in order, each with the edges that lead to it.

A cause's weight is the share of the signs that its defects explain, times its occurrence; that orders what to check
first and is no probability. It knows no unit and no verdict beyond the signs it is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ....knowledge.graph import Edge, KnowledgeGraph
from .graph import analysis

MOST = 3  # causes that are named


def signs_of(line: Mapping[str, Any]) -> list[str]:
    """The signs in a result line: kinds of its defects by sense, and senses that are strange without a region."""
    found = [f"{defect['modality']}: {defect['kind']}" for defect in line.get("defects", ())]
    with_region = {defect["modality"] for defect in line.get("defects", ())}
    rate = line.get("promised_false_rejects")
    for sense, p_value in line.get("p_values", {}).items():
        if sense not in with_region and p_value is not None and rate is not None and p_value <= rate:
            found.append("sound: sound" if sense == "sound" else f"{sense}: score")
    return list(dict.fromkeys(found))


def likely(signs: Iterable[str], *, graph: KnowledgeGraph | None = None, most: int = MOST) -> list[dict[str, Any]]:
    """The causes that explain the signs best, as plain data; signs that the graph does not know are passed over."""
    graph = graph if graph is not None else analysis()
    seen = Counter(each for each in signs if f"sign:{each}" in graph)
    total = sum(seen.values())
    weight: Counter[str] = Counter()
    paths: dict[str, dict[Edge, None]] = {}
    for sign, times in seen.items():
        reached: dict[str, dict[Edge, None]] = {}
        may_be = graph.leaving(f"sign:{sign}", "may be")
        for edge in may_be:
            for caused in graph.leaving(edge.target, "caused by"):
                reached.setdefault(caused.target, {}).update({edge: None, caused: None})
        for cause, edges in reached.items():
            share = sum(1 for each in edges if each.kind == "may be") / len(may_be)
            weight[cause] += share * times / total * int(graph.node(cause).attributes["occurrence"])  # type: ignore[assignment]
            paths.setdefault(cause, {}).update(edges)
    first = sorted(weight, key=lambda cause: (-weight[cause], cause))[:most]
    return [_told(graph, cause, weight[cause], list(paths[cause])) for cause in first]


def _told(graph: KnowledgeGraph, cause: str, weight: float, edges: list[Edge]) -> dict[str, Any]:
    after = {kind: graph.leaving(cause, kind) for kind in ("arises in", "checked by", "mended by")}
    names = {kind: [graph.node(edge.target).name for edge in found] for kind, found in after.items()}
    return {
        "cause": graph.node(cause).name,
        "weight": round(float(weight), 3),
        "defects": list(dict.fromkeys(graph.node(each.target).name for each in edges if each.kind == "may be")),
        "step": names["arises in"],
        "next_check": names["checked by"],
        "action": names["mended by"],
        "edges": [each.plain() for each in (*edges, *(edge for found in after.values() for edge in found))],
    }
