"""Never worse than the best single modality: on validation data, each subset of modalities keeps what serves it best.

It moves no weights, only the blend: how much of the fused residual a subset gets, and which experts stand under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .fusion.presence import subset
from .model import Model
from .types import Batch

STEPS = (1.0, 0.75, 0.5, 0.25, 0.0)


class Labelled(NamedTuple):
    """A batch, its targets by head, and the offsets of the heads that have one."""

    batch: Batch
    targets: Mapping[str, Any]
    offsets: Mapping[str, Tensor] | None = None


class Chosen(NamedTuple):
    """What one head keeps for one subset, and the mean validation loss of every candidate."""

    head: str
    modalities: tuple[str, ...]
    residual: float
    experts: tuple[str, ...]
    losses: Mapping[str, float]


@torch.no_grad()
def guard(model: Model, batches: Iterable[Labelled]) -> list[Chosen]:
    """Set the blend of every subset of modalities from its loss on validation batches.

    Candidates are the residual in steps from 1 to 0, and each single expert; the first of the best is kept, so that the
    full fused answer stays unless something else is strictly better. Every subset is tried on the rows that have it.
    """
    batches, training = list(batches), model.training
    model.eval()
    chosen = []
    for present in product([False, True], repeat=len(model.modalities)):
        if any(present):
            chosen += [_choose(model, head, present, batches) for head in model.heads]
    model.train(training)
    return chosen


def _choose(model: Model, name: str, present: tuple[bool, ...], batches: Sequence[Labelled]) -> Chosen:
    head = list(model.heads).index(name)
    row = int(subset(torch.tensor([present]))[0])
    here = [index for index, there in enumerate(present) if there]
    found: dict[tuple[float, tuple[int, ...]], float] = {}
    for scale, experts in [*((step, tuple(here)) for step in STEPS), *((0.0, (index,)) for index in here)]:
        _set(model, head, row, scale, experts)
        found[scale, experts] = _loss(model, name, present, batches)
    best = min(found, key=lambda candidate: found[candidate])
    _set(model, head, row, *best)
    names = model.modalities
    return Chosen(
        head=name,
        modalities=tuple(names[index] for index in here),
        residual=best[0],
        experts=tuple(names[index] for index in best[1]),
        losses={f"{scale:g} on {'+'.join(names[i] for i in on)}": loss for (scale, on), loss in found.items()},
    )


def _set(model: Model, head: int, row: int, scale: float, experts: tuple[int, ...]) -> None:
    model.blend.scale[head, row] = scale
    model.blend.powers[head, row] = torch.tensor([float(i in experts) for i in range(len(model.modalities))])


def _loss(model: Model, name: str, present: tuple[bool, ...], batches: Sequence[Labelled]) -> float:
    head = model.head(name)
    wanted = torch.tensor(present)
    total, count = 0.0, 0
    for batch, targets, offsets in batches:
        has: Tensor = (batch.presence | ~wanted).all(dim=1)
        answers = model(Batch(batch.inputs, batch.presence & wanted), offsets).answers[name]
        loss = head.loss(answers, targets[name])
        counted = loss.known & has
        total, count = total + float(loss.value[counted].sum()), count + int(counted.sum())
    return total / max(count, 1)
