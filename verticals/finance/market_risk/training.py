"""Training the residual network: examples of many series, QLIKE, early stopping on later days, and the guard.

A series' own HAR, fitted on the days that training may see, is where each example starts from. It knows nothing of
files, and of news only how they lie beside prices: they are taught in news.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....core.data.missing import ModalityDropout, keep
from ....core.errors import InputError
from ....core.fusion.presence import subset
from ....core.model import Model, Output
from ....core.random import numpy_generator, torch_generator
from ....core.training.adaptation import Unfreezing
from ....core.training.loop import TrainingConfig, fit
from ....core.training.watch import size_of
from ....core.types import Array, Batch, Packed
from .har import fit_line, leverage_features
from .history import WARM_UP, history_of, target
from .inputs import Inputs, Standard, inputs_of, standard_of
from .model import HEADS, Network, NetworkConfig, member_of, record_of, rows_of
from .records import HORIZONS, Prices

LONGEST = max(HORIZONS)
STEPS = (1.0, 0.75, 0.5, 0.25, 0.0)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How the network is trained; `columns` is the share of table columns hidden at random from each row."""

    epochs: int = 50
    rate: float = 3e-3
    weight_decay: float = 0.3
    size: int = 256
    patience: int = 10
    columns: float = 0.15
    validation: float = 0.2  # the share of days, the latest, that early stopping and the guard look at
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Days of many series: what was known, and what came less what HAR said, in logarithms `[row, horizon]`."""

    batch: Batch
    leftover: Tensor
    dates: Array

    def take(self, rows: Array) -> Examples:
        index = torch.from_numpy(np.asarray(rows))
        return Examples(batch=rows_of(self.batch, index), leftover=self.leftover[index], dates=self.dates[rows])

    def __len__(self) -> int:
        return len(self.dates)


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """One series before `until`: its inputs, the rows that may be learnt from, and their leftovers."""

    inputs: Inputs
    rows: Array
    leftover: Array
    dates: Array
    news: Mapping[int, str]


def material_of(prices: Prices, until: np.datetime64) -> Material:
    """Rows whose whole target lies before `until`; HAR is fitted on the same rows.

    Raises:
        InputError: fewer than 100 such rows.
    """
    history = history_of(prices)
    rows = np.arange(WARM_UP - 1, int(np.searchsorted(history.dates, until)) - LONGEST)
    if len(rows) < 100:
        raise InputError(f"{prices.name} has {max(len(rows), 0)} days to learn from before {until}: 100 are needed")
    features = leverage_features(history)
    truth = np.column_stack([target(history.variance, horizon) for horizon in HORIZONS])
    offsets = np.column_stack([fit_line(features[rows], column[rows])(features) for column in truth.T])
    return Material(
        inputs=inputs_of(history, offsets), rows=rows, leftover=np.log(truth[rows]) - offsets[rows],
        dates=history.dates, news={},
    )  # fmt: skip


def standard_for(materials: Sequence[Material]) -> Standard:
    """Means and scales over the rows of every series."""
    tables = np.concatenate([each.inputs.table[each.rows] for each in materials])
    windows = np.concatenate([each.inputs.windows(each.rows) for each in materials])
    return standard_of(tables, windows)


def examples_of(
    materials: Sequence[Material], standard: Standard, member: Model, *, only_news: bool = False
) -> Examples:
    """The rows of every series as one batch; `only_news` keeps the days that have news."""
    records, leftover, dates = [], [], []
    for each in materials:
        for place, row in enumerate(each.rows):
            text = each.news.get(int(row))
            if text or not only_news:
                records.append(record_of(each.inputs, standard, int(row), text))
                leftover.append(each.leftover[place])
                dates.append(each.dates[row])
    values = torch.tensor(np.array(leftover), dtype=torch.float32)
    return Examples(batch=member.collate(records), leftover=values, dates=np.array(dates))


def split(examples: Examples, share: float) -> tuple[Examples, Examples]:
    """Earlier days to learn from and later ones to validate on, with a gap of the longest horizon between them."""
    days = np.unique(examples.dates)
    turn = days[int((1 - share) * len(days))]
    early = days[max(0, int((1 - share) * len(days)) - LONGEST - 1)]
    return examples.take(np.flatnonzero(examples.dates < early)), examples.take(np.flatnonzero(examples.dates >= turn))


def train(materials: Sequence[Material], config: NetworkConfig, schedule: Schedule, until: np.datetime64) -> Network:
    """A new network, from prices alone."""
    standard = standard_for(materials)
    members = []
    blank = member_of(config, seed=0)
    known, later = split(examples_of(materials, standard, blank), schedule.validation)
    for number in range(config.members):
        member = member_of(config, seed=schedule.seed * 1000 + number)
        train_member(member, known, later, replace(schedule, seed=schedule.seed * 1000 + number))
        members.append(member)
    network = Network(members, standard=standard, until=until, errors={})
    network.errors = errors_of(network, later)
    return network


def train_member(
    member: Model,
    known: Examples,
    later: Examples,
    schedule: Schedule,
    *,
    unfreezing: Unfreezing | None = None,
) -> None:
    """Train one member in place; afterwards its residual is shrunk to what serves the later days best."""
    for index, name in enumerate(HEADS):
        member.heads[name].fit_prior(known.leftover[:, index], torch.zeros(len(known)))  # type: ignore[operator]
    rates = {"window": 0.2, "table": 0.2}
    dropout = ModalityDropout(member.modalities, minimum=(("window",), ("table",)), rate=rates)
    training = TrainingConfig(
        epochs=schedule.epochs, rate=schedule.rate, weight_decay=schedule.weight_decay, patience=schedule.patience,
        precision="fp32", watch="qlike", seed=schedule.seed,
    )  # fmt: skip

    def step(rows: Array) -> Mapping[str, Tensor]:
        generator = torch_generator(schedule.seed, f"hide/{rows[0]}/{rows[-1]}/{len(rows)}")
        part = known.take(rows)
        batch = _hidden(part.batch, schedule.columns, generator)
        batch = keep(batch, dropout.draw(batch.presence, generator))
        return objective(member, member(batch), part.leftover)

    def validate() -> Mapping[str, float]:
        return {"qlike": min(_candidates(member, later).values())}

    for _ in fit(
        member, _orders(len(known), schedule), step, config=training, validate=validate, unfreezing=unfreezing
    ):
        pass
    shrink(member, later)


def objective(member: Model, output: Output, leftover: Tensor) -> dict[str, Tensor]:
    """QLIKE of the fused means and of every present expert's, each with a Gaussian scale that is learnt beside it."""
    losses: dict[str, Tensor] = {}
    present = output.presence.float()
    evidence = torch.zeros_like(present)
    for index, name in enumerate(output.answers):
        truth = leftover[:, index]
        losses[name] = _risk(output.answers[name], truth).mean()
        alone = _risk(output.experts[name], truth[:, None].expand_as(present))
        losses[f"{name}/experts"] = (alone * present).sum() / present.sum().clamp(min=1) * present.sum(dim=1).mean()
        evidence = evidence - alone.detach()
    mixture = torch.logsumexp(output.gates.clamp(min=1e-6).log() + evidence, dim=1)
    return {**losses, "gates": -0.1 * mixture.mean()}


def loss_of(mean: Tensor, leftover: Tensor) -> Tensor:
    """QLIKE from logarithms: with d the log of truth over forecast, e^d - d - 1."""
    distance = leftover - mean
    return distance.exp() - distance - 1


def shrink(member: Model, later: Examples) -> None:
    """Give each subset of the price modalities the share of the fused residual that the later days bear out best."""
    member.eval()
    for present in ((True, True, False), (True, False, False), (False, True, False)):
        _shrink(member, later, present)


def errors_of(network: Network, later: Examples) -> dict[int, Array]:
    """Errors of the logarithm on validation days, by horizon, at most 500: where bounds start from on a new series."""
    left = (later.leftover - means(network, later.batch)).double().numpy()
    chosen = np.sort(numpy_generator(0, "errors").permutation(len(left))[:500])
    return {horizon: left[chosen, column] for column, horizon in enumerate(HORIZONS)}


def _risk(answer: Tensor, truth: Tensor) -> Tensor:
    """QLIKE of the mean, and the Gaussian likelihood of the scale around it."""
    mean, log_scale = answer[..., 0], answer[..., 1]
    far = (truth - mean.detach()) * (-log_scale).exp()
    return loss_of(mean, truth) + 0.1 * (0.5 * far.square() + log_scale)


@torch.no_grad()
def means(model: Callable[[Batch], Any], batch: Batch, size: int = 1024) -> Tensor:
    """What is added to the logarithm of HAR's variance `[row, horizon]`."""
    parts = []
    for rows in torch.arange(len(batch.presence)).split(size):
        answers = model(rows_of(batch, rows)).answers
        parts.append(torch.stack([each[:, 0] for each in answers.values()], dim=1))
    return torch.cat(parts)


@torch.no_grad()
def _candidates(member: Model, later: Examples) -> dict[str, float]:
    """Mean QLIKE of the fused answer, of the late one and of each price expert: the guard may keep any of them."""
    output = member(later.batch)
    answers = {"fused": output.answers, "late": output.late}
    answers |= {
        name: {head: output.experts[head][:, index] for head in HEADS}
        for index, name in enumerate(member.modalities[:2])
    }
    return {
        name: float(loss_of(torch.stack([each[head][:, 0] for head in HEADS], dim=1), later.leftover).mean())
        for name, each in answers.items()
    }


@torch.no_grad()
def _shrink(member: Model, later: Examples, present: tuple[bool, ...]) -> None:
    row = int(subset(torch.tensor([present]))[0])
    batch = keep(later.batch, later.batch.presence & torch.tensor(present))
    here = [index for index, there in enumerate(present) if there]
    tried = [(step, powers) for powers in ([float(there) for there in present], *_alone(here)) for step in STEPS]
    losses = []
    for step, powers in tried:
        member.blend.scale[:, row], member.blend.powers[:, row] = step, torch.tensor(powers)
        losses.append(loss_of(means(member, batch), later.leftover).mean(dim=0))
    for head, best in enumerate(torch.stack(losses).argmin(dim=0).tolist()):
        member.blend.scale[head, row], member.blend.powers[head, row] = tried[best][0], torch.tensor(tried[best][1])


def _alone(here: Sequence[int]) -> list[list[float]]:
    """The powers of each price expert standing alone, where there is more than one modality."""
    return [[float(each == index) for each in range(3)] for index in here if index < 2] if len(here) > 1 else []


def _hidden(batch: Batch, share: float, generator: torch.Generator) -> Batch:
    """The batch with that share of table columns at their mean."""
    packed = batch.inputs["table"]
    seen = torch.rand(packed.x.shape, generator=generator) >= share
    return Batch({**batch.inputs, "table": Packed(packed.x * seen, packed.mask)}, batch.presence)


def _orders(rows: int, schedule: Schedule) -> Callable[[int], Sequence[Array]]:
    def epoch(number: int) -> Sequence[Array]:
        order = numpy_generator(schedule.seed, f"order/{number}").permutation(rows)
        size = size_of(schedule.size, rows)
        return [order[start : start + size] for start in range(0, rows, size)]

    return epoch
