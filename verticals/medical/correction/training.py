"""What the network that redraws nodules learns from: LIDC shapes in CT, spoilt outlines, a simulated reader.

The network answers its own clicks while it learns: what it sees is what it will meet. It knows no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ....core.progress import say
from ....core.random import numpy_generator
from ....core.training.events import Validated
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ....core.types import Array
from ..simulation.patches import Background, cut_patch, draw_patch
from ..simulation.shapes import Shape
from .clicks import Click, correcting
from .outline import SIZE, STEP
from .redraw import Redraw, seen

AROUND = 48  # voxels a side of the patch that a cube is cut from
WANDER = 6  # voxels by which the nodule may lie off the centre of its cube
ROUNDS = 3  # clicks at most before the one that is learnt from


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """One nodule, how it is outlined so far, and what the reader has clicked."""

    values: Array
    truth: Array
    mask: Array
    clicks: tuple[Click, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lessons:
    """Called with an epoch it gives that epoch's batches of lessons, each a function of (seed, epoch, number)."""

    backgrounds: Sequence[Background]
    shapes: Sequence[Shape]
    size: int = 4
    batches: int = 100
    seed: int = 0

    def __call__(self, epoch: int) -> LessonEpoch:
        return LessonEpoch(self, epoch)

    def batch(self, epoch: int, number: int) -> list[Lesson]:
        generator = numpy_generator(self.seed, f"cubes/{epoch}/{number}")
        found: list[Lesson] = []
        while len(found) < self.size:
            drawn = draw_lesson(self.backgrounds, self.shapes, generator)
            if drawn is not None:
                found.append(drawn)
        return found


class LessonEpoch(Sequence[list[Lesson]]):
    """One epoch of `Lessons`."""

    def __init__(self, lessons: Lessons, epoch: int) -> None:
        self._lessons, self._epoch = lessons, epoch

    def __len__(self) -> int:
        return self._lessons.batches

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._lessons.batch(self._epoch, index)


def draw_lesson(
    backgrounds: Sequence[Background], shapes: Sequence[Shape], generator: np.random.Generator
) -> Lesson | None:
    """A nodule in its surroundings with a spoilt outline and the first click; None where none came to lie inside."""
    patch = draw_patch(backgrounds, shapes, generator, size=AROUND, margin=SIZE // 2)
    labels, count = ndimage.label(patch.truth)
    if not count:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    chosen = 1 + int(generator.choice(count, p=np.sqrt(sizes) / np.sqrt(sizes).sum()))
    centre = np.round(np.argwhere(labels == chosen).mean(axis=0)).astype(int)
    corner = centre + generator.integers(-WANDER, WANDER + 1, 3) - SIZE // 2
    values = cut_patch(patch.values, corner, -1000.0, SIZE)
    truth = cut_patch(labels == chosen, corner, False, SIZE)
    if truth.sum() < 3:
        return None
    mask = spoilt(truth, values, generator)
    click = _clicked(truth, mask, generator)
    return Lesson(values=values, truth=truth, mask=mask, clicks=(click,)) if click is not None else None


def spoilt(truth: Array, values: Array, generator: np.random.Generator) -> Array:
    """An outline as a detector may draw it: none, too small or large, uneven, cut off, aside, or along a vessel."""
    kind = generator.choice(6, p=(0.3, 0.3, 0.1, 0.1, 0.1, 0.1))
    if kind == 0:
        return np.zeros_like(truth)
    signed = STEP * (ndimage.distance_transform_edt(truth) - ndimage.distance_transform_edt(~truth))
    radius = float(signed.max())
    rough = ndimage.gaussian_filter(generator.standard_normal(truth.shape), generator.uniform(1.0, 2.5))
    signed = signed + rough / (rough.std() + 1e-9) * generator.uniform(0, 0.35) * (radius + 1)
    if kind == 1:
        return signed > generator.uniform(-1.2, 0.6 * radius)
    slope = generator.normal(size=3)
    where = np.indices(truth.shape).reshape(3, -1).T - np.argwhere(truth).mean(axis=0)
    along = (where @ (slope / np.linalg.norm(slope))).reshape(truth.shape) * STEP
    if kind == 2:
        return (signed > -0.3) & (along < generator.uniform(-0.3, 0.7) * radius)
    if kind == 3:
        shift = np.round(slope / np.linalg.norm(slope) * generator.uniform(0.5, 2) * max(radius, 2) / STEP).astype(int)
        return np.roll(signed > -0.5, shift, (0, 1, 2))
    if kind == 4:
        return signed > -generator.uniform(1, 4)
    bar = np.median(values[truth]) - generator.uniform(50, 350)
    near = signed > -generator.uniform(3, 9)
    labels, _ = ndimage.label((values > bar) & near | (signed > 0))
    return labels == np.bincount(labels[truth]).argmax()


def _clicked(truth: Array, mask: Array, generator: np.random.Generator) -> Click | None:
    """The next click, half of the time with a hand that is not steady."""
    jitter = float(generator.uniform(0, 1.5)) if generator.random() < 0.5 else 0.0
    click = correcting(truth, mask, (STEP,) * 3, generator=generator, jitter=jitter)
    if click is None or truth[click.voxel(truth.shape)] == click.positive:
        return click
    return correcting(truth, mask, (STEP,) * 3)  # a hand that slipped into the contrary says nothing true


def train_redraw(
    model: Redraw, train: tuple[Sequence[Background], Sequence[Shape]],
    validation: tuple[Sequence[Background], Sequence[Shape]],
    *, epochs: int = 12, batches: int = 200, rate: float = 2e-3, checks: int = 24,
    seed: int = 0,
) -> tuple[Redraw, dict[str, float]]:  # fmt: skip
    """The network trained in place, with its best validation losses; that epoch is kept."""
    model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    lessons = Lessons(backgrounds=train[0], shapes=train[1], batches=batches, seed=seed)
    held = list(Lessons(backgrounds=validation[0], shapes=validation[1], batches=checks, seed=seed + 1)(0))

    def step(batch: list[Lesson]) -> dict[str, Tensor]:
        generator = numpy_generator(seed, f"rounds/{batch[0].values.sum():.3f}")
        for _ in range(int(generator.integers(0, ROUNDS))):
            batch = _answered(model, batch, generator)
        truth = torch.from_numpy(np.stack([each.truth for each in batch])[:, None].astype(np.float32))
        return redraw_loss(model(_shown(batch)), truth)

    def validate() -> dict[str, float]:
        found = [step(batch) for batch in held]
        named = {name: sum(float(each[name]) for each in found) / len(found) for name in found[0]}
        return {**named, "loss": sum(named.values())}

    config, best = TrainingConfig(epochs=epochs, rate=rate, patience=0, seed=seed, warmup=0.04), dict[str, float]()
    for event in fit(model, lessons, step, config=config, validate=validate, label="redraw"):
        if isinstance(event, Validated):
            told = ", ".join(f"{name} {value:.3f}" for name, value in event.losses.items())
            told_held = ", ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            best = dict(event.metrics) if event.best else best
            say(f"redraw: epoch {event.epoch + 1}: {told}; validation {told_held}{' (best)' if event.best else ''}")
    return model, best


def redraw_loss(logits: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Cross-entropy near the nodule's own size, and soft Dice, `[batch, 1, i, j, k]`."""
    logits = logits.float()
    size = truth.sum(dim=(1, 2, 3, 4)).clamp(min=20.0)
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    chance = torch.sigmoid(logits)
    both = (chance * truth).sum(dim=(1, 2, 3, 4))
    dice = 1 - (2 * both + 1) / (chance.sum(dim=(1, 2, 3, 4)) + truth.sum(dim=(1, 2, 3, 4)) + 1)
    return {"cross": 0.25 * (plain.sum(dim=(1, 2, 3, 4)) / size).mean(), "dice": dice.mean()}


def _shown(batch: Sequence[Lesson]) -> Tensor:
    maps = np.stack([seen(each.values, each.mask, each.clicks) for each in batch])
    return torch.from_numpy(maps).contiguous(memory_format=torch.channels_last_3d)


@torch.no_grad()
def _answered(model: Redraw, batch: Sequence[Lesson], generator: np.random.Generator) -> list[Lesson]:
    """The cubes after the network's own answer, with the reader's next click."""
    drawn = (model(_shown(batch))[:, 0] > 0).numpy()
    after = []
    for cube, mask in zip(batch, drawn, strict=True):
        click = _clicked(cube.truth, mask, generator)
        after.append(
            Lesson(values=cube.values, truth=cube.truth, mask=mask, clicks=(*cube.clicks, click)) if click else cube
        )
    return after
