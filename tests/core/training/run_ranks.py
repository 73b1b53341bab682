"""Small two-modality trainings on the ranks that it finds: `run_ranks.py '{"first": {"stop_at": 5, ...}, ...}'`.

Modalities are hidden at random, in some batches one of them in every row, so that a rank may miss it; one part no loss
needs. It prints, by name, each step's loss and norm, and the sum of the absolute values of the trained weights.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from colonnade.core import progress
from colonnade.core.data.batches import Batches
from colonnade.core.data.missing import ModalityDropout
from colonnade.core.distributed import joined, rank
from colonnade.core.layers.attention import Block, masked_mean
from colonnade.core.training.curriculum import Curriculum, Presence
from colonnade.core.training.deployment import Deployment
from colonnade.core.training.events import Saved, Started, Step, Validated
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig
from colonnade.core.types import Batch, Packed


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.ModuleDict({name: nn.Linear(8, 16) for name in ("a", "b")})
        self.block, self.head = Block(16, 2), nn.Linear(16, 1)
        self.unused, self.scale = nn.Linear(4, 4), nn.Parameter(torch.tensor(1.0))

    def forward(self, batch: Batch) -> torch.Tensor:
        tokens, masks = [], []
        for index, (name, packed) in enumerate(batch.inputs.items()):
            if batch.presence[:, index].any():  # on a rank without it, these weights get no gradient
                tokens.append(self.first[name](packed.x))
                masks.append(packed.mask & batch.presence[:, index, None])
        mask = torch.cat(masks, dim=1)
        return self.scale * self.head(masked_mean(self.block(torch.cat(tokens, dim=1), mask), mask))[:, 0]


def trained(asked: dict[str, Any]) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(70, 6, 8, generator=generator)
    target = data.mean(dim=(1, 2)) * 5

    def collate(rows: list[int]) -> tuple[Batch, torch.Tensor]:
        masks = torch.ones(len(rows), 3, dtype=torch.bool)
        inputs = {"a": Packed(data[rows, :3], masks), "b": Packed(data[rows, 3:], masks)}
        return Batch(inputs, torch.ones(len(rows), 2, dtype=torch.bool)), target[rows]

    def change(pair: tuple[Batch, torch.Tensor], epoch: int, g: torch.Generator) -> tuple[Batch, torch.Tensor]:
        batch = presence.change(pair[0], epoch, g)
        if epoch == 1:
            batch.presence[1::2, 0], batch.presence[1::2, 1] = False, True  # all that the second of two ranks has
        return batch, pair[1]

    presence = Presence(ModalityDropout(("a", "b"), rate=0.3), Curriculum(alone=0, ramp=1))
    batches = Batches(range(59), collate, size=8, seed=5, change=change)
    torch.manual_seed(1 + rank())  # each rank starts elsewhere: sharing must mend that
    model = Small()

    def step(pair: tuple[Batch, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"square": (model(pair[0]) - pair[1]).square().mean()}

    def validate() -> dict[str, float]:
        batch, wanted = collate(list(range(60, 70)))
        return {"loss": float((model(batch) - wanted).square().mean())}

    deployment = Deployment(
        snapshots=Path(asked["folder"]) if "folder" in asked else None, save_every=asked.get("save_every"),
        exchange=asked.get("exchange", "plain"), sharded=asked.get("sharded", False), prefetch=asked.get("prefetch", 0),
        by_node=asked.get("by_node", False),
    )  # fmt: skip
    config = TrainingConfig(
        epochs=asked.get("epochs", 3), rate=3e-3, accumulate=2, patience=0, precision="fp32", seed=5
    )
    found: dict[str, Any] = {"losses": [], "norms": [], "metrics": [], "saved": [], "started": None}
    for event in fit(model, batches, step, config=config, validate=validate, deployment=deployment):
        if isinstance(event, Started):
            found["started"] = event.step
        elif isinstance(event, Step):
            found["losses"].append(event.losses["loss"])
            found["norms"].append(event.norm)
            if event.step == asked.get("kill_at") and rank() == asked.get("kill_rank", 0) and _first_time(asked):
                os.kill(os.getpid(), 9)
            if event.step == asked.get("stop_at"):
                break
        elif isinstance(event, Validated):
            found["metrics"].append(event.metrics["loss"])
        elif isinstance(event, Saved):
            found["saved"].append(event.step)
    found["kind"] = type(next(model.parameters())).__name__
    found["weights"] = {name: float(value.abs().sum()) for name, value in model.state_dict().items()}
    return found


def _first_time(asked: dict[str, Any]) -> bool:
    """A rank dies once; the file says that it has."""
    died = Path(asked["folder"]).with_suffix(".died")
    if died.exists():
        return False
    died.write_text("")
    return True


if __name__ == "__main__":
    progress.quiet()
    with joined():
        told = json.dumps({name: trained(asked) for name, asked in json.loads(sys.argv[1]).items()})
        if rank() == 0:
            sys.stdout.write(told + "\n")
