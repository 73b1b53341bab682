"""How a ranker is fitted: trees on alerts of whole worlds, a network on what trees of other worlds left over.

A world (or a bank's data set) is never on two sides: the trees whose log-odds the network starts from have not seen the
alerts that it learns from, and validation has alerts that neither has seen. It knows no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from .....core.errors import InputError
from .....core.guard import Labelled, guard
from .....core.objective import losses
from .....core.random import numpy_generator
from .....core.training.adaptation import SHARE, LoraConfig, Parts, begin, finish
from .....core.training.loop import TrainingConfig, fit
from .....core.training.watch import size_of
from .....core.trees import Trees
from .....core.trust.calibration import fit_platt
from .....core.types import Array
from ..book import Book
from ..typologies.rule import Firing
from .counters import Counters
from .ranker import HEAD, MODALITY, NetworkConfig, Ranker, logits, network_of, offsets_of, untold
from .subgraph import graph_of

SIZE = 64
FEWEST = 20  # cases
PARTS = Parts(
    groups=(("residuals", "experts"), ("decoder", "fusion", "gates"), ("",)),
    lora=LoraConfig(trained=("residuals",), share=SHARE),
)
HELPS = 2.0  # standard errors of its gain on validation: with less the network is not kept


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Trees and epochs, fixed beforehand."""

    rounds: int = 120
    rate: float = 0.06
    leaves: int = 15
    support: int = 20
    ridge: float = 5.0
    folds: int = 3
    epochs: int = 4
    network_rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Lesson:
    """Alerts of one world: counters, evidence, and whether each was right."""

    rows: Array
    graphs: Sequence[Any]
    right: Array

    def __len__(self) -> int:
        return len(self.rows)


def lesson_of(book: Book, firings: Sequence[Firing], right: Bool[Array, " alert"]) -> Lesson:
    return Lesson(Counters(book, firings).rows(), [graph_of(book, each) for each in firings], np.asarray(right, bool))


def train(
    lessons: Sequence[Lesson],
    held: Sequence[Lesson],
    schedule: Schedule,
    *,
    start: Ranker | None = None,
    method: str = "full",
) -> tuple[Ranker, dict[str, Any]]:
    """A ranker, and what validation said of it. With a `start`, its network is trained further, by the method given.

    Raises:
        InputError: too few alerts that were right, or none that were not, in training or in validation.
    """
    for name, part in (("training", lessons), ("validation", held)):
        cases = sum(int(each.right.sum()) for each in part)
        if cases < FEWEST or cases == sum(len(each) for each in part):
            raise InputError(
                f"{cases} right alerts for {name} among {sum(map(len, part))}: at least {FEWEST} and others are needed"
            )
    rows, right = _joined(lessons)
    generator = numpy_generator(schedule.seed, "documents")
    silent = generator.random(len(rows)) < 0.15  # so that alerts without documents are ranked well too
    rows = np.where(silent[:, None], untold(rows), rows)
    trees = fit_trees(rows, right, schedule)
    offsets = _out_of_fold(rows, lessons, schedule)
    held_rows, held_right = _joined(held)
    held_trees = trees.raw(held_rows)
    config = NetworkConfig() if start is None else start.config
    network = network_of(config, seed=schedule.seed)
    if start is not None:
        network.load_state_dict(start.network.state_dict())
    graphs = [graph for each in lessons for graph in each.graphs]
    held_graphs = [graph for each in held for graph in each.graphs]
    _teach(network, (graphs, offsets, right), (held_graphs, held_trees, held_right), schedule, method)
    moved = logits(network, held_graphs, held_trees)
    gains = _log_losses(held_trees, held_right) - _log_losses(moved, held_right)
    gain, error = float(gains.mean()), float(gains.std() / np.sqrt(len(gains)))
    kept = gain > HELPS * error
    platt = fit_platt(moved if kept else held_trees, held_right)
    told = {
        "validation_alerts": len(held_right), "validation_gain_of_network": gain, "standard_error": error,
        "network_kept": bool(kept),
    }  # fmt: skip
    return Ranker(trees=trees, network=network, config=config, platt=platt, kept=bool(kept)), told


def fit_trees(rows: Float[Array, "alert counter"], right: Bool[Array, " alert"], schedule: Schedule) -> Trees:
    """Boosted trees over counters; NaN is a missing value."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=schedule.rounds, learning_rate=schedule.rate, max_leaf_nodes=schedule.leaves,
        min_samples_leaf=min(schedule.support, max(2, len(rows) // 50)), l2_regularization=schedule.ridge,
        early_stopping=False, random_state=schedule.seed,
    )  # fmt: skip
    return Trees.of(model.fit(rows, right))


def _out_of_fold(rows: Array, lessons: Sequence[Lesson], schedule: Schedule) -> Array:
    """Log-odds of each alert from trees that saw none of its world (of its part, where there is one world)."""
    if len(lessons) > 1:
        world = np.repeat(np.arange(len(lessons)), [len(each) for each in lessons])
        fold = world % min(schedule.folds, len(lessons))
    else:
        fold = np.arange(len(rows)) * schedule.folds // len(rows)
    right = np.concatenate([each.right for each in lessons])
    found = np.zeros(len(rows))
    for number in np.unique(fold):
        now = fold == number
        if right[~now].any() and not right[~now].all():
            found[now] = fit_trees(rows[~now], right[~now], schedule).raw(rows[now])
    return found


def _teach(
    network: Any, known: tuple[Any, ...], held: tuple[Any, ...], schedule: Schedule, method: str = "full"
) -> None:
    """Train in place, stop early on validation, then let the guard choose how much is kept."""
    graphs = known[0]

    def batch(indices: Array, part: tuple[Any, ...]) -> Labelled:
        chosen = network.collate([{MODALITY: part[0][index]} for index in indices])
        return Labelled(
            chosen, {HEAD: torch.from_numpy(part[2][indices].astype(np.int64))}, offsets_of(part[1][indices])
        )

    def step_of(each: Labelled) -> Mapping[str, Any]:
        return losses(network, network(each.batch, each.offsets), each.targets)

    def step(rows: Array) -> Mapping[str, Any]:
        return step_of(batch(rows, known))

    later = [batch(rows, held) for rows in _parts(np.arange(len(held[0])))]

    def validate() -> Mapping[str, float]:
        total = sum(float(step_of(each)[HEAD]) * len(each.targets[HEAD]) for each in later)
        return {"loss": total / len(held[0])}

    config = TrainingConfig(
        epochs=schedule.epochs,
        rate=schedule.network_rate,
        weight_decay=0.05,
        patience=3,
        precision="fp32",
        seed=schedule.seed,
    )
    for _ in fit(
        network, _orders(len(graphs), schedule), step, config=config, validate=validate,
        unfreezing=begin(network, method, PARTS), label="evidence",
    ):  # fmt: skip
        pass
    finish(network, method)
    guard(network, later)
    network.eval()


def _orders(count: int, schedule: Schedule) -> Callable[[int], Sequence[Array]]:
    def epoch(number: int) -> Sequence[Array]:
        order = numpy_generator(schedule.seed, f"order/{number}").permutation(count)
        return _parts(order, size_of(SIZE, count))

    return epoch


def _parts(order: Array, size: int = SIZE) -> list[Array]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def _joined(lessons: Sequence[Lesson]) -> tuple[Array, Array]:
    return np.concatenate([each.rows for each in lessons]), np.concatenate([each.right for each in lessons])


def _log_losses(scores: Array, right: Array) -> Array:
    found: Array = np.logaddexp(0, scores) - scores * right
    return found
