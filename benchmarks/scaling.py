"""Proof 5, scaling: time and memory of fusion against the number of tokens and of modalities; both should be linear.

Fusion runs forward and backward. Beside it, on the same tokens, joint self-attention over all of them: what the shared
latents replace. Memory is the sum of what autograd keeps for the backward pass, which no other process can disturb;
time is the median of interleaved rounds.

    python benchmarks/scaling.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import results
import torch
from torch import Tensor, nn

from colonnade.core.fusion.fusion import Fusion, FusionConfig
from colonnade.core.fusion.presence import over_present
from colonnade.core.layers.attention import Block
from colonnade.core.types import Tokens

CONFIG = FusionConfig(width=64, heads=4, latents=8, layers=2, memory=4)
TOKENS, MODALITIES, BATCH = (512, 1024, 2048, 4096, 8192), (1, 2, 4, 8), 2
MOST_JOINT = 4096  # tokens; joint attention above takes too long to wait for
PICTURE = Path(__file__).parent / "scaling.png"


class Joint(nn.Module):
    """Self-attention over all tokens of all modalities, of the same width and depth."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(CONFIG.width, CONFIG.heads) for _ in range(CONFIG.layers))

    def forward(self, tokens: list[Tokens]) -> Tensor:
        values, mask = (torch.cat(parts, dim=1) for parts in zip(*tokens, strict=True))
        for block in self.blocks:
            values = block(values, mask)
        return values


def some_tokens(total: int, modalities: int) -> list[Tokens]:
    """`total` tokens, shared evenly by the modalities."""
    each = total // modalities
    real = torch.ones(BATCH, each, dtype=torch.bool)
    return [Tokens(torch.randn(BATCH, each, CONFIG.width, requires_grad=True), real) for _ in range(modalities)]


def fused(total: int, modalities: int) -> Callable[[], Tensor]:
    fusion, tokens = Fusion(modalities, CONFIG), some_tokens(total, modalities)
    presence = torch.ones(BATCH, modalities, dtype=torch.bool)
    gates = over_present(torch.zeros(BATCH, modalities), presence)
    return lambda: fusion(tokens, gates, presence).tokens.values


def joint(total: int, modalities: int) -> Callable[[], Tensor]:
    model, tokens = Joint(), some_tokens(total, modalities)
    return lambda: model(tokens)


def kept(forward: Callable[[], Tensor]) -> float:
    """MiB that autograd keeps for the backward pass, each storage counted once."""
    storages: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        out = forward()
    out.sum().backward()
    return sum(storages.values()) / 2**20


def timed(cases: dict[str, Callable[[], Tensor]], rounds: int) -> dict[str, float]:
    """Milliseconds of processor time for forward and backward, the median of rounds that take turns."""
    seen: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, forward in cases.items():
            started = time.process_time()
            forward().sum().backward()
            if turn:  # the first round warms up
                seen[name].append(1000 * (time.process_time() - started))
    return {name: statistics.median(values) for name, values in seen.items()}


def slope(x: list[int], y: list[float]) -> float:
    """The exponent of y against x: 1 is linear, 2 quadratic; fitted where the size, not the overhead, decides."""
    half = len(x) // 2
    return float(np.polyfit(np.log(x[half:]), np.log(y[half:]), 1)[0])


def measured(rounds: int) -> dict[str, tuple[list[int], list[float], list[float]]]:
    """By line of the picture: sizes, milliseconds and MiB."""
    lines: dict[str, dict[int, Callable[[], Tensor]]] = {
        "fusion by tokens": {total: fused(total, 2) for total in TOKENS},
        "joint attention by tokens": {total: joint(total, 2) for total in TOKENS if total <= MOST_JOINT},
        "fusion by modalities": {count: fused(1024 * count, count) for count in MODALITIES},
    }
    times = timed({f"{line}/{size}": run for line, runs in lines.items() for size, run in runs.items()}, rounds)
    return {
        line: ([*runs], [times[f"{line}/{size}"] for size in runs], [kept(run) for run in runs.values()])
        for line, runs in lines.items()
    }


def draw(found: dict[str, tuple[list[int], list[float], list[float]]]) -> None:
    """Time and memory over tokens, and over modalities, as one small picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.8), dpi=90, layout="constrained")
    time_axis, memory_axis, modality_axis = figure.subplots(1, 3)
    for line, colour in (("fusion by tokens", "#1b6ca8"), ("joint attention by tokens", "#c0392b")):
        sizes, milliseconds, memory = found[line]
        time_axis.loglog(sizes, milliseconds, "o-", color=colour, label=line.removesuffix(" by tokens"))
        memory_axis.loglog(sizes, memory, "o-", color=colour)
    time_axis.set(title="time", xlabel="tokens", ylabel="ms, forward and backward")
    time_axis.legend(frameon=False)
    memory_axis.set(title="kept for backward", xlabel="tokens", ylabel="MiB")
    sizes, milliseconds, _ = found["fusion by modalities"]
    modality_axis.plot(sizes, milliseconds, "o-", color="#1b6ca8")
    modality_axis.set(title="1,024 tokens each", xlabel="modalities", ylabel="ms", ylim=(0, None))
    figure.savefig(PICTURE, metadata={"Software": None})


def written(found: dict[str, tuple[list[int], list[float], list[float]]]) -> str:
    """The section: each line's numbers and its exponents."""
    rows = [
        (line, str(size), f"{milliseconds:.1f}", f"{memory:.1f}")
        for line, columns in found.items()
        for size, milliseconds, memory in zip(*columns, strict=True)
    ]
    exponents = [
        (line, f"{slope(sizes, milliseconds):.2f}", f"{slope(sizes, memory):.2f}")
        for line, (sizes, milliseconds, memory) in found.items()
    ]
    worst = max(slope(*found[line][:2]) for line in ("fusion by tokens", "fusion by modalities"))
    reached = "reached" if worst <= 1.1 else f"MISSED, the exponent of time is {worst:.2f}"
    setting = (
        f"Width {CONFIG.width}, {CONFIG.latents} latents, {CONFIG.layers} layers, batch {BATCH}, forward and backward "
        "on one core. The exponent is the slope on a logarithmic scale: 1 is linear, 2 quadratic."
    )
    tables = results.table(("line", "exponent of time", "of memory"), exponents)
    tables += "\n\n" + results.table(("line", "size", "ms", "MiB kept"), rows)
    return f"{setting}\n\n![time and memory of fusion](scaling.png)\n\n{tables}\n\nGoal, linear in tokens: {reached}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = measured(parser.parse_args().rounds)
    draw(found)
    text = written(found)
    print(text)
    results.write("Scaling", command="python benchmarks/scaling.py", text=text)


if __name__ == "__main__":
    main()
