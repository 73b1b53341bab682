"""From an inspector to one small enough for the camera's own processor: teach, prune, round, and prove every step.

The teacher is an inspector that has learned image and sound; the student is one network (`network.py`). Each rung is
written as a program and judged by the engine that will run it. Nothing is tuned on the rows that judge: `held` rows
calibrate and choose between the two ways to int8, test rows (where given) only measure.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ....core.engine import Engine, open_engine
from ....core.export import write
from ....core.export.program import TOLERANCE, Program
from ....core.progress import say
from ....core.random import numpy_generator
from ....core.shrink.ladder import Honest, auroc, honest
from ....core.shrink.pruning import prune
from ....core.shrink.rounding import rehearse, settle, watching
from ....core.types import Array
from .network import EdgeNet
from .rows import SENSES, Rows
from .teaching import Plan, fresh, plain, scores, teach

TASK = "industrial/inspection"
PROVEN, CALIBRATED, AT_ONCE = 4, 128, 16  # rows that prove parity, that calibrate int8, and how many at a time
COARSE = 0.5  # of the range that int8 without rehearsal may move an answer: the ladder tells what that costs
SUBSETS = {"image+sound": (True, True), "image": (True, False), "sound": (False, True)}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How each step is made; `share` of the hidden channels is taken out."""

    distilled: Plan = field(default_factory=lambda: Plan(epochs=8))
    pruned: Plan = field(default_factory=lambda: Plan(epochs=3, rate=1.5e-3))
    rehearsed: Plan = field(default_factory=lambda: Plan(epochs=2, rate=3e-4))
    share: float = 0.5


class Rung(NamedTuple):
    """One step: its name, the network, and whether the engine's own quantiser makes it int8 afterwards."""

    name: str
    network: EdgeNet
    quantise: bool


def rungs(train: Rows, recipe: Recipe, *, seed: int) -> Iterator[Rung]:
    """The networks in turn, each made from the one before."""
    network = fresh(train, seed=seed).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    teach(network, train, recipe.distilled, seed=seed, label="distilling")
    yield Rung("distilled", network, False)
    network = copy.deepcopy(network)
    gone = prune(network, recipe.share)
    say(f"{gone} hidden channels are taken out")
    teach(network, train, recipe.pruned, seed=seed, label="teaching the pruned network")
    yield Rung("pruned", network, False)
    yield Rung("int8 after training", network, True)
    network = rounded(network, train, seed=seed)
    teach(network, train, recipe.rehearsed, seed=seed, label="rehearsing int8")
    settle(network)
    yield Rung("int8 rehearsed", network, False)


def rounded(network: EdgeNet, train: Rows, *, seed: int) -> EdgeNet:
    """A copy whose norms are folded and whose points know their ranges, ready to rehearse."""
    network = copy.deepcopy(network)
    network.fold()
    with watching(network):
        scores(network, calibration(train, seed))
    rehearse(network)
    return network


def calibration(train: Rows, seed: int) -> Rows:
    """Rows of the teaching side from which int8 learns its ranges."""
    order = numpy_generator(seed, "calibration of the edge network").permutation(len(train))
    return train.take(np.sort(order[:CALIBRATED]))


def program_of(rung: Rung, train: Rows, held: Rows, processing: Mapping[str, Any], *, seed: int) -> Program:
    """The program of a rung: calibrated on rows of the teaching side, proven on held ones, for every subset."""
    whole = plain(held.take(_both(held)))
    apart = calibration(train, seed)
    batches = tuple(
        plain(apart.take(np.arange(at, at + AT_ONCE))) for at in range(0, len(apart) - AT_ONCE + 1, AT_ONCE)
    )
    explicit = any(name.endswith("whole") for name, _ in rung.network.named_buffers())
    return Program(
        module=rung.network,
        example=whole,
        inputs=("image", "sound", "presence"),
        outputs=("score", "senses", "map"),
        dynamic=({0: "batch"}, {0: "batch"}, {0: "batch"}),
        cases={
            name: (*whole[:2], torch.tensor(here).expand(PROVEN, -1).contiguous()) for name, here in SUBSETS.items()
        },
        notes={
            "before": "the photograph as a grey square of even exposure; features of the recording (processing)",
            "after": "score is log-odds of a defect: Platt scaling gives its probability, edge.json the limits",
        },
        processing=processing,
        calibration=batches,
        precision="int8" if explicit else "f32",
        tolerance=COARSE if rung.quantise else TOLERANCE,
    )


def _both(rows: Rows) -> Array:
    """Good and bad rows in turn."""
    half = PROVEN // 2
    return np.concatenate([np.flatnonzero(~rows.bad)[:half], np.flatnonzero(rows.bad)[:half]])


def exported(program: Program, rung: Rung, out: Path, *, format: str = "onnx") -> Engine:
    """The rung as a folder, and the engine on it (one thread)."""
    write(program, task=TASK, out=out, format=format, int8=rung.quantise)
    return open_engine(out, threads=1)


def engine_scores(engine: Engine, rows: Rows, batch: int = 32) -> Array:
    """`[row, 3]` as `teaching.scores`, by an engine."""
    found = []
    for at in range(0, len(rows), batch):
        pixels, sound, presence = plain(rows.take(np.arange(at, min(at + batch, len(rows)))))
        made = engine.run({"image": pixels.numpy(), "sound": sound.numpy(), "presence": presence.numpy()})
        found.append(np.concatenate([made["score"][:, None], made["senses"]], axis=1))
    return np.concatenate(found)


def calibrated(found: Array, held: Rows, *, false_alarms: float = 0.01) -> dict[str, Honest]:
    """For each subset: how its score becomes a probability and a verdict, from held rows.

    What one sense alone cannot see is no fault of its calibration: it is calibrated on what it can.
    """
    labels = (held.bad, held.visible[:, 0], held.visible[:, 1])
    return {
        name: honest(found[:, column], label, false_alarms=false_alarms)
        for column, (name, label) in enumerate(zip(("+".join(SENSES), *SENSES), labels, strict=True))
    }


def better(held: Rows, found: Mapping[str, Array]) -> str:
    """The way to int8 that orders held rows better; the rehearsed one where they are equal."""
    return max(sorted(found, reverse=True), key=lambda name: auroc(held.bad, found[name][:, 0]))
