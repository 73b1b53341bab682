"""Training the detector on drawn patches, by the core's loop. It knows no files and no checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ....core.progress import say, track
from ....core.random import numpy_generator
from ....core.training.events import Validated
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ..simulation.patches import Background, Patches
from ..simulation.shapes import Shape
from ..simulation.simulate import scanned
from .detect import candidates_in, slide, windows_over
from .detector import STEP, Detector, DetectorConfig, detection_loss


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
        candidates = candidates_in(slide(detector, values, windows_over(region)) * region, values)
        if ground.truth is not None:
            candidates = [each for each in candidates if not ground.truth[tuple(np.round(each.centre).astype(int))]]
        hard = np.array([each.centre for each in candidates]).reshape(-1, 3)
        found.append(replace(ground, hard=np.round(hard).astype(np.int16)))
    return found
