"""How a life model is learned from machines that ran to failure, with nothing told twice.

Machines are dealt into folds. The network learns from what boosting says of machines that it did not see, and the
interval and the network's share from machines that neither saw. It knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....core.errors import InputError
from ....core.progress import say
from ....core.random import numpy_generator, torch_generator
from ....core.training.loop import TrainingConfig, fit
from ....core.training.watch import size_of
from ....core.trees import Trees
from ....core.types import Array
from .bounds import LEAST, fit_bounds
from .features import Scale, channels_of, fit_scale, rows_of
from .health import fit_health
from .life import LifeModel
from .network import Member, Network, NetworkConfig, windows_of
from .records import CAP, FIRST, History

LONGEST = 175.0  # cycles of remaining life beyond which a row teaches nothing
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
NOISE = 0.1  # spreads, on the windows that the network learns from


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How a life model is learned; every number was chosen by cross-validation over training machines."""

    folds: int = 5
    trees: int = 250
    forests: int = 3
    members: int = 3
    epochs: int = 12
    rate: float = 3e-3
    size: int = 256
    every: int = 2  # cycles between two windows that the network learns from
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A fleet in one scale: features, sensors in spreads and true remaining life of every cycle, by machine."""

    scale: Scale
    standards: Sequence[Array]
    features: Sequence[Array]
    truth: Sequence[Array]

    @classmethod
    def of(cls, fleet: Sequence[History], scale: Scale) -> Prepared:
        standards = [scale.standard(history) for history in fleet]
        features = [rows_of(each) for each in standards]
        return cls(scale=scale, standards=standards, features=features, truth=[each.remaining() for each in fleet])


def learn(fleet: Sequence[History], schedule: Schedule) -> LifeModel:
    """A life model of machines that ran to failure (`truth` of each is known, 0 at failure).

    Raises:
        InputError: fewer than ten machines with over 30 cycles.
    """
    fleet = [history for history in fleet if len(history) > FIRST + 5]
    if len(fleet) < LEAST:
        raise InputError(
            f"{len(fleet)} machines with over {FIRST + 5} cycles ran to failure: at least {LEAST} are needed"
        )
    plain, moved, truth, names = left_out(fleet, schedule)
    share = min(SHARES, key=lambda each: float(error_of(plain + each * moved, truth, names)))
    life = np.clip(plain + share * moved, 0, CAP)
    before, after = error_of(plain, truth, names), error_of(life, truth, names)
    say(f"error on machines left out: {before:.2f} boosting, {after:.2f} both")
    made = assemble(fleet, schedule)
    errors = np.column_stack([names, life, truth])
    return replace(made, share=share, bounds=fit_bounds(life, truth, names), errors=errors.astype(np.float32))


def assemble(fleet: Sequence[History], schedule: Schedule) -> LifeModel:
    """Boosting and the network on all of a fleet, without an interval yet and with the network kept whole."""
    scale = fit_scale(fleet)
    prepared = Prepared.of(fleet, scale)
    everyone = range(len(fleet))
    told = _cross(prepared, schedule)
    network = teach(prepared, told, schedule)
    life = np.concatenate([np.minimum(each, CAP) for each in prepared.truth])
    flat = np.linspace(1, 20, 40)
    return LifeModel(
        scale=scale,
        trees=boost(prepared, list(everyone), schedule),
        network=network,
        share=1.0,
        bounds=fit_bounds(np.repeat(60.0, 40), 60 + flat, np.arange(40)),
        health=fit_health(fleet, scale),
        mean_life=float(life.mean()),
        machines=len(fleet),
    )


def left_out(fleet: Sequence[History], schedule: Schedule) -> tuple[Array, Array, Array, Array]:
    """For cycles of every machine, by models that never saw it: boosting, the network's change, truth, its number."""
    rows: list[tuple[Array, Array, Array, Array]] = []
    single = replace(schedule, members=1)
    for number, fold in enumerate(folds_of(len(fleet), schedule), start=1):
        say(f"machines left out, part {number} of {schedule.folds}")
        outside = set(fold.tolist())
        model = assemble([each for index, each in enumerate(fleet) if index not in outside], single)
        for index in fold:
            history = fleet[index]
            chosen = np.arange(FIRST, len(history))
            standard = model.scale.standard(history)
            boosted = model.trees.raw(rows_of(standard))
            moved = model.network.changes(channels_of(standard, boosted), list(chosen))
            truth = np.minimum(history.remaining()[chosen], CAP)
            rows.append((boosted[chosen], moved, truth, np.full(len(chosen), index)))
    plain, moved, truth, names = (np.concatenate(part) for part in zip(*rows, strict=True))
    return plain, moved, truth, names


def boost(prepared: Prepared, machines: Sequence[int], schedule: Schedule) -> Trees:
    """The mean of a few boosted models, alike but for the features that they may look at."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    features = np.concatenate([prepared.features[index][FIRST:] for index in machines])
    truth = np.concatenate([prepared.truth[index][FIRST:] for index in machines])
    kept = truth <= LONGEST
    if kept.sum() < 40:
        raise InputError(f"{int(kept.sum())} cycles within {LONGEST:g} of a failure are too few to learn from")
    found = []
    for number in range(schedule.forests):
        model = HistGradientBoostingRegressor(
            max_iter=schedule.trees, learning_rate=10 / max(schedule.trees, 50), max_leaf_nodes=15,
            min_samples_leaf=min(40, max(5, int(kept.sum()) // 50)), l2_regularization=5.0, max_features=0.3,
            early_stopping=False, random_state=schedule.seed * 100 + number,
        )  # fmt: skip
        found.append(model.fit(features[kept], np.minimum(truth[kept], CAP)))
    return Trees.of(*found)


def teach(prepared: Prepared, told: Sequence[Array], schedule: Schedule) -> Network:
    """The residual network, on what boosting (`told`, by machine) leaves over on machines that it did not see."""
    machines = list(zip(prepared.standards, told, prepared.truth, strict=True))
    values, real, left = windows_to_learn(machines, schedule.every)
    config = NetworkConfig(channels=values.shape[2], members=schedule.members)
    members = [Member(config, seed=schedule.seed * 1000 + number) for number in range(config.members)]
    for number, member in enumerate(members):
        _train(member, (values, real, left), replace(schedule, seed=schedule.seed * 1000 + number))
    return Network(config, members)


def windows_to_learn(machines: Sequence[tuple[Array, Array, Array]], every: int) -> tuple[Tensor, Tensor, Tensor]:
    """Windows, which cycles are real, and what is left of the life, from sensors, boosting and truth by machine."""
    places, start, goal = [], [], []
    for standard, boosted, truth in machines:
        channels = channels_of(standard, boosted)
        for row in range(FIRST, len(standard), every):
            if truth[row] <= LONGEST:
                places.append((channels, row))
                start.append(boosted[row])
                goal.append(min(truth[row], CAP))
    values, real = windows_of(places)
    return values, real, torch.tensor(np.array(goal) - np.array(start), dtype=torch.float32)


def folds_of(count: int, schedule: Schedule) -> list[Array]:
    """Machine numbers by fold, dealt at random."""
    order = numpy_generator(schedule.seed, "folds").permutation(count)
    return np.array_split(order, min(schedule.folds, count))


def _cross(prepared: Prepared, schedule: Schedule) -> list[Array]:
    """What boosting says of each machine when it was fitted without it."""
    count = len(prepared.features)
    told: list[Array] = [np.zeros(0)] * count
    single = replace(schedule, forests=1)
    for fold in folds_of(count, replace(schedule, seed=schedule.seed + 1)):
        outside = set(fold.tolist())
        trees = boost(prepared, [index for index in range(count) if index not in outside], single)
        for index in fold:
            told[index] = trees.raw(prepared.features[index])
    return told


def _train(member: Member, lessons: tuple[Tensor, Tensor, Tensor], schedule: Schedule) -> None:
    values, real, left = lessons
    training = TrainingConfig(
        epochs=schedule.epochs, rate=schedule.rate, weight_decay=0.1, patience=0, precision="fp32", seed=schedule.seed
    )

    def step(rows: Array) -> Mapping[str, Tensor]:
        index = torch.from_numpy(rows)
        noise = torch.randn(
            (len(rows), *values.shape[1:]), generator=torch_generator(schedule.seed, f"noise/{rows[0]}/{rows[-1]}")
        )
        found = member(values[index] + NOISE * noise, real[index])
        return {"life": (found - left[index]).square().mean() / 100}

    member.train()
    for _ in fit(member, orders(len(left), schedule), step, config=training, label="life"):
        pass
    member.eval()


def orders(rows: int, schedule: Schedule) -> Callable[[int], Sequence[Any]]:
    """Row numbers by batch, drawn anew for each epoch."""
    size = size_of(schedule.size, rows)

    def epoch(number: int) -> Sequence[Array]:
        order = numpy_generator(schedule.seed, f"order/{number}").permutation(rows)
        return [order[start : start + size] for start in range(0, rows, size)]

    return epoch


def error_of(life: Array, truth: Array, names: Array) -> float:
    """Root mean square of the capped error, every machine counted once."""
    _, which, counts = np.unique(names, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[which]
    return float(np.sqrt((weight * (np.clip(life, 0, CAP) - truth) ** 2).sum() / weight.sum()))
