"""How good the pipeline is on labelled scans: FROC, Dice, diameters, with and without the indication, beside blobs.

It scores and counts; it draws nothing and tunes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.progress import track
from ...core.result import Evaluation
from ...core.types import Array, Text
from .baseline import blobs
from .cases import Case
from .data import find_pairs, read_case
from .detect import candidates_of, look
from .findings import ALONE, WITH_WORDS, mask_of
from .geometry import to_world
from .measure import measure
from .metrics import Marked, at_threshold, cpm, dice, match, sensitivity

if TYPE_CHECKING:
    from .pipeline import NodulePipeline


@dataclass
class Tally:
    """What is gathered over scans: marks by subset and of the blobs, and what was measured on nodules that were
    found."""

    marks: dict[str, list[Marked]] = field(
        default_factory=lambda: {ALONE: [], WITH_WORDS: [], "detector": [], "blobs": []}
    )
    outlined: dict[float, list[tuple[float, float]]] = field(
        default_factory=dict
    )  # Dice and true over measured diameter
    scored: list[tuple[float, float, bool]] = field(default_factory=list)  # logits alone and with words, is a nodule
    skipped: list[str] = field(default_factory=list)


def evaluate(pipeline: NodulePipeline, data: Path, *, layout: str | None, seed: int) -> Evaluation:
    """The evaluation of a folder of labelled scans."""
    pairs = find_pairs(data, layout)
    cases = (read_case(pair)[0] for pair in track(pairs, "evaluate", len(pairs)))
    tally = tallied(pipeline, cases)
    return summary(pipeline, tally, data=str(data), seed=seed)


def tallied(pipeline: NodulePipeline, cases: Iterable[Case], *, outlines: tuple[float, ...] = ()) -> Tally:
    """Every case through detector, judge and blobs; masks at each of `outlines`, or at the operating one."""
    tally = Tally(outlined={each: [] for each in outlines or (pipeline.operating.outline,)})
    for case in cases:
        _count(pipeline, case, tally)
    return tally


def _count(pipeline: NodulePipeline, case: Case, tally: Tally) -> None:
    from .judge import judge

    seen = look(pipeline.detector, case.volume)
    if seen is None:
        tally.skipped.append(case.name)
    candidates = candidates_of(seen) if seen is not None else []
    index = (
        np.array([seen.grid.to_source(each.centre) for each in candidates]).reshape(-1, 3)
        if seen is not None
        else np.zeros((0, 3))
    )
    inside = _inside(case, index)
    centres = to_world(case.volume.affine, index)
    truths = [(truth.centre, truth.radius) for truth in case.truths]
    words = Text(text=case.indication) if case.indication else None
    logits = {ALONE: judge(pipeline.judge, candidates, None), "detector": np.array([each.logit for each in candidates])}
    logits[WITH_WORDS] = judge(pipeline.judge, candidates, words) if words is not None else logits[ALONE]
    for name, scores in logits.items():
        tally.marks[name].append(match(centres, scores, truths, inside))
    where, scores = blobs(case.volume)
    tally.marks["blobs"].append(match(to_world(case.volume.affine, where), scores, truths, _inside(case, where)))
    for candidate, centre, hit, alone, both in zip(
        candidates, centres, inside, logits[ALONE], logits[WITH_WORDS], strict=True
    ):
        near = [n for n, (middle, radius) in enumerate(truths) if np.linalg.norm(centre - middle) <= radius]
        tally.scored.append((float(alone), float(both), hit >= 0 or bool(near)))
        if hit >= 0 and seen is not None:
            for outline in tally.outlined:
                low, mask = mask_of(seen, candidate, case.volume, outline=outline)
                _compare(case, int(hit), low, mask, tally, outline)


def _inside(case: Case, index: Array) -> Array:
    """Which nodule's mask each point lies in, or -1; a voxel beside it counts."""
    found = np.full(len(index), -1)
    number = {truth.label: n for n, truth in enumerate(case.truths)}
    for row, point in enumerate(np.round(index).astype(int)):
        low = np.maximum(point - 1, 0)
        near = case.labels[low[0] : point[0] + 2, low[1] : point[1] + 2, low[2] : point[2] + 2]
        if near.any():
            found[row] = number[int(np.bincount(near[near > 0]).argmax())]
    return found


def _compare(case: Case, hit: int, low: Array, mask: Array, tally: Tally, outline: float) -> None:
    """Dice and diameter of one found nodule."""
    truth = case.truths[hit]
    whole = np.zeros(case.labels.shape, bool)
    box = tuple(slice(a, a + n) for a, n in zip(low, mask.shape, strict=True))
    whole[box] = mask
    sizes = measure(mask, case.volume.spacing, case.volume.voxels[box])
    ratio = truth.diameter / max(sizes.diameter_mm, 0.1)
    tally.outlined[outline].append((dice(whole, case.labels == truth.label), ratio))


def summary(pipeline: NodulePipeline, tally: Tally, *, data: str, seed: int) -> Evaluation:
    """Metrics, intervals, baselines and subsets of a tally."""
    from .metrics import interval

    marks = tally.marks[ALONE]
    nodules = sum(len(scan.found) for scan in marks)
    metrics: dict[str, float] = {"n_scans": len(marks), "n_nodules": nodules}
    intervals = {}
    if nodules:
        metrics |= _froc(marks)
        hit, false = at_threshold(marks, _bar(pipeline))
        metrics |= {"sensitivity_at_operating_point": hit, "false_per_scan_at_operating_point": false}
        if len(marks) > 1:
            intervals["froc_cpm"] = interval(marks, seed=seed)
    measured = tally.outlined.get(pipeline.operating.outline, [])
    if measured:
        dices, ratios = np.array(measured).T
        few, many = pipeline.operating.diameter_ratio
        metrics |= {"dice": float(dices.mean()), "dice_median": float(np.median(dices))}
        metrics["diameter_ratio_median"] = float(np.median(ratios))
        metrics["diameter_coverage"] = float(((few <= ratios) & (ratios <= many)).mean())
    subsets = {name: _froc(tally.marks[name]) for name in (ALONE, WITH_WORDS)} if nodules else {}
    worst = min(subsets, key=lambda name: subsets[name]["froc_cpm"]) if subsets else None
    baselines = (
        {"log_blobs": _froc(tally.marks["blobs"]), "detector_alone": _froc(tally.marks["detector"])} if nodules else {}
    )
    notes = (
        [f"{len(tally.skipped)} scans without lungs count as missed: {', '.join(tally.skipped)}"]
        if tally.skipped
        else []
    )
    notes.append("the indication is read where a case has one; elsewhere both subsets are the CT alone")
    return Evaluation(
        task=pipeline.task.name, data=data, n=len(marks), metrics=metrics, intervals=intervals, baselines=baselines,
        subsets=subsets, worst_subset=worst, notes=tuple(notes),
    )  # fmt: skip


def _bar(pipeline: NodulePipeline) -> float:
    """The operating point as a logit of the judge alone."""
    platt = pipeline.operating.calibration[ALONE]
    chance = min(max(pipeline.operating.threshold, 1e-9), 1 - 1e-9)
    return float((np.log(chance / (1 - chance)) - platt.offset) / platt.slope)


def _froc(marks: list[Marked]) -> dict[str, float]:
    shares = sensitivity(marks)
    names = ("0.125", "0.25", "0.5", "1", "2", "4", "8")
    told = {f"sensitivity_at_{name}_fp": float(each) for name, each in zip(names, shares, strict=True)}
    return {"froc_cpm": cpm(marks), **told}
