"""A life model taken to another fleet: the boosting stays, and the network that moves its answer learns the fleet.

Each member of the network leaves a part of the machines out: there it stops, and there the share of the network that
counts and the interval are fitted, from what every machine's own left-out member said. Machines of the old fleet
teach every member and are never asked: the boosting has seen their ends. It knows nothing of files.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ....core.errors import InputError
from ....core.progress import say
from ....core.random import torch_generator
from ....core.training.adaptation import SHARE, LoraConfig, Parts, begin, finish
from ....core.training.loop import TrainingConfig, fit
from ....core.types import Array
from .bounds import LEAST, fit_bounds
from .features import channels_of, rows_of
from .lessons import NOISE, SHARES, Schedule, error_of, folds_of, orders, windows_to_learn
from .life import LifeModel
from .network import Member, Network
from .records import CAP, FIRST, REPLAYED, History

PARTS = Parts(
    groups=(("change", "norm"), ("encoder.blocks",), ("",)),
    lora=LoraConfig(layers=("qkv", "out", "up", "down"), trained=("change",), share=SHARE),
    every=2,
)
RATES = {"lora": 3e-3, "probe": 3e-3, "progressive": 1e-3}


def adapted(life: LifeModel, fleet: Sequence[History], schedule: Schedule, *, method: str) -> LifeModel:
    """The life model moved to machines that ran to failure.

    Raises:
        InputError: fewer than ten new machines with over 30 cycles, or sensors that the model does not know.
    """
    fleet = [history for history in fleet if len(history) > FIRST + 5]
    new = [index for index, history in enumerate(fleet) if not history.machine.startswith(REPLAYED)]
    if len(new) < LEAST:
        raise InputError(
            f"{len(new)} machines with over {FIRST + 5} cycles ran to failure: at least {LEAST} are needed"
        )
    standards = [life.scale.standard(history) for history in fleet]
    boosted = [life.trees.raw(rows_of(standard)) for standard in standards]
    truths = [history.remaining() for history in fleet]
    count = len(life.network.members)
    folds = folds_of(len(new), replace(schedule, folds=max(count, 2)))
    members: list[Member] = [copy.deepcopy(life.network.members[n % count]) for n in range(len(folds))]  # type: ignore[misc]
    rows: list[tuple[Array, Array, Array, Array]] = []
    for number, (member, fold) in enumerate(zip(members, folds, strict=True)):
        outside = {new[index] for index in fold}
        parts = [
            windows_to_learn([(standards[i], boosted[i], truths[i]) for i in machines], schedule.every)
            for machines in ([i for i in range(len(fleet)) if i not in outside], sorted(outside))
        ]
        _move(member, parts[0], parts[1], replace(schedule, seed=schedule.seed * 1000 + number), method)
        alone = Network(replace(life.network.config, members=1), [member])
        for index in sorted(outside):
            chosen = np.arange(FIRST, len(fleet[index]))
            moved = alone.changes(channels_of(standards[index], boosted[index]), list(chosen))
            truth = np.minimum(truths[index][chosen], CAP)
            rows.append((boosted[index][chosen], moved, truth, np.full(len(chosen), index)))
    plain, moved, truth, names = (np.concatenate(part) for part in zip(*rows, strict=True))
    share = min(SHARES, key=lambda each: float(error_of(plain + each * moved, truth, names)))
    said = np.clip(plain + share * moved, 0, CAP)
    before, after = error_of(plain, truth, names), error_of(said, truth, names)
    say(f"error on machines left out: {before:.2f} by the boosting alone, {after:.2f} with the network moved")
    return replace(
        life,
        network=Network(life.network.config, members[:count]),
        share=share,
        bounds=fit_bounds(said, truth, names),
        errors=np.column_stack([names, said, truth]).astype(np.float32),
        machines=len(fleet),
    )


def _move(
    member: Member,
    known: tuple[Tensor, Tensor, Tensor],
    held: tuple[Tensor, Tensor, Tensor],
    schedule: Schedule,
    method: str,
) -> None:
    """One member in place, stopped by the machines that it does not learn from."""
    values, real, left = known

    def step(rows: Array) -> Mapping[str, Tensor]:
        index = torch.from_numpy(rows)
        noise = torch.randn(
            (len(rows), *values.shape[1:]), generator=torch_generator(schedule.seed, f"noise/{rows[0]}/{rows[-1]}")
        )
        found = member(values[index] + NOISE * noise, real[index])
        return {"life": (found - left[index]).square().mean() / 100}

    def validate() -> Mapping[str, float]:
        return {"loss": float((member(held[0], held[1]) - held[2]).square().mean() / 100)}

    config = TrainingConfig(
        epochs=schedule.epochs, rate=RATES[method], weight_decay=0.1, precision="fp32", seed=schedule.seed
    )
    unfreezing = begin(member, method, PARTS)
    for _ in fit(
        member, orders(len(left), schedule), step, config=config, validate=validate, unfreezing=unfreezing, label="life"
    ):
        pass
    finish(member, method)
    member.eval()
