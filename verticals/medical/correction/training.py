"""What the network that redraws nodules learns from: LIDC shapes in CT, spoilt outlines, a simulated reader.

The network answers its own clicks while it learns: what it sees is what it will meet. It knows no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ....core.progress import say
from ....core.random import numpy_generator
from ....core.training.events import Validated
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ....core.types import Array, Volume
from ..simulation.patches import Background
from ..simulation.shapes import Shape
from .clicks import Click, correcting
from .outline import Cube, Outline
from .redraw import Drawing, Redraw, framed, maps_of
from .scenes import draw_scene

ROUNDS = 4  # clicks at most before the one that is learnt from
ABOUT = 9.0  # mm around a nodule in which outlines are spoilt
NONE = 0.45  # share of lessons that begin without an outline


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """One nodule, how it is outlined so far, what the reader has clicked, and the cube that is looked at."""

    volume: Volume
    truth: Outline
    aside: Outline
    outline: Outline
    clicks: tuple[Click, ...]
    cube: Cube


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
    scene = draw_scene(backgrounds, shapes, generator)
    if scene is None:
        return None
    truth, spacing = Outline.of(np.argwhere(scene.truth)), np.array(scene.volume.spacing)
    about = np.ceil(ABOUT / spacing).astype(int)
    low = np.maximum(truth.low - about, 0)
    high = np.minimum(truth.low + truth.mask.shape + about, scene.truth.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    mask = np.zeros(tuple(high - low), bool)
    if generator.random() >= NONE:
        mask = spoilt(truth.on(low, high), scene.volume.voxels[box], spacing, generator)
    outline = Outline.of(np.argwhere(mask) + low) if mask.any() else Outline.of(np.zeros((0, 3), int))
    lesson = Lesson(
        volume=scene.volume, truth=truth, aside=Outline.of(np.argwhere(scene.aside)), outline=outline, clicks=(),
        cube=Cube.around(low, high, scene.volume.spacing),
    )  # fmt: skip
    return clicked(lesson, generator)


def spoilt(truth: Array, values: Array, spacing: Array, generator: np.random.Generator) -> Array:
    """An outline as a detector may draw it: too small or large, uneven, cut off, aside, or along a vessel."""
    kind = int(generator.choice(5, p=(0.5, 0.14, 0.12, 0.12, 0.12)))
    signed = ndimage.distance_transform_edt(truth, sampling=spacing)
    signed = signed - ndimage.distance_transform_edt(~truth, sampling=spacing)
    radius = float(signed.max())
    rough = ndimage.gaussian_filter(generator.standard_normal(truth.shape), generator.uniform(1.2, 3.0) / spacing)
    signed = signed + rough / (rough.std() + 1e-9) * generator.uniform(0, 0.35) * (radius + 1)
    if kind == 0:
        return signed > generator.uniform(-1.2, 0.6 * radius)
    slope = generator.normal(size=3)
    slope /= np.linalg.norm(slope)
    where = (np.indices(truth.shape).reshape(3, -1).T - np.argwhere(truth).mean(axis=0)) * spacing
    along = (where @ slope).reshape(truth.shape)
    if kind == 1:
        return (signed > -0.3) & (along < generator.uniform(-0.3, 0.7) * radius)
    if kind == 2:
        shift = np.round(slope * generator.uniform(0.5, 2) * max(radius, 2) / spacing).astype(int)
        return np.roll(signed > -0.5, shift, (0, 1, 2))
    if kind == 3:
        return signed > -generator.uniform(1, 4)
    bar = np.median(values[truth]) - generator.uniform(50, 350)
    near = signed > -generator.uniform(3, 9)
    labels, _ = ndimage.label((values > bar) & near | (signed > 0))
    return labels == np.bincount(labels[truth]).argmax()


def clicked(lesson: Lesson, generator: np.random.Generator) -> Lesson | None:
    """The lesson with the reader's next click, half of the time by a hand that is not steady; None where nothing is
    wrong."""
    jitter = float(generator.uniform(0, 1.5)) if generator.random() < 0.5 else 0.0
    spacing, outline = lesson.volume.spacing, lesson.outline
    low, high = lesson.truth.low, lesson.truth.low + lesson.truth.mask.shape
    if outline.mask.any():
        low, high = np.minimum(low, outline.low), np.maximum(high, outline.low + outline.mask.shape)
    truth, mask, aside = (each.on(low, high) for each in (lesson.truth, outline, lesson.aside))
    click = correcting(truth, mask, spacing, aside=aside, generator=generator, jitter=jitter)
    if click is not None and truth[click.voxel(truth.shape)] != click.positive:
        click = correcting(truth, mask, spacing, aside=aside)  # a hand that slipped into the contrary says nothing true
    if click is None:
        return None
    clicks = (*lesson.clicks, click.moved(-low))
    margin = 5.0 + (float(generator.uniform(0, 8)) if generator.random() < 0.3 else 0.0)
    return replace(lesson, clicks=clicks, cube=framed(outline, clicks, spacing, margin=margin))


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
        generator = numpy_generator(seed, f"rounds/{sum(float(each.volume.voxels.sum()) for each in batch):.0f}")
        for _ in range(int(generator.choice(ROUNDS, p=(0.45, 0.3, 0.15, 0.1)))):
            batch = _answered(model, batch, generator)
        logits = model(_shown(batch))
        with torch.autocast("cpu", enabled=False):
            return redraw_loss(logits, batch)

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


def redraw_loss(logits: Tensor, batch: Sequence[Lesson]) -> dict[str, Tensor]:
    """Cross-entropy near the nodule's own size, and soft Dice, of logits `[batch, 1, i, j, k]` read off at the voxels
    of the scan: what is learnt is what is measured."""
    cross, dice = [], []
    for each, lesson in zip(logits[:, 0].float(), batch, strict=True):
        low, lines = lesson.cube.lines(lesson.volume.voxels.shape)
        answer = each
        for axis, line in enumerate(lines):
            answer = (_between(line, answer.shape[axis]) @ answer.movedim(axis, -2)).movedim(-2, axis)
        truth = torch.from_numpy(lesson.truth.on(low, low + np.array(answer.shape)).astype(np.float32))
        size = truth.sum().clamp(min=8.0)
        plain = torch.nn.functional.binary_cross_entropy_with_logits(answer, truth, reduction="sum")
        chance = torch.sigmoid(answer)
        cross.append(0.25 * plain / size)
        dice.append(1 - (2 * (chance * truth).sum() + 1) / (chance.sum() + truth.sum() + 1))
    return {"cross": torch.stack(cross).mean(), "dice": torch.stack(dice).mean()}


def _between(line: Array, size: int) -> Tensor:
    """Linear interpolation at places of an axis as a matrix `[place, size]`."""
    away = torch.from_numpy(np.abs(line[:, None] - np.arange(size)).astype(np.float32))
    return (1 - away).clamp(min=0)


def _shown(batch: Sequence[Lesson]) -> Tensor:
    maps = np.stack([maps_of(each.cube, each.volume, each.outline, each.clicks) for each in batch])
    return torch.from_numpy(maps).contiguous(memory_format=torch.channels_last_3d)


@torch.no_grad()
def _answered(model: Redraw, batch: Sequence[Lesson], generator: np.random.Generator) -> list[Lesson]:
    """The lessons after the network's own answer, with the reader's next click; one that is right stays."""
    after = []
    for answer, lesson in zip(model(_shown(batch))[:, 0].float().numpy(), batch, strict=True):
        drawing = Drawing.of(lesson.cube, answer, lesson.volume.voxels.shape)
        after.append(clicked(replace(lesson, outline=_taken(lesson, drawing.outline)), generator) or lesson)
    return after


def _taken(lesson: Lesson, drawn: Outline) -> Outline:
    """The outline as the click's sense allows: more after a positive one, less after a negative one."""
    last, old = lesson.clicks[-1], lesson.outline
    point = np.round([last.at]).astype(int)
    if not old.mask.any():
        where = drawn.where
    elif last.positive:
        where = np.concatenate([old.where, drawn.where])
    else:
        where = old.where[drawn.on(old.low, old.low + old.mask.shape)[old.mask]]
    where = where[(where != point).any(axis=1)]
    return Outline.of(np.concatenate([where, point]) if last.positive else where)
