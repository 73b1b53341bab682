"""Inspection: is the fused answer worth more than any single sense, and is the promised rate of false rejects kept?

    python benchmarks/inspection.py            # both parts, about five minutes on two idle cores
    python benchmarks/inspection.py --only photographs

Generated units of a plate: test units come from a seed of their own; each seed deals the good units anew to teaching
and thresholds, and draws the network anew. Photographs: real magnetic tiles (Huang et al. 2020) from $COLONNADE_DATA,
no tile on both sides; of the test tiles a third was used to choose how a map becomes a score, and is left out here.
"""

from __future__ import annotations

import argparse
import os
import sys
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from results import spread, table, write

from colonnade.core.random import numpy_generator
from colonnade.core.trust.intervals import bootstrap
from colonnade.core.types import Array
from colonnade.verticals.industrial.camera.images import read_image
from colonnade.verticals.industrial.camera.memory import fit_patches
from colonnade.verticals.industrial.inspection.data import read_parts
from colonnade.verticals.industrial.inspection.evaluation import Looked, largest, look, raw, subsets
from colonnade.verticals.industrial.inspection.metrics import aupro, pixel_auroc, roc_auc
from colonnade.verticals.industrial.inspection.model import Inspector, Row
from colonnade.verticals.industrial.inspection.recipes import Lesson, assemble, learn
from colonnade.verticals.industrial.simulate.parts import part
from colonnade.verticals.industrial.simulate.sensors import rig
from colonnade.verticals.industrial.simulate.units import Batch, units

COMMAND = "python benchmarks/inspection.py"
GOOD, BAD, TEST_GOOD, TEST_BAD = 260, 132, 80, 132
SHOTS = (1, 4, 16, 0)  # good photographs; 0 is all of them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("generated", "photographs"))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with ProcessPoolExecutor(2) as pool:
        jobs = {}
        if options.only != "photographs":
            jobs["Inspection of generated parts"] = pool.submit(generated, options.seeds)
        if options.only != "generated":
            jobs["Inspection of photographs"] = pool.submit(photographs)
        for name, job in jobs.items():
            text = job.result()
            print(f"\n{name}\n{text}")
            write(name, command=COMMAND, text=text, packages=("torch", "timm", "scipy"))


def generated(seeds: int) -> str:
    """Every subset of senses on generated units: fused beside the baselines."""
    made = rig(part("plate"), spacing=1.0)
    whole = units(made, Batch(good=GOOD, bad=BAD), seed=21)
    lesson = learn(whole[:GOOD], whole[GOOD:], seed=0, patches=1_000)
    test = units(made, Batch(good=TEST_GOOD, bad=TEST_BAD), seed=54_321)
    looked = look(assemble(lesson, start=None, seed=0, epochs=1), test)
    made_of = [assemble(_dealt(lesson, seed), start=None, seed=seed) for seed in range(seeds)]
    found = [subsets(each, looked) for each in made_of]
    head = ["senses", "fused", "product of experts", "largest spread", "best single", "false rejects (1 %)", "recall"]
    keys = ("roc_auc", "late_roc_auc", "largest_spread_roc_auc", "best_single_roc_auc", "false_rejects", "recall")
    rows = [[name, *(spread([each[name][key] for each in found]) for key in keys)] for name in found[0]]
    against = ["senses", "less the best single sense", "less the largest spread", "less the product of experts"]
    compared = [_compared(made_of, looked, name) for name in found[0]]
    return (
        f"{TEST_GOOD} good and {TEST_BAD} defective test units, twelve kinds of defect, severities even from .1 to 1; "
        f"area under the ROC curve, mean [range] of {seeds} seeds.\n\n{table(head, rows)}\n\n"
        f"The promise is at most {found[0][next(iter(found[0]))]['promised']:.1%} false rejects.\n\n"
        "Area of the fused score less that of each baseline: mean of the seeds, 95 % over redrawn test units."
        f"\n\n{table(against, compared)}"
    )


def _dealt(lesson: Lesson, seed: int) -> Lesson:
    """The same good rows, dealt anew to teaching and thresholds."""
    rows = [*lesson.good, *lesson.held]
    order = numpy_generator(seed, "benchmark deal").permutation(len(rows))
    share = len(lesson.good)
    good: list[Row] = [rows[index] for index in order[:share]]
    return replace(lesson, good=good, held=[rows[index] for index in order[share:]])


def _compared(made_of: Sequence[Inspector], looked: Looked, name: str) -> list[str]:
    """One subset: how much more area the fused score has than each baseline, with paired intervals."""
    senses = name.split("+")
    observed = [{sense: each[sense] for sense in senses} for each in looked.observed]
    fused = [each.scores(observed) for each in made_of]
    late = [each.scores(observed, late=True) for each in made_of]
    most = [largest(each, observed) for each in made_of]
    singles = [[raw(each, observed, sense) for each in made_of] for sense in senses]
    single = max(singles, key=lambda scores: np.mean([roc_auc(looked.labels, score) for score in scores]))
    cells = [name]
    for other in (single, most, late):
        interval = bootstrap(_gain, looked.labels, np.stack(fused, axis=1), np.stack(other, axis=1), rounds=400)
        cells.append(f"{interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]")
    return cells


def _gain(labels: Array, scores: Array, others: Array) -> float:
    """Mean over the columns of the difference in area."""
    pairs = zip(scores.T, others.T, strict=True)
    return float(np.mean([roc_auc(labels, score) - roc_auc(labels, other) for score, other in pairs]))


def photographs() -> str:
    """Few good photographs and all of them, ImageNet weights and random ones, on tiles that no memory has seen."""
    root = Path(os.environ.get("COLONNADE_DATA", Path(__file__).parents[2] / "shared" / "data")) / "magnetic_tile"
    if not root.is_dir():
        return f"Not measured: there is no folder {root.name} in $COLONNADE_DATA."
    parts = read_parts(root)
    test = [unit for unit in parts.test if zlib.crc32(unit.group.encode()) % 3]
    shown = {unit.group for unit in parts.test}
    good = [unit for unit in parts.train if unit.group not in shown]
    order = numpy_generator(0, "shots").permutation(len(good))
    rows = []
    for origin, shots in [*(("imagenet", shots) for shots in SHOTS), ("random", 0)]:
        chosen = [good[index] for index in order[: shots or len(good)]]
        memory = fit_patches([read_image(u.given["image"]) for u in chosen], size=2_000, seed=0, origin=origin)
        rows.append(_photographed(memory, origin, len(chosen), test))
    head = ["backbone", "good photographs", "image AUROC", "95 %", "pixel AUROC", "AUPRO .3", "cracks"]
    tiles = len({unit.group for unit in test})
    bad = sum(not unit.good for unit in test)
    return (
        f"{len(test)} test photographs ({bad} defective) of {tiles} tiles, none of them learned; intervals by tile.\n\n"
        f"{table(head, rows)}"
    )


def _photographed(memory: object, origin: str, count: int, test: Sequence[object]) -> list[str]:
    from colonnade.verticals.industrial.inspection.experts import Experts, Scale

    bare = Inspector(
        experts=Experts(patches=memory),  # type: ignore[arg-type]
        scale=Scale(centre={}, spread={}),
        fused=None,
        thresholds={},
    )
    looked = look(bare, test)  # type: ignore[arg-type]
    scores = np.array([each["image"].score for each in looked.observed])
    labels, kinds = looked.labels, np.array([unit.defect for unit in looked.units])
    interval = bootstrap(roc_auc, labels, scores, groups=looked.groups, rounds=400)
    cracks = np.isin(kinds, ["good", "crack"])
    return [
        origin,
        str(count),
        f"{interval.value:.3f}",
        f"[{interval.low:.3f}, {interval.high:.3f}]",
        f"{pixel_auroc(looked.maps, looked.masks):.3f}",
        f"{aupro(looked.maps, looked.masks):.3f}",
        f"{roc_auc(labels[cracks], scores[cracks]):.3f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
