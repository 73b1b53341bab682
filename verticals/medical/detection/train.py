"""Training: the detector on drawn patches, the judge on the detector's own candidates, both by the core's loop.

It knows no files and no checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ....core.guard import Chosen, Labelled, guard
from ....core.model import Model
from ....core.objective import losses
from ....core.progress import say, track
from ....core.random import numpy_generator
from ....core.training.events import Validated
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ....core.trust.calibration import Platt, fit_platt
from ....core.types import Array, Batch, Text
from ..simulation.cases import Case, inside_of
from ..simulation.indications import Indications
from ..simulation.patches import SIZE, Background, Patches, draw_patch
from ..simulation.shapes import Shape
from ..simulation.simulate import scanned
from ..studies.geometry import to_world
from .detect import CROP, candidates_in, candidates_of, look, slide
from .detector import STEP, Detector, DetectorConfig, detection_loss
from .judge import HEAD, ROWS, batch_of, offsets_of

FALSE = 5  # candidates of one window that are no nodule and that the judge learns from


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much to train: epochs of `batches` batches of `size` patches."""

    epochs: int = 12
    batches: int = 120
    size: int = 2
    checks: int = 12  # validation batches
    rate: float = 2e-3


def train_detector(
    detector: Detector,
    train: tuple[Sequence[Background], Sequence[Shape]],
    validation: tuple[Sequence[Background], Sequence[Shape]],
    *,
    effort: Effort,
    seed: int = 0,
) -> Detector:
    """The detector trained in place; the best epoch by validation loss is kept."""
    detector.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    patches = Patches(backgrounds=train[0], shapes=train[1], size=effort.size, batches=effort.batches, seed=seed)
    held = Patches(
        backgrounds=validation[0], shapes=validation[1], size=effort.size, batches=effort.checks, seed=seed + 1
    )
    checks = list(held(0))

    def step(batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        voxels, truth, weight = batch
        return detection_loss(detector(voxels.contiguous(memory_format=torch.channels_last_3d)), truth, weight)

    def validate() -> dict[str, float]:
        losses = [step(batch) for batch in checks]
        named = {name: sum(float(each[name]) for each in losses) / len(losses) for name in losses[0]}
        return {**named, "loss": sum(named.values())}

    config = TrainingConfig(epochs=effort.epochs, rate=effort.rate, patience=0, seed=seed, warmup=0.04)
    for event in fit(detector, patches, step, config=config, validate=validate, label="detector"):
        if isinstance(event, Validated):
            told = ", ".join(f"{name} {value:.3f}" for name, value in {**event.losses}.items())
            held_out = ", ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            say(f"detector: epoch {event.epoch + 1}: {told}; validation {held_out}{' (best)' if event.best else ''}")
    return detector


def new_detector(seed: int) -> Detector:
    """A detector with weights drawn from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Detector(DetectorConfig())


def hardened(detector: Detector, backgrounds: Sequence[Background], *, seed: int = 0) -> list[Background]:
    """The backgrounds with the places that the detector takes for nodules, though nothing was put there."""
    found = []
    for number, ground in enumerate(track(backgrounds, "hard places", len(backgrounds))):
        values, _ = scanned(ground.values, STEP, numpy_generator(seed, f"hard/{number}"))
        region = ndimage.binary_dilation(ground.room, iterations=4)
        candidates = candidates_in(slide(detector, values, region) * region, values)
        if ground.truth is not None:
            candidates = [each for each in candidates if not ground.truth[tuple(np.round(each.centre).astype(int))]]
        hard = np.array([each.centre for each in candidates]).reshape(-1, 3)
        found.append(replace(ground, hard=np.round(hard).astype(np.int16)))
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Example:
    """A candidate with its answer, for the judge; `patient` says whether the scan has a nodule at all."""

    crop: Array
    logit: float
    nodule: bool
    patient: bool
    indication: str | None = None


def gather(detector: Detector, cases: Iterable[Case]) -> list[Example]:
    """Every candidate of every case, matched as the metrics match it."""
    found = []
    for case in cases:
        seen = look(detector, case.volume)
        for candidate in candidates_of(seen) if seen is not None else []:
            index = seen.grid.to_source(candidate.centre) if seen is not None else candidate.centre
            centre = to_world(case.volume.affine, index)
            hit = inside_of(case, index[None])[0] >= 0 or any(
                np.linalg.norm(centre - truth.centre) <= truth.radius for truth in case.truths
            )
            found.append(
                Example(
                    crop=candidate.crop.astype(np.float16), logit=candidate.logit, nodule=bool(hit),
                    patient=bool(case.truths), indication=case.indication,
                )
            )  # fmt: skip
    return found


def gather_patches(
    detector: Detector, backgrounds: Sequence[Background], shapes: Sequence[Shape], *, count: int, seed: int
) -> list[Example]:
    """Candidates of single windows, with the chest around them that their crops need: many nodules for little work."""
    found = []
    for number in track(range(count), "patches", count):
        patch = draw_patch(
            backgrounds, shapes, numpy_generator(seed, f"candidates/{number}"), size=SIZE + CROP, margin=CROP // 2 + 4
        )
        window = (slice(CROP // 2, SIZE + CROP // 2),) * 3
        heat = np.zeros(patch.values.shape, np.float32)
        heat[window] = slide(detector, patch.values[window], np.ones((SIZE,) * 3, bool))
        near, false = ndimage.binary_dilation(patch.truth), 0
        for candidate in candidates_in(heat, patch.values):
            where = tuple(np.round(candidate.centre).astype(int))
            if min(where) < CROP // 2 + 2 or max(where) > SIZE + CROP // 2 - 3:
                continue  # the window's rim, where the detector sees half of it
            hit = bool(near[where])
            false += not hit
            if hit or false <= FALSE:
                crop = candidate.crop.astype(np.float16)
                found.append(Example(crop=crop, logit=candidate.logit, nodule=hit, patient=bool(patch.placed)))
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Folds:
    """Called with an epoch it gives the judge's batches: each example mirrored by chance, words in half of them.

    Half of each batch are nodules. What that does to the odds is added to where the answers start, so that the judge
    learns what the detector does not know, and not how often nodules are drawn.
    """

    model: Model
    examples: Sequence[Example]
    indications: Indications
    size: int = 16
    batches: int = 100
    seed: int = 0
    words: float = 0.5

    def __call__(self, epoch: int) -> list[tuple[Batch, dict[str, Tensor], Tensor]]:
        generator = numpy_generator(self.seed, f"judge/{epoch}")
        nodule = np.array([each.nodule for each in self.examples])
        pools = [pool for pool in (np.flatnonzero(nodule), np.flatnonzero(~nodule)) if len(pool)]
        share = self.size // len(pools)
        drawn = [np.concatenate([generator.choice(pool, share) for pool in pools]) for _ in range(self.batches)]
        start = start_of(self.examples)
        shift = float(np.log(max((~nodule).sum(), 1) / max(nodule.sum(), 1)))
        return [self._batch(rows, generator, start, shift) for rows in drawn]

    def _batch(
        self, rows: Array, generator: np.random.Generator, start: Platt, shift: float
    ) -> tuple[Batch, dict[str, Tensor], Tensor]:
        examples = [self.examples[int(row)] for row in rows]
        crops, texts = [], []
        for example in examples:
            axes = tuple(int(axis) for axis in np.flatnonzero(generator.random(3) < 0.5))
            crop = np.flip(example.crop, axes).astype(np.float32) + generator.normal(0, 15)
            crops.append(np.ascontiguousarray(np.roll(crop, generator.integers(-1, 2, 3), axis=(0, 1, 2)), np.float32))
            pool = self.indications.nodule if example.patient else self.indications.plain
            given = generator.random() < self.words
            texts.append(Text(text=pool[int(generator.integers(len(pool)))]) if given else None)
        return (
            batch_of(self.model, crops, texts),
            offsets_of([each.logit for each in examples], start, shift=shift),
            torch.tensor([int(each.nodule) for each in examples]),
        )


def start_of(examples: Sequence[Example]) -> Platt:
    """The line that turns the detector's logits into the log-odds of nodule among these examples."""
    nodule = np.array([each.nodule for each in examples], bool)
    if not nodule.any() or nodule.all():
        return Platt()
    line = fit_platt(np.array([each.logit for each in examples]), nodule)
    return line if line.slope > 0.05 else Platt()


def train_judge(
    model: Model, train: Folds, validation: Folds, *, epochs: int = 8, rate: float = 6e-4, seed: int = 0
) -> Model:
    """The judge trained in place by the core's losses: the fused answer, each expert alone, and the gates."""

    def step(batch: tuple[Batch, dict[str, Tensor], Tensor]) -> dict[str, Tensor]:
        inputs, offsets, target = batch
        return losses(model, model(inputs, offsets), {HEAD: target})

    checks = validation(0)

    def validate() -> dict[str, float]:
        return {"loss": float(np.mean([float(step(batch)[HEAD]) for batch in checks]))}

    config = TrainingConfig(epochs=epochs, rate=rate, patience=0, seed=seed)
    for event in fit(model, train, step, config=config, validate=validate, label="judge"):
        if isinstance(event, Validated):
            say(
                f"judge: epoch {event.epoch + 1}: fused {event.losses[HEAD]:.3f}; "
                f"validation {event.metrics['loss']:.3f}{' (best)' if event.best else ''}"
            )
    return model


def guarded(model: Model, examples: Sequence[Example], start: Platt) -> list[Chosen]:
    """What the core's guard keeps of the judge for each subset of modalities, from candidates of whole scans."""
    batches = []
    for first in range(0, len(examples), ROWS):
        some = examples[first : first + ROWS]
        texts = [Text(text=each.indication) if each.indication else None for each in some]
        batch = batch_of(model, [each.crop.astype(np.float32) for each in some], texts)
        target = torch.tensor([int(each.nodule) for each in some])
        batches.append(Labelled(batch, {HEAD: target}, offsets_of([each.logit for each in some], start)))
    return guard(model, batches)
