"""Never worse than the best single modality: on validation data, each subset of modalities keeps what serves it best.

It moves no weights, only the blend: how much of the fused residual a subset gets, and to which power an expert counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .fusion.presence import subset
from .model import Model, Output
from .types import Batch

RESIDUALS = (1.0, 0.75, 0.5, 0.25, 0.0)
POWERS = (1.0, 0.0, 0.4, 0.6, 0.8, 1.25, 1.5)
SWEEPS = 2
SURE = 2.0  # standard errors by which a change must beat the start: the best of many that were tried


class Labelled(NamedTuple):
    """A batch, its targets by head, the offsets of the heads that have one, and the numbers of the rows' groups."""

    batch: Batch
    targets: Mapping[str, Any]
    offsets: Mapping[str, Tensor] | None = None
    groups: Tensor | None = None  # `[row]`: rows of one group (recombined from one unit) are no further evidence


class Choice(NamedTuple):
    """A share of the residual and a power for each expert, in the model's order."""

    residual: float
    powers: tuple[float, ...]


class Chosen(NamedTuple):
    """What one head keeps for one subset, with its validation loss beside that of the fused and the late answer."""

    head: str
    modalities: tuple[str, ...]
    choice: Choice
    loss: float
    fused: float
    late: float
    singles: Mapping[str, float]


@torch.no_grad()
def guard(model: Model, batches: Iterable[Labelled]) -> list[Chosen]:
    """Set the blend of every subset of modalities from its loss on validation batches.

    The search starts from the best of: the full fused answer, less of its residual, the late product, each single
    expert, and the offset alone where answers have one; then it tries other powers of each expert in turn, which mends
    experts that are too sure of themselves. The first is kept unless another is strictly better, so on these batches no
    subset does worse than its late product, its best expert or the offset that it started from. Each subset is tried on
    the rows that have it; one that no row has keeps the full fused answer.

    Where answers have an offset and rows have groups, the offset stays unless the best is better by more than two
    standard errors, counted over groups: a few validation units must not talk an answer out of a rule that holds.
    """
    batches, training = list(batches), model.training
    model.eval()
    chosen = []
    for present in product([False, True], repeat=len(model.modalities)):
        if any(present):
            seen = [seen for each in batches if (seen := _see(model, each, torch.tensor(present))) is not None]
            chosen += [_Search(model, name, present, seen).run() for name in model.heads if seen]
    model.train(training)
    return chosen


class _Seen(NamedTuple):
    """A batch as the model saw it with one subset of modalities, and the rows that have that subset."""

    output: Output
    rows: Tensor
    labelled: Labelled


def _see(model: Model, labelled: Labelled, wanted: Tensor) -> _Seen | None:
    rows = (labelled.batch.presence | ~wanted).all(dim=1)
    if not rows.any():
        return None
    output = model(Batch(labelled.batch.inputs, labelled.batch.presence & wanted), labelled.offsets)
    return _Seen(output, rows, labelled)


class _Search:
    """The search for one head and one subset."""

    def __init__(self, model: Model, name: str, present: tuple[bool, ...], seen: Sequence[_Seen]) -> None:
        self.model, self.name, self.seen = model, name, seen
        self.here = [index for index, there in enumerate(present) if there]
        self.head, self.row = list(model.heads).index(name), int(subset(torch.tensor([present]))[0])
        self.tried: dict[Choice, float] = {}
        self.by_group: dict[Choice, Tensor] = {}  # sums of the loss, `[group]`

    def run(self) -> Chosen:
        modalities = self.model.modalities
        full, late = Choice(1.0, (1.0,) * len(modalities)), Choice(0.0, (1.0,) * len(modalities))
        single = {index: Choice(0.0, tuple(float(i == index) for i in range(len(modalities)))) for index in self.here}
        plain = [full._replace(residual=step) for step in RESIDUALS] + list(single.values())
        if any(self.name in output.offsets for output, _, _ in self.seen):
            plain.append(Choice(0.0, (0.0,) * len(modalities)))  # nothing learned at all: where the answers start
        for choice in plain:
            self._try(choice)
        best = min(self.tried, key=self.tried.__getitem__)
        for _ in range(SWEEPS if len(self.here) > 1 else 0):
            for index, power in product(self.here, POWERS):
                powers = [power if i == index else each for i, each in enumerate(best.powers)]
                self._try(best._replace(powers=tuple(powers)))
            best = min(self.tried, key=self.tried.__getitem__)
        best = self._proven(best)
        self._set(best)
        return Chosen(
            head=self.name,
            modalities=tuple(modalities[index] for index in self.here),
            choice=best,
            loss=self.tried[best],
            fused=self.tried[full],
            late=self.tried[late],
            singles={modalities[index]: self.tried[choice] for index, choice in single.items()},
        )

    def _proven(self, best: Choice) -> Choice:
        """The start, unless `best` beats it by more than chance over groups; `best` where nothing can be counted."""
        start = Choice(0.0, (0.0,) * len(self.model.modalities))
        if start not in self.by_group or best == start:
            return best
        gain = self.by_group[start] - self.by_group[best]
        count = int((self.by_group[start] > 0).sum())
        if count < 2:
            return start
        error = float((gain - gain.sum() / count)[self.by_group[start] > 0].std()) * count**0.5
        return best if float(gain.sum()) > SURE * error else start

    def _set(self, choice: Choice) -> None:
        self.model.blend.scale[self.head, self.row] = choice.residual
        self.model.blend.powers[self.head, self.row] = torch.tensor(choice.powers)

    def _try(self, choice: Choice) -> None:
        if choice in self.tried:
            return
        self._set(choice)
        total, count = 0.0, 0
        grouped = all(labelled.groups is not None for _, _, labelled in self.seen)
        sums = torch.zeros(self._groups() if grouped else 0, dtype=torch.float64)
        for output, rows, labelled in self.seen:
            answers = self.model.fuse(self.name, output)
            loss = self.model.head(self.name).loss(answers, labelled.targets[self.name])
            counted = loss.known & rows
            total, count = total + float(loss.value[counted].sum()), count + int(counted.sum())
            if grouped and labelled.groups is not None:
                sums.index_add_(0, labelled.groups[counted], loss.value[counted].double())
        self.tried[choice] = total / max(count, 1)
        if grouped:
            self.by_group[choice] = sums

    def _groups(self) -> int:
        return 1 + max(int(labelled.groups.max()) for _, _, labelled in self.seen if labelled.groups is not None)
