"""Teaches the edge network from units that its teacher has judged: soft labels, true places, and the teacher's numbers.

Photograph and recording of different units are put together anew in every batch: the senses err independently, so the
network never learns which photograph goes with which sound. It knows nothing of pruning, files and thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....core.progress import track
from ....core.random import numpy_generator, torch_generator
from ....core.shrink.distilling import Hint, answers
from ....core.trust.calibration import fit_platt
from ....core.types import Array
from .eye import SIDE
from .network import WIDTH, EdgeNet, Widths, joined
from .rows import Rows

LEAST_SPREAD = 0.02  # grey
RARE = 8.0  # how much a place with a defect counts more than one without


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how fast: `trust` is the share of the teacher in each label."""

    epochs: int = 8
    batch: int = 16
    rate: float = 3e-3
    decay: float = 1e-3
    trust: float = 0.3
    place: float = 0.5
    hint: float = 0.3


class Told(NamedTuple):
    """What is told of each row: who can tell it is bad (so far as the teacher thinks), where, and the numbers."""

    soft: Tensor  # [row, sense]
    hard: Tensor  # [row, sense]
    sight: Tensor
    hearing: Tensor


def fresh(rows: Rows, *, seed: int, widths: Widths | None = None) -> EdgeNet:
    """A network drawn from the seed that knows what good units usually look and sound like."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch_generator(seed, "edge network").initial_seed()) % 2**31)
        network = EdgeNet(side=SIDE, features=rows.sound.shape[1], widths=widths)
    good = rows.take(~rows.bad)
    halves = np.stack([_halved(each) for each in good.picture])
    network.eye.usual.value.copy_(torch.from_numpy(halves.mean(axis=0))[None, None])
    network.eye.spread.value.copy_(torch.from_numpy(np.sqrt(halves.var(axis=0) + LEAST_SPREAD**2))[None, None])
    network.ear.mean.copy_(torch.from_numpy(good.sound.mean(axis=0)))
    network.ear.spread.copy_(torch.from_numpy(np.maximum(good.sound.std(axis=0), 0.05)))
    return network


def teach(network: EdgeNet, rows: Rows, plan: Plan, *, seed: int, label: str = "teaching the edge network") -> None:
    """Train in place; the network is in evaluation mode afterwards."""
    told = _told(rows)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch_generator(seed, f"hints of {label}").initial_seed()) % 2**31)
        hints = nn.ModuleList([Hint(WIDTH, each.shape[1]) for each in (rows.sight, rows.hearing)])
    generator = numpy_generator(seed, label)
    steps = plan.epochs * (len(rows) // plan.batch)
    learner = torch.optim.AdamW([*network.parameters(), *hints.parameters()], lr=plan.rate, weight_decay=plan.decay)
    pace = torch.optim.lr_scheduler.OneCycleLR(learner, plan.rate, total_steps=max(steps, 2), pct_start=0.15)
    network.train()
    for index in track(_batches(len(rows), plan, generator), label, total=steps):
        loss = _loss(network, hints, rows, told, index, generator, plan)
        learner.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        learner.step()
        pace.step()
    network.eval()


def _batches(count: int, plan: Plan, generator: np.random.Generator) -> list[Array]:
    found = []
    for _ in range(plan.epochs):
        order = generator.permutation(count)
        found += [order[at : at + plan.batch] for at in range(0, count - plan.batch + 1, plan.batch)]
    return found


def _told(rows: Rows) -> Told:
    """The teacher's answer of each sense as a probability that this sense can tell a defect."""
    soft = np.empty((len(rows), 2), np.float32)
    for sense in range(2):
        platt = fit_platt(rows.teacher[:, 1 + sense], rows.visible[:, sense])
        soft[:, sense] = platt.probabilities(rows.teacher[:, 1 + sense])
    hard = torch.from_numpy(rows.visible.astype(np.float32))
    return Told(torch.from_numpy(soft), hard, torch.from_numpy(rows.sight), torch.from_numpy(rows.hearing))


def _loss(
    network: EdgeNet,
    hints: nn.ModuleList,
    rows: Rows,
    told: Told,
    index: Array,
    generator: np.random.Generator,
    plan: Plan,
) -> Tensor:
    """Both senses' own answers, their joint one, the places of the picture, and the teacher's numbers."""
    other = _dealt(index, generator)  # whose sound goes with which photograph
    pixels = varied(rows.picture[index], generator)
    seen, place, sight = network.eye(pixels)
    heard, hearing = network.ear(torch.from_numpy(rows.sound[other]))
    one, two = torch.from_numpy(index), torch.from_numpy(other)
    both = torch.maximum(told.hard[one, 0], told.hard[two, 1])
    loss = answers(seen, told.hard[one, 0], told.soft[one, 0], trust=plan.trust)
    loss = loss + answers(heard, told.hard[two, 1], told.soft[two, 1], trust=plan.trust)
    loss = loss + F.binary_cross_entropy_with_logits(joined(torch.stack([seen, heard], dim=1)), both)
    where = torch.from_numpy(rows.place[index].astype(np.float32))[:, None]
    weight = torch.full((), RARE)
    loss = loss + plan.place * F.binary_cross_entropy_with_logits(place, where, pos_weight=weight)
    hint = hints[0](sight, told.sight[one]) + hints[1](hearing, told.hearing[two])
    return loss + plan.hint * hint


def _dealt(index: Array, generator: np.random.Generator) -> Array:
    return np.asarray(generator.permutation(index))


def varied(pictures: Array, generator: np.random.Generator) -> Tensor:
    """`[batch, 1, side, side]` in 0..1: each moved by at most a pixel, its exposure and its noise drawn anew."""
    made = []
    for picture in pictures:
        moved = np.roll(picture, tuple(generator.integers(-1, 2, size=2)), axis=(0, 1)).astype(np.float32) / 255
        made.append(moved * np.float32(np.exp(0.02 * generator.normal())))
    pixels = np.stack(made)[:, None]
    pixels += generator.standard_normal(pixels.shape, np.float32) * np.float32(0.004)
    return torch.from_numpy(np.clip(pixels, 0, 1))


def plain(rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, sounds and presence as the network takes them."""
    pixels = torch.from_numpy(rows.picture.astype(np.float32) / 255)[:, None]
    return pixels, torch.from_numpy(rows.sound), torch.ones(len(rows), 2, dtype=torch.bool)


@torch.no_grad()
def scores(network: EdgeNet, rows: Rows, batch: int = 32) -> Array:
    """`[row, 3]`: log-odds by both senses, by the image alone, by the sound alone."""
    found = []
    for at in range(0, len(rows), batch):
        answer, alone, _ = network(*plain(rows.take(np.arange(at, min(at + batch, len(rows))))))
        found.append(torch.cat([answer[:, None], alone], dim=1))
    return np.asarray(torch.cat(found).numpy())


def _halved(picture: Array) -> Array:
    values = picture.astype(np.float32) / 255
    side = len(values) // 2
    return values.reshape(side, 2, side, 2).mean(axis=(1, 3))
