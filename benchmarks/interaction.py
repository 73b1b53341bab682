"""Proof 2, interaction: is what modalities say together learnt where it exists, at no cost where it does not?

Two modalities of 16 numbers each carry one noisy bit along an unknown direction. Redundancy: both bits are the label.
Uniqueness: the first is, the second is chance. Synergy: the label is the exclusive or of two independent bits, so that
each modality alone, and any product of experts, knows nothing. 4,000 samples train and choose (one fifth chooses);
10,000 fresh ones test.

    python benchmarks/interaction.py [--seeds 3]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import results
import torch
from steps import Steps
from torch import Tensor, nn

from colonnade.core.data.missing import ModalityDropout
from colonnade.core.decoding.heads import ClassHead
from colonnade.core.fusion.fusion import FusionConfig
from colonnade.core.guard import Labelled, guard
from colonnade.core.model import Model
from colonnade.core.objective import losses
from colonnade.core.progress import say
from colonnade.core.random import numpy_generator, torch_generator
from colonnade.core.training.loop import TrainingConfig, fit
from colonnade.core.types import Batch, Packed

SIZE, SAMPLES, CHOOSING, TESTED = 16, 4000, 800, 10_000
STRENGTH = (1.18, 1.42)  # distance of each bit from the middle, in standard deviations of the noise
WIDTH = 32
CONFIG = FusionConfig(width=WIDTH, heads=4, latents=2, layers=1, memory=2, rank=32)
GOALS = {"redundancy": 0.96, "uniqueness": 0.875, "synergy": 0.78}
ROWS = ("first alone", "second alone", "late product of experts", "fused")


@dataclass
class Sample:
    """Both modalities `[row, 1, number]` and the label."""

    parts: tuple[Tensor, Tensor]
    labels: Tensor

    def batch(self, rows: Tensor) -> Batch:
        real = torch.ones(len(rows), 1, dtype=torch.bool)
        packed = {name: Packed(part[rows], real) for name, part in zip(("first", "second"), self.parts, strict=True)}
        return Batch(packed, torch.ones(len(rows), 2, dtype=torch.bool))


def draw(task: str, count: int, generator: np.random.Generator, directions: np.ndarray) -> Sample:
    """Samples of a task; `directions` `[modality, number]` are where the bits lie."""
    bits = generator.integers(2, size=(2, count))
    labels = {"redundancy": bits[0], "uniqueness": bits[0], "synergy": bits[0] ^ bits[1]}[task]
    if task == "redundancy":
        bits[1] = bits[0]
    parts = [
        (2 * bit[:, None] - 1) * strength * direction + generator.standard_normal((count, SIZE))
        for bit, strength, direction in zip(bits, STRENGTH, directions, strict=True)
    ]
    first, second = (torch.tensor(part, dtype=torch.float32)[:, None] for part in parts)
    return Sample((first, second), torch.tensor(labels))


def ceiling(task: str) -> float:
    """The accuracy of who knows how the data were made."""
    sure = [NormalDist().cdf(each) for each in STRENGTH]
    together = NormalDist().cdf(float(np.hypot(*STRENGTH)))
    both = sure[0] * sure[1] + (1 - sure[0]) * (1 - sure[1])
    return {"redundancy": together, "uniqueness": sure[0], "synergy": both}[task]


def measure(task: str, seed: int) -> dict[str, float]:
    """Accuracy of the experts alone, of their product and of the fused answer."""
    generator = numpy_generator(seed, task)
    directions = generator.standard_normal((2, SIZE))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    sample, fresh = (draw(task, count, generator, directions) for count in (SAMPLES, TESTED))
    order = torch.randperm(SAMPLES, generator=torch_generator(seed, "order"))
    choosing, training = order[:CHOOSING], order[CHOOSING:]
    torch.manual_seed(seed)
    model = Model(
        {name: Steps(SIZE, WIDTH, dropout=0.1) for name in ("first", "second")},
        heads={"label": ClassHead(classes=2)},
        fusion=CONFIG,
    )
    train(model, sample, training, choosing, seed)
    guard(model, [Labelled(sample.batch(choosing), {"label": sample.labels[choosing]})])
    with torch.no_grad():
        output = model(fresh.batch(torch.arange(TESTED)))
    said = [output.experts["label"][:, 0], output.experts["label"][:, 1], output.late["label"], output.answers["label"]]
    right = [float((each.argmax(dim=1) == fresh.labels).float().mean()) for each in said]
    return dict(zip(ROWS, right, strict=True))


def train(model: Model, sample: Sample, training: Tensor, choosing: Tensor, seed: int) -> None:
    """The core's loop; the weights of least loss on the choosing part are kept."""
    dropout = ModalityDropout(model.modalities, rate=0.1)

    def batches(epoch: int) -> list[Tensor]:
        generator = torch_generator(seed, f"epoch/{epoch}")
        return list(training[torch.randperm(len(training), generator=generator)].split(160))

    def step(rows: Tensor) -> dict[str, Tensor]:
        batch = sample.batch(rows)
        kept = dropout.draw(batch.presence, torch_generator(seed, f"drop/{rows[0]}/{rows[1]}"))
        return losses(model, model(Batch(batch.inputs, kept)), {"label": sample.labels[rows]}, gates=0.1)

    def validate() -> dict[str, float]:
        answers = model(sample.batch(choosing)).answers["label"]
        return {"loss": float(nn.functional.nll_loss(answers, sample.labels[choosing]))}

    config = TrainingConfig(epochs=20, rate=2e-3, weight_decay=0.3, patience=0, precision="fp32", seed=seed)
    for _ in fit(model, batches, step, config=config, validate=validate):
        pass


def written(found: dict[str, Sequence[dict[str, float]]], seconds: float) -> str:
    """The section: accuracies beside the ceiling and the goal."""
    rows = [
        (
            task,
            *(results.spread([run[name] for run in runs]) for name in ROWS),
            f"{ceiling(task):.3f}",
            _goal(task, runs),
        )
        for task, runs in found.items()
    ]
    head = ("task", *ROWS, "ceiling", "goal")
    setting = (
        f"Accuracy on {TESTED:,} fresh samples, mean and range over {len(found['synergy'])} seeds. The ceiling is what "
        f"one reaches who knows how the data were made. One set of sizes and rates for all. {seconds:.0f} s in all."
    )
    return f"{setting}\n\n{results.table(head, rows)}"


def _goal(task: str, runs: Sequence[dict[str, float]]) -> str:
    reached = float(np.mean([run["fused"] for run in runs]))
    missed = GOALS[task] - reached
    return f"{GOALS[task]:.3f}: reached" if missed <= 0 else f"{GOALS[task]:.3f}: MISSED by {missed:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    started = time.perf_counter()
    torch.set_num_threads(1)  # these networks are too small to share between threads
    found: dict[str, list[dict[str, float]]] = {}
    for task in GOALS:
        for seed in range(seeds):
            found.setdefault(task, []).append(measure(task, seed))
            say(f"{task}, seed {seed}: {found[task][-1]}")
    text = written(found, time.perf_counter() - started)
    print(text)
    results.write("Interaction", command="python benchmarks/interaction.py", text=text)


if __name__ == "__main__":
    main()
