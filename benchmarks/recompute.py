"""Gradient checkpointing and mixed precision: memory against time, on the project's own attention blocks.

    python benchmarks/recompute.py [--write]

Each way trains the same network in a process of its own, so that the peak of resident memory is its own; a ratio is to
the plain way of the same round.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median

import results

WAYS = ((False, "fp32"), (True, "fp32"), (False, "bf16"), (True, "bf16"))
DEPTH, WIDTH, ROWS, TOKENS, STEPS = 12, 192, 8, 256, 3
ROUNDS = 2


def once(recompute: bool, precision: str) -> dict[str, float]:
    """A few updates; seconds an update, and MiB that training added to the process at its peak."""
    import torch
    from torch import nn

    from colonnade.core.layers.attention import Block
    from colonnade.core.progress import quiet
    from colonnade.core.training.account import forget_peak, peak_memory, resident
    from colonnade.core.training.loop import fit
    from colonnade.core.training.run import TrainingConfig

    quiet()

    class Stack(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList([Block(WIDTH, 6) for _ in range(DEPTH)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            mask = torch.ones(x.shape[:2], dtype=torch.bool)
            for block in self.blocks:
                x = block(x, mask)
            return x

    model = Stack()
    rows = [torch.randn(ROWS, TOKENS, WIDTH) for _ in range(STEPS)]
    config = TrainingConfig(epochs=1, recompute=recompute, precision=precision)  # type: ignore[arg-type]
    forget_peak()
    before, started = resident(), time.perf_counter()
    for _ in fit(model, lambda epoch: rows, lambda x: model(x).square().mean(), config=config):
        pass
    return {"seconds": (time.perf_counter() - started) / STEPS, "mib": (peak_memory() - before) / 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    parser.add_argument("--once", nargs=2, metavar=("RECOMPUTE", "PRECISION"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.once[0] == "True", given.once[1])))
        return
    found: dict[tuple[bool, str], list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            words = [sys.executable, __file__, "--once", str(way[0]), way[1]]
            found[way].append(json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout))
    rows = []
    for way, tries in found.items():
        slower = [own["seconds"] / base["seconds"] for own, base in zip(tries, found[WAYS[0]], strict=True)]
        smaller = [base["mib"] / own["mib"] for own, base in zip(tries, found[WAYS[0]], strict=True)]
        name = f"{way[1]}{', blocks recomputed' if way[0] else ''}"
        rows.append(
            (name, f"{median(each['mib'] for each in tries):.0f}", f"{median(smaller):.1f}", f"{median(slower):.2f}")
        )
    text = results.table(("way", "MiB added", "times less memory", "time of an update"), rows)
    print(text)
    if given.write:
        about = f"{DEPTH} blocks of width {WIDTH}, {ROWS} rows of {TOKENS} tokens; median of {ROUNDS} rounds."
        results.write("Memory against time in training", command="python benchmarks/recompute.py --write",
                      text=f"{about}\n\n{text}")  # fmt: skip


if __name__ == "__main__":
    main()
