"""Fine-tuning on a folder of labelled scans: patches around real nodules and elsewhere, one of the core's four methods.

A quarter of the scans (at least one, where there are four) is held back to fix the operating point anew.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...core import digest
from ...core.errors import FormatError
from ...core.pipeline import FitOptions
from ...core.progress import say
from ...core.random import numpy_generator
from ...core.training.adaptation import LoraConfig, Unfreezing, add_lora, merge
from ...core.training.events import Validated
from ...core.training.loop import fit
from ...core.training.run import TrainingConfig
from ...core.types import Array
from .cases import Case
from .data import find_pairs, read_case
from .detector import Detector, detection_loss, windowed
from .findings import Operating
from .operating import calibrated
from .patches import SIZE, Background, background_of, cut_patch

if TYPE_CHECKING:
    from .pipeline import NodulePipeline

EPOCHS, BATCHES, ROWS = 4, 20, 2
HEADS = ("unfold", "near")
STAGES = (HEADS, ("mix", "narrow"), ("encoder.stages", "encoder.down", "encoder.blocks"), ("encoder.stem",))


def fit_folder(pipeline: NodulePipeline, data: Path, options: FitOptions) -> NodulePipeline:
    """A new pipeline whose detector was fitted to the folder; the judge stays as it was.

    Raises:
        FormatError: no scan of the folder has lungs and a nodule.
    """
    cases = [read_case(pair)[0] for pair in find_pairs(data)]
    train, held = _parted(cases, options.seed)
    grounds = [ground for case in train if (ground := background_of(case.volume, labels=case.labels)) is not None]
    grounds = [ground for ground in grounds if ground.truth is not None and ground.truth.any()]
    if not grounds:
        raise FormatError(f"{data} holds no scan with lungs and a labelled nodule to fit to")
    detector = copy.deepcopy(pipeline.detector)
    _fit(detector, Labelled(grounds=grounds, seed=options.seed), options)
    fitted = type(pipeline)(detector, copy.deepcopy(pipeline.judge), pipeline.operating, config=pipeline.config)
    operating, numbers = _operating(fitted, held)
    fitted.operating = operating
    fitted.card = {
        **pipeline.card, "fitted": {"method": options.method, "seed": options.seed, "scans": len(train)},
        "data": {**pipeline.card.get("data", {}), data.name: digest.of_file(data)}, "validation": numbers,
    }  # fmt: skip
    return fitted


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """Called with an epoch it gives that epoch's batches: two of three patches lie around a nodule."""

    grounds: Sequence[Background]
    seed: int = 0

    def __call__(self, epoch: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        generator = numpy_generator(self.seed, f"labelled/{epoch}")
        return [self._batch(generator) for _ in range(BATCHES)]

    def _batch(self, generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        drawn = [self._patch(generator) for _ in range(ROWS)]
        values, truth, weight = (torch.from_numpy(np.stack(each)[:, None]) for each in zip(*drawn, strict=True))
        return windowed(values), truth, weight

    def _patch(self, generator: np.random.Generator) -> tuple[Array, Array, Array]:
        ground = self.grounds[int(generator.integers(len(self.grounds)))]
        spots = ground.places[int(generator.integers(len(ground.places)))]
        if ground.truth is not None and generator.random() < 0.67:
            spots = np.argwhere(ground.truth)
        corner = spots[int(generator.integers(len(spots)))].astype(int) - generator.integers(9, SIZE - 9, 3)
        axes = tuple(int(axis) for axis in np.flatnonzero(generator.random(3) < 0.5))
        values = np.flip(cut_patch(ground.values, corner, -1000.0), axes) + generator.normal(0, 12)
        truth = np.flip(cut_patch(ground.truth, corner, False), axes)
        share = float(np.clip(400 / max(truth.sum(), 1), 1, 12))
        weight = np.where(truth, share, 1.0).astype(np.float32)
        return np.ascontiguousarray(values, np.float32), np.ascontiguousarray(truth, np.float32), weight


def _fit(detector: Detector, batches: Labelled, options: FitOptions) -> None:
    """The detector in place, by the method asked for."""
    detector.requires_grad_(True)
    unfreezing = None
    if options.method == "lora":
        add_lora(detector, LoraConfig(rank=8, alpha=16, trained=HEADS, seed=options.seed))
    elif options.method in ("probe", "progressive"):
        unfreezing = Unfreezing(groups=STAGES[:1] if options.method == "probe" else STAGES)

    def step(batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        return detection_loss(detector(batch[0]), batch[1], batch[2])

    rate = 3e-4 if options.method in ("full", "progressive") else 1e-3
    config = TrainingConfig(epochs=options.epochs or EPOCHS, rate=rate, patience=0, seed=options.seed)
    for event in fit(detector, batches, step, config=config, unfreezing=unfreezing, label=f"fit ({options.method})"):
        if isinstance(event, Validated):
            say(f"fit: epoch {event.epoch + 1}: loss {event.losses['loss']:.3f}")
    if options.method == "lora":
        merge(detector)


def _parted(cases: Sequence[Case], seed: int) -> tuple[list[Case], list[Case]]:
    """Training scans, and those held back."""
    if len(cases) < 4:
        return list(cases), []
    order = numpy_generator(seed, "held").permutation(len(cases))
    held = set(order[: max(len(cases) // 4, 1)].tolist())
    return [each for n, each in enumerate(cases) if n not in held], [cases[n] for n in sorted(held)]


def _operating(pipeline: NodulePipeline, held: Sequence[Case]) -> tuple[Operating, dict[str, float]]:
    """Fixed anew where enough nodules were held back, else as it was."""
    if sum(len(case.truths) for case in held) < 10:
        say("fit: fewer than 10 nodules were held back, so the operating point stays as it was")
        return pipeline.operating, {"held_back_scans": float(len(held))}
    return calibrated(pipeline, held)
