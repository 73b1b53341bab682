"""Learning from scans without labels: blocks of voxels are hidden, and the detector's encoder learns to rebuild them.

Masked reconstruction (He et al. 2022; for 3-D scans, Chen et al. 2023) fits the encoder to another scanner's kernel,
thickness and noise before a few labels do the rest. The way back up is a copy that is thrown away afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ....core.errors import InputError
from ....core.progress import say
from ....core.random import numpy_generator
from ....core.training.events import Validated
from ....core.training.loop import fit
from ....core.training.run import TrainingConfig
from ....core.types import Array
from ..detection.detector import Detector, windowed
from ..simulation.patches import SIZE, cut_patch

EPOCHS, BATCHES, ROWS = 4, 25, 2
BLOCK, HIDDEN = 8, 0.5  # voxels a side, and the share that is hidden
RATE = 5e-4


class Rebuilder(nn.Module):
    """The detector's own encoder with a new way back up to the voxels' values."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        channels = detector.config.encoder.channels
        self.encoder = detector.encoder
        self.narrow, self.mix = copy.deepcopy(detector.narrow), copy.deepcopy(detector.mix)
        self.unfold = nn.Conv3d(channels[1], 8, 1)

    def forward(self, x: Float[Tensor, "batch 1 i j k"]) -> Float[Tensor, "batch 1 i j k"]:
        """Voxels in -1..1, some of them hidden, to all of them. What passes at full resolution is left out: there a
        voxel would only copy itself."""
        maps = self.encoder.pyramid(x)
        y = maps[-1]
        for narrow, mix, finer in zip(self.narrow, self.mix, maps[-2:0:-1], strict=True):
            y = mix(F.interpolate(narrow(y), scale_factor=2, mode="trilinear") + finer)
        return rearrange(self.unfold(y), "b (a d e) i j k -> b 1 (i a) (j d) (k e)", a=2, d=2, e=2)


def pretrain(detector: Detector, scans: Sequence[Array], *, seed: int, epochs: int | None = None) -> list[float]:
    """Train the detector's encoder in place; the loss of each epoch.

    `scans` are Hounsfield units on the working grid.

    Raises:
        InputError: there is no scan with lungs.
    """
    if not scans:
        raise InputError("pre-training needs scans with lungs, and none of those without labels has any")
    detector.requires_grad_(True)
    for unused in (detector.encoder.gather, detector.encoder.norms, detector.encoder.project):
        unused.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Rebuilder(detector).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def step(batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        whole, hidden = batch
        return {"masked": reconstruction_loss(model(torch.where(hidden, 0.0, whole)), whole, hidden)}

    config = TrainingConfig(epochs=epochs or EPOCHS, rate=RATE, patience=0, seed=seed)
    losses = []
    for event in fit(model, Hidden(scans=scans, seed=seed), step, config=config, label="pre-training"):
        if isinstance(event, Validated):
            losses.append(event.losses["loss"])
            say(f"pre-training: epoch {event.epoch + 1}: masked voxels {losses[-1]:.4f}")
    detector.requires_grad_(True)
    detector.eval()
    return losses


def reconstruction_loss(
    made: Float[Tensor, "batch 1 i j k"],
    whole: Float[Tensor, "batch 1 i j k"],
    hidden: Bool[Tensor, "batch 1 i j k"],
) -> Tensor:
    """The mean absolute difference over hidden voxels."""
    return ((made.float() - whole).abs() * hidden).sum() / hidden.sum().clamp(min=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Hidden:
    """Called with an epoch it gives that epoch's batches: windows, and which of their voxels are hidden."""

    scans: Sequence[Array]
    seed: int = 0

    def __call__(self, epoch: int) -> list[tuple[Tensor, Tensor]]:
        generator = numpy_generator(self.seed, f"hidden/{epoch}")
        return [self._batch(generator) for _ in range(BATCHES)]

    def _batch(self, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        windows = []
        for _ in range(ROWS):
            scan = self.scans[int(generator.integers(len(self.scans)))]
            room = np.maximum(np.array(scan.shape) - SIZE, 0)
            windows.append(cut_patch(scan, generator.integers(0, room + 1), -1000.0))
        whole = windowed(torch.from_numpy(np.stack(windows)[:, None]))
        blocks = torch.from_numpy(generator.random((ROWS, 1, *(SIZE // BLOCK,) * 3)) < HIDDEN)
        hidden = repeat(blocks, "b c i j k -> b c (i a) (j d) (k e)", a=BLOCK, d=BLOCK, e=BLOCK)
        return whole, hidden
