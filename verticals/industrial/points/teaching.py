"""Teaches the point expert: pieces of scans, turned at random, with the truth of every cell.

Two losses: what each cell is, and what the strangest cells of a piece say of the whole of it. It knows no parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ....core.errors import InputError
from ....core.progress import track
from ....core.random import numpy_generator, torch_generator
from ....core.types import Array, PointCloud
from .expert import KINDS, PointExpert, Reader, strongest

STEPS, RATE = 500, 2e-3
PIECE, BATCH = 2_048, 8  # cells of a piece, and pieces of a step
CENTRED = 0.7  # share of the pieces of a defective scan that are cut about the defect
TELLING = 3  # cells that a piece must hold of a defect to be called defective
RARE = 0.2  # weight of the mean loss over defective cells beside that over all
WARM = 0.1  # share of the steps in which the rate rises


@dataclass(frozen=True, kw_only=True, eq=False)
class Shot:
    """A scan's cells `[cell, channel]`, what each is (0 good, else 1 + its place in KINDS), and what the unit has."""

    cells: Array
    labels: Array
    kind: int


def teach(
    shots: Sequence[Shot], *, seed: int, steps: int = STEPS, rate: float = RATE, start: PointExpert | None = None
) -> PointExpert:
    """A reader drawn from the seed, or the one to go on from, after so many steps.

    Raises:
        InputError: no scan, or none with a defect, or none without.
    """
    if not any(shot.kind for shot in shots) or all(shot.kind for shot in shots):
        raise InputError(f"{len(shots)} scans: the point expert is taught on good and on defective ones")
    generator = numpy_generator(seed, "pieces of scans")
    with torch.random.fork_rng():
        torch.manual_seed(int(torch_generator(seed, "point expert").initial_seed()) % 2**31)
        reader = Reader()
    if start is not None:
        reader.load_state_dict(start.reader.state_dict())
    reader.train()
    optimiser = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _share(step, steps))
    for _ in track(range(steps), "teaching the point expert"):
        loss = _loss(reader, [_piece(shot, generator) for shot in _drawn(shots, generator)])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return PointExpert(reader=reader.eval())


def _share(step: int, steps: int) -> float:
    warm = max(WARM * steps, 1)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(steps - warm, 1)))) + 1e-3


def _drawn(shots: Sequence[Shot], generator: np.random.Generator) -> list[Shot]:
    return [shots[int(index)] for index in generator.integers(len(shots), size=BATCH)]


def _piece(shot: Shot, generator: np.random.Generator) -> tuple[PointCloud, Array]:
    """The cells nearest to one of them, turned: about a defect more often than chance would."""
    bad = np.flatnonzero(shot.labels)
    pool = bad if len(bad) and generator.random() < CENTRED else np.arange(len(shot.labels))
    places = shot.cells[:, :3]
    middle = places[pool[int(generator.integers(len(pool)))]] + generator.normal(size=3) * 5
    squares = ((places - middle) ** 2).sum(axis=1)
    count = min(PIECE, len(squares))
    chosen = np.sort(np.argpartition(squares, count - 1)[:count])
    turn = Rotation.random(random_state=generator).as_matrix()
    values = shot.cells[chosen]
    features = np.concatenate([values[:, 3:-3], values[:, -3:] @ turn.T], axis=1).astype(np.float32)
    return PointCloud(points=values[:, :3].astype(np.float64) @ turn.T, features=features), shot.labels[chosen]


def _loss(reader: Reader, pieces: Sequence[tuple[PointCloud, Array]]) -> Tensor:
    encoder = reader.encoder
    x, mask = encoder.collate([cloud for cloud, _ in pieces])
    labels = torch.zeros(mask.shape, dtype=torch.int64)
    for row, (cloud, each) in enumerate(pieces):
        order = encoder.order(cloud.points)
        labels[row, : len(order)] = torch.from_numpy(each[order].astype(np.int64))
    with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):  # short rows: twice as fast backwards
        logits = reader(x, mask)
    logits = logits.float()
    losses = F.cross_entropy(logits[mask], labels[mask], reduction="none")
    bad = labels[mask] > 0
    rare = losses[bad].mean() if bool(bad.any()) else losses.sum() * 0
    return losses.mean() + RARE * rare + _whole(reader, strongest(logits, mask), _kinds(labels))


def _kinds(labels: Int[Tensor, "batch cell"]) -> Int[Tensor, " batch"]:
    """What each piece shows: the commonest kind of its defective cells, 0 where there are hardly any, -1 in between."""
    counts = torch.stack([(labels == kind).sum(dim=1) for kind in range(1, 1 + len(KINDS))], dim=1)
    most = counts.max(dim=1)
    found = torch.where(most.values >= TELLING, most.indices + 1, torch.zeros_like(most.indices))
    return torch.where((most.values > 0) & (most.values < TELLING), torch.full_like(found, -1), found)


def _whole(reader: Reader, top: Float[Tensor, "batch kind"], kinds: Int[Tensor, " batch"]) -> Tensor:
    """Whether there is a defect, by the strangest cells; and which, of those that have one."""
    logits = reader.scale * top + reader.shift
    told = kinds >= 0
    loss = F.binary_cross_entropy_with_logits(logits[told, 0], (kinds[told] > 0).float())
    bad = kinds > 0
    if bool(bad.any()):
        loss = loss + 0.5 * F.cross_entropy(logits[bad, 1:], kinds[bad] - 1)
    return loss
