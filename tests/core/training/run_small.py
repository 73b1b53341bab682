"""A small two-modality training run for the resume test: `python run_small.py FOLDER LOG [KILL_AT_STEP]`.

It uses all that is random in training: order, modality dropout with a curriculum, torch's own dropout.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from colonnade.core import progress
from colonnade.core.data.batches import Batches
from colonnade.core.data.missing import ModalityDropout
from colonnade.core.layers.attention import Block, masked_mean
from colonnade.core.training.curriculum import Curriculum, Presence
from colonnade.core.training.events import Step, Stopped
from colonnade.core.training.log import to_csv
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig
from colonnade.core.types import Batch, Packed

CONFIG = TrainingConfig(epochs=4, rate=3e-3, accumulate=2, save_every=3, patience=2, precision="fp32", seed=5)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block, self.head = Block(8, 2, dropout=0.2), nn.Linear(8, 1)

    def forward(self, batch: Batch) -> torch.Tensor:
        tokens = torch.cat([packed.x for packed in batch.inputs.values()], dim=1)
        mask = torch.cat([packed.mask for packed in batch.inputs.values()], dim=1)
        return self.head(masked_mean(self.block(tokens, mask), mask))[:, 0]


def main(folder: Path, log: Path, kill_at: int) -> None:
    progress.quiet()
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(70, 6, 8, generator=generator)
    target = data.mean(dim=(1, 2))

    def collate(rows: list[int]) -> tuple[Batch, torch.Tensor]:
        masks = torch.ones(len(rows), 3, dtype=torch.bool)
        inputs = {"a": Packed(data[rows, :3], masks), "b": Packed(data[rows, 3:], masks)}
        return Batch(inputs, torch.ones(len(rows), 2, dtype=torch.bool)), target[rows]

    presence = Presence(ModalityDropout(("a", "b"), rate=0.3), Curriculum(alone=1, ramp=1))
    batches = Batches(
        range(60), collate, size=8, seed=5, change=lambda pair, epoch, g: (presence.change(pair[0], epoch, g), pair[1])
    )
    torch.manual_seed(1)
    model = Small()

    def step(pair: tuple[Batch, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"square": (model(pair[0]) - pair[1]).square().mean()}

    def validate() -> dict[str, float]:
        batch, wanted = collate(list(range(60, 70)))
        return {"loss": float((model(batch) - wanted).square().mean())}

    for event in to_csv(fit(model, batches, step, config=CONFIG, validate=validate, folder=folder), log):
        if isinstance(event, Step) and event.step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if isinstance(event, Stopped):
            save_file(model.state_dict(), folder / "final.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else -1)
