"""Proof 3, alignment: do two aligned modalities find each other, and what does the weight of alignment do to a task?

Synthetic paired views, so that what is shared and what is unique is known: each of two modalities sees 8 shared and 8
numbers of its own, mixed, bent and noisy (48 channels). The task's four classes are read either from what is shared
or from what is unique (one bit from each modality). 4,096 training pairs, 500 of them labelled; weights are kept by the
least validation loss of the task; 3,000 other pairs test.

    python benchmarks/alignment.py [--seeds 3]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, NamedTuple

import results
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colonnade.core import progress
from colonnade.core.alignment.contrastive import Alignment, AlignmentConfig
from colonnade.core.alignment.retrieval import recall
from colonnade.core.data.batches import Batches
from colonnade.core.random import torch_generator
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig

SHARED, CHANNELS, WIDTH, CLASSES, NOISE = 8, 48, 16, 4, 0.1
TRAIN, LABELLED, VALIDATION, TEST = 4096, 500, 1000, 3000
WEIGHTS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
TASKS = ("shared", "unique")
FIGURE = Path(__file__).with_suffix(".png")


class Pairs(NamedTuple):
    """Two views of each row `[row, channel]`, and its class `[row]`."""

    a: Tensor
    b: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Run:
    """One training: what the task reads, the kind and weight of alignment, the seed of data and training."""

    task: str
    weight: float
    seed: int
    kind: Literal["contrastive", "positive"] = "contrastive"


class TwoEncoders(nn.Module):
    """An encoder a modality, their outputs side by side, a linear head, and alignment between the two."""

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__()
        self.a, self.b = (nn.Sequential(nn.Linear(CHANNELS, 64), nn.GELU(), nn.Linear(64, WIDTH)) for _ in range(2))
        self.head = nn.Linear(2 * WIDTH, CLASSES)
        self.alignment = Alignment({"a": WIDTH, "b": WIDTH}, config)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        seen = {"a": self.a(a), "b": self.b(b)}
        return self.head(torch.cat([seen["a"], seen["b"]], dim=1)), seen


def pairs(task: str, seed: int) -> Pairs:
    """All rows of one seed: training, validation, test in this order."""
    generator = torch_generator(seed, "pairs")
    rows = TRAIN + VALIDATION + TEST
    shared, own_a, own_b = (torch.randn(rows, SHARED, generator=generator) for _ in range(3))

    def view(own: Tensor) -> Tensor:
        mix = torch.randn(2 * SHARED, CHANNELS, generator=generator) / 2
        noise = NOISE * torch.randn(rows, CHANNELS, generator=generator)
        return torch.tanh(torch.cat([shared, own], dim=1) @ mix) + noise

    def bit(source: Tensor) -> Tensor:
        return (source @ torch.randn(SHARED, generator=generator) > 0).long()

    a, b = view(own_a), view(own_b)
    first, second = (shared, shared) if task == "shared" else (own_a, own_b)
    return Pairs(a, b, 2 * bit(first) + bit(second))


def measure(run: Run) -> tuple[float, float]:
    """Accuracy of the task and recall@1 among 100, both on test rows."""
    progress.quiet()
    torch.set_num_threads(1)
    data = pairs(run.task, run.seed)
    targets = torch.where(torch.arange(len(data.labels)) < LABELLED, data.labels, -100)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        model = TwoEncoders(AlignmentConfig(weight=run.weight, kind=run.kind, width=WIDTH, temperature=0.1))

    def step(rows: list[int]) -> Mapping[str, Tensor]:
        logits, seen = model(data.a[rows], data.b[rows])
        known = (targets[rows] >= 0).sum().clamp(min=1)
        task = F.cross_entropy(logits, targets[rows], reduction="sum") / known
        return {"task": task, "alignment": model.alignment(seen, torch.ones(len(rows), 2, dtype=torch.bool))}

    chosen = slice(TRAIN, TRAIN + VALIDATION)

    def validate() -> dict[str, float]:
        return {"loss": float(F.cross_entropy(model(data.a[chosen], data.b[chosen])[0], data.labels[chosen]))}

    batches = Batches(range(TRAIN), list, size=256, seed=run.seed)
    config = TrainingConfig(epochs=20, rate=3e-3, patience=0, precision="fp32", seed=run.seed)
    for _ in fit(model, batches, step, config=config, validate=validate):
        pass
    test = slice(TRAIN + VALIDATION, None)
    with torch.no_grad():
        logits, seen = model(data.a[test], data.b[test])
        found = recall(*(model.alignment.embed(name, seen[name]) for name in ("a", "b")), among=100)
    return float((logits.argmax(dim=1) == data.labels[test]).float().mean()), found


def draw(measured: Mapping[Run, tuple[float, float]], seeds: Sequence[int]) -> None:
    """Accuracy (with the range over seeds) and recall against the weight."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    at = range(len(WEIGHTS))
    for task, colour in zip(TASKS, ("tab:blue", "tab:orange"), strict=True):
        for axis, which in zip(axes, (0, 1), strict=True):
            runs = [[measured[Run(task, weight, seed)][which] for seed in seeds] for weight in WEIGHTS]
            axis.plot(at, [sum(each) / len(each) for each in runs], "o-", color=colour, label=f"classes from {task}")
            axis.fill_between(at, [min(e) for e in runs], [max(e) for e in runs], color=colour, alpha=0.2, linewidth=0)
    for axis, title in zip(axes, ("task accuracy", "recall@1 of 100"), strict=True):
        axis.set(title=title, xlabel="weight of alignment", xticks=list(at), xticklabels=[f"{w:g}" for w in WEIGHTS])
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False)
    figure.savefig(FIGURE, dpi=80)


def text(measured: Mapping[Run, tuple[float, float]], seeds: Sequence[int], seconds: float) -> str:
    """The section, with its verdict computed from the numbers."""

    def cell(task: str, weight: float, which: int, kind: Literal["contrastive", "positive"] = "contrastive") -> str:
        return results.spread([measured[Run(task, weight, seed, kind)][which] for seed in seeds])

    def mean(task: str, weight: float, which: int) -> float:
        return sum(measured[Run(task, weight, seed)][which] for seed in seeds) / len(seeds)

    head = ("weight", "accuracy, classes from shared", "recall@1", "accuracy, classes from unique", "recall@1")
    rows = [[f"{w:g}", *(cell(task, w, which) for task in TASKS for which in (0, 1))] for w in WEIGHTS]
    rows.append(["1, positive only", *(cell(task, 1.0, which, "positive") for task in TASKS for which in (0, 1))])
    best = {task: max(WEIGHTS, key=lambda weight, task=task: mean(task, weight, 0)) for task in TASKS}
    found = [measured[Run("shared", 1.0, seed)][1] for seed in seeds]
    verdict = "reached" if sum(found) / len(found) >= 0.9 else "missed"
    lines = [
        f"Goal: recall@1 of at least 0.9 of 100 between two aligned modalities: {verdict} at weight 1, "
        f"{results.spread(found)}. Chance is 0.01.",
        f"{__doc__.split(chr(10) * 2)[1]}",
        results.table(head, rows),
        f"Mean and range over {len(seeds)} seeds. ![accuracy and recall against the weight]({FIGURE.name})",
    ]
    for task in TASKS:
        change = [mean(task, weight, 0) - mean(task, 0.0, 0) for weight in (best[task], WEIGHTS[-1])]
        lines.append(
            f"Classes from what is {task}: best at weight {best[task]:g} ({change[0]:+.3f} against none); "
            f"at {WEIGHTS[-1]:g}, {change[1]:+.3f}."
        )
    lines.append(f"{seconds:.0f} s in all, two processes.")
    return "\n\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(100, 100 + parser.parse_args().seeds)
    started = time.perf_counter()
    runs = [Run(task, weight, seed) for task in TASKS for weight in WEIGHTS for seed in seeds]
    runs += [Run(task, 1.0, seed, "positive") for task in TASKS for seed in seeds]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = list(progress.track(pool.map(measure, runs), "alignment", len(runs)))
    measured = dict(zip(runs, found, strict=True))
    draw(measured, seeds)
    written = text(measured, seeds, time.perf_counter() - started)
    results.write("Alignment", command="python benchmarks/alignment.py", text=written)
    print(written)


if __name__ == "__main__":
    main()
