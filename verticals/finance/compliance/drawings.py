"""The pictures of a review: an alert's evidence as a graph, and how alerts are spread over rules and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....knowledge.figures import COLOURS, canvas, picture
from ....knowledge.graph import KnowledgeGraph
from ....knowledge.reports import Figure
from .graph import ACCOUNT, BANK_NOTES, ENTRY

SHADES = {ACCOUNT: COLOURS[0], "Person": COLOURS[2], BANK_NOTES: COLOURS[4], ENTRY: COLOURS[1]}
LONGEST = 20  # letters of a name in a picture


def subgraph(graph: KnowledgeGraph, subject: str, caption: str, key: str) -> Figure:
    """Nodes by kind, payments as thick arrows with their sums, other links thin."""
    import networkx

    plain = networkx.Graph()
    for node in graph.nodes():
        plain.add_node(node.id)
    for edge in graph.edges():
        plain.add_edge(edge.source, edge.target, weight=2.0 if edge.kind == "holds" else 1.0)
    places = networkx.kamada_kawai_layout(plain, weight=None) if len(plain) > 1 else {subject: (0.0, 0.0)}
    with canvas(9, 5.2) as (sheet, axes):
        for edge in graph.edges():
            _arrow(axes, places, edge.source, edge.target, thick=edge.kind == "transfers")
        _sums(axes, graph, places)
        for node in graph.nodes():
            x, y = places[node.id]
            shade = SHADES.get(node.kind, COLOURS[3])
            axes.plot(
                x,
                y,
                "o",
                ms=13 if node.id == subject else 8,
                color=shade,
                mec="black",
                mew=2 if node.id == subject else 0,
            )
            axes.annotate(
                node.name[:LONGEST], (x, y), xytext=(0, 9), textcoords="offset points", ha="center", fontsize=7
            )
        axes.set_axis_off()
        axes.margins(0.12)
        made = picture(sheet, caption, vector=True)
    return Figure(data=made.data, caption=made.caption, wide=True, key=key)


def spread(counts: Mapping[str, int], expected: Mapping[str, float]) -> Figure:
    """Alerts by rule, and how many of them are expected to be cases."""
    names = sorted(counts, key=lambda name: counts[name])
    with canvas(9, 0.6 + 0.24 * max(4, len(names))) as (sheet, axes):
        axes.barh(names, [counts[name] for name in names], color=COLOURS[5], alpha=0.35, label="alerts")
        axes.barh(names, [expected[name] for name in names], color=COLOURS[1], label="cases expected among them")
        axes.legend(frameon=False, fontsize=8, loc="lower right")
        axes.set_xlabel("alerts")
        return picture(sheet, "Alerts by rule, and the sum of their scores.", vector=True)


def _arrow(axes: Any, places: Mapping[str, Sequence[float]], source: str, target: str, *, thick: bool) -> None:
    style = {"arrowstyle": "-|>" if thick else "-", "lw": 1.4 if thick else 0.7, "shrinkA": 7, "shrinkB": 8}
    colour = COLOURS[0] if thick else COLOURS[5]
    axes.annotate(
        "", places[target], places[source], arrowprops={**style, "color": colour, "connectionstyle": "arc3,rad=0.08"}
    )


def _sums(axes: Any, graph: KnowledgeGraph, places: Mapping[str, Sequence[float]]) -> None:
    """Between two accounts, how many payments and of what sum."""
    told: dict[tuple[str, str], list[str]] = {}
    for edge in graph.edges("transfers"):
        told.setdefault((edge.source, edge.target), []).append(edge.evidence.split(": ", 1)[1].split(" by ")[0])
    for (source, target), sums in told.items():
        middle = [0.5 * (one + other) for one, other in zip(places[source], places[target], strict=True)]
        text = sums[0] if len(sums) == 1 else f"{len(sums)} payments"
        axes.annotate(text, middle, ha="center", va="center", fontsize=6, color=COLOURS[5],
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8})  # fmt: skip
