"""Teaches the detector's head on good photographs: half of the crops it sees have defects planted in them.

No real defect is used. It knows nothing of thresholds or of how a map becomes a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ....core.progress import track
from ....core.random import numpy_generator, torch_generator
from ....core.types import Array
from .canvas import canvas, fitted
from .head import SIDES, STRIDE, Head, maps_of, trunk
from .planting import harmless, planted


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """How long and with what: `side` is the crop's, `share` of the crops hold planted defects."""

    steps: int = 300
    batch: int = 8
    side: int = 224
    share: float = 0.6
    rate: float = 3e-3
    decay: float = 1e-3
    top: int = 10  # places whose mean logit speaks for the whole crop


def teach(pictures: Sequence[Array], *, lesson: Lesson, seed: int, origin: str = "imagenet") -> Head:
    """A head from prepared pictures (`canvas.prepared`), all good; the same for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(int(torch_generator(seed, "camera head").initial_seed()) % 2**31)
        head = Head()
    generator = numpy_generator(seed, "camera lesson")
    learner = torch.optim.AdamW(head.parameters(), lr=lesson.rate, weight_decay=lesson.decay)
    plan = torch.optim.lr_scheduler.OneCycleLR(learner, lesson.rate, total_steps=max(lesson.steps, 2), pct_start=0.1)
    longest = max(max(picture.shape[:2]) for picture in pictures)
    side = min(lesson.side, -(-longest // SIDES) * SIDES)  # a crop beyond every picture would be padding
    backbone = trunk(origin)
    head.train()
    for _ in track(range(lesson.steps), "teaching the camera", total=lesson.steps):
        pixels, where = _batch(pictures, lesson, side, generator)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            maps = [each.float() for each in maps_of(backbone, pixels)]
        loss = _loss(head(maps), F.max_pool2d(where, STRIDE), lesson.top)
        learner.zero_grad()
        loss.backward()
        learner.step()
        plan.step()
    return head.eval()


def _batch(
    pictures: Sequence[Array], lesson: Lesson, side: int, generator: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Crops `[batch, channel, side, side]` and where their defects are."""
    crops, masks = [], []
    for _ in range(lesson.batch):
        crop = _crop(pictures, side, generator)
        mask = np.zeros(crop.shape[:2], bool)
        if generator.random() < lesson.share:
            crop, mask = planted(crop, _crop(pictures, side, generator), generator)
        crops.append(harmless(crop, generator).transpose(2, 0, 1))
        masks.append(mask[None].astype(np.float32))
    return torch.from_numpy(np.stack(crops)), torch.from_numpy(np.stack(masks))


def _crop(pictures: Sequence[Array], side: int, generator: np.random.Generator) -> Array:
    """A square of a picture at a scale of 0.8 to 1.25, flipped at random, at its border in two of three draws.

    Borders are common in whole photographs and would be rare, and so strange, in crops drawn evenly.
    """
    picture = pictures[int(generator.integers(len(pictures)))]
    size = int(side / np.exp(generator.uniform(np.log(0.8), np.log(1.25))))
    top, left = (_start(length - size, generator) for length in picture.shape[:2])
    crop = fitted(canvas(picture[top : top + size, left : left + size], size, size), side, side)
    crop = crop[:, ::-1] if generator.random() < 0.5 else crop
    return np.ascontiguousarray(crop[::-1] if generator.random() < 0.5 else crop)


def _start(room: int, generator: np.random.Generator) -> int:
    room = max(0, room)
    return int((0, room, generator.integers(room + 1))[int(generator.integers(3))])


def _loss(logits: Tensor, where: Tensor, top: int) -> Tensor:
    """Focal loss (Lin et al. 2017) by place, overlap (Dice) by crop, and one answer for the whole crop."""
    each = F.binary_cross_entropy_with_logits(logits, where, reduction="none")
    focal = ((1 - torch.exp(-each)) ** 2 * each).mean()
    chance = torch.sigmoid(logits)
    both, sizes = (chance * where).sum((1, 2, 3)), chance.sum((1, 2, 3)) + where.sum((1, 2, 3))
    overlap = 1 - (2 * both + 20) / (sizes + 20)
    strongest = logits.flatten(1).topk(top, dim=1).values.mean(dim=1)
    whole = F.binary_cross_entropy_with_logits(strongest, (where.sum((1, 2, 3)) > 0).float())
    return 5 * focal + 0.5 * overlap.mean() + 0.2 * whole
