"""How good the pipeline is on labelled scans: FROC, Dice, diameters, with and without the indication, beside blobs.

It scores and counts; it draws nothing and tunes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...core.progress import track
from ...core.result import Evaluation
from ...core.types import Array, Text
from .data import chosen, find_pairs, read_case
from .detection.baseline import blobs
from .detection.detect import Candidate, candidates_of, look
from .detection.findings import ALONE, WITH_WORDS, mask_of, ratios_for
from .measure import measure
from .metrics import Marked, at_threshold, cpm, match, sensitivity
from .simulation.cases import Case, inside_of
from .studies.geometry import Grid, to_world

if TYPE_CHECKING:
    from .pipeline import NodulePipeline


class Outlined(NamedTuple):
    """The mask of a found nodule: its Dice, true over measured diameter and volume, and the measured diameter in mm."""

    dice: float
    ratio: float
    diameter: float
    swelling: float = 1.0


@dataclass
class Tally:
    """What is gathered over scans: marks by subset and of the blobs, and what was measured on found nodules."""

    marks: dict[str, list[Marked]] = field(
        default_factory=lambda: {ALONE: [], WITH_WORDS: [], "detector": [], "blobs": []}
    )
    outlined: dict[float, list[Outlined]] = field(default_factory=dict)  # by outline
    scored: list[tuple[float, float, bool]] = field(default_factory=list)  # logits alone and with words, is a nodule
    sizes: list[float] = field(default_factory=list)  # diameters of all nodules, mm
    textures: list[float | None] = field(default_factory=list)  # readers' ratings of all nodules
    skipped: list[str] = field(default_factory=list)
    spheres: int = 0  # scans whose nodules have no outline


def evaluate(pipeline: NodulePipeline, data: Path, *, layout: str | None, seed: int) -> Evaluation:
    """The evaluation of a folder of labelled scans."""
    pairs = chosen(find_pairs(data, layout), "test", "validation")
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
    from .detection.judge import judge

    seen = look(pipeline.detector, case.volume)
    if seen is None:
        tally.skipped.append(case.name)
    tally.spheres += not case.outlined
    candidates = candidates_of(seen) if seen is not None else []
    index = (
        np.array([seen.grid.to_source(each.centre) for each in candidates]).reshape(-1, 3)
        if seen is not None
        else np.zeros((0, 3))
    )
    asked = case.asked(to_world(case.volume.affine, index))
    candidates, index = [each for each, kept in zip(candidates, asked, strict=True) if kept], index[asked]
    inside = inside_of(case, index)
    centres = to_world(case.volume.affine, index)
    truths = [(truth.centre, truth.radius) for truth in case.truths]
    tally.sizes += [truth.diameter for truth in case.truths]
    tally.textures += [truth.texture for truth in case.truths]
    words = Text(text=case.indication) if case.indication else None
    start = pipeline.operating.start
    logits = {
        ALONE: judge(pipeline.judge, candidates, None, start).logits,
        "detector": np.array([each.logit for each in candidates]),
    }
    logits[WITH_WORDS] = logits[ALONE] if words is None else judge(pipeline.judge, candidates, words, start).logits
    for name, scores in logits.items():
        tally.marks[name].append(match(centres, scores, truths, inside))
    where, scores = blobs(case.volume)
    asked = case.asked(to_world(case.volume.affine, where))
    where, scores = where[asked], scores[asked]
    tally.marks["blobs"].append(match(to_world(case.volume.affine, where), scores, truths, inside_of(case, where)))
    measured: set[int] = set()  # a nodule that several candidates share is measured on the surest
    for candidate, centre, hit, alone, both in zip(
        candidates, centres, inside, logits[ALONE], logits[WITH_WORDS], strict=True
    ):
        near = [n for n, (middle, radius) in enumerate(truths) if np.linalg.norm(centre - middle) <= radius]
        tally.scored.append((float(alone), float(both), hit >= 0 or bool(near)))
        if case.outlined and hit >= 0 and hit not in measured and seen is not None:
            measured.add(int(hit))
            compare(case, int(hit), candidate, (seen.heat, seen.grid), tally.outlined)


def compare(
    case: Case, hit: int, candidate: Candidate, seen: tuple[Array, Grid], outlined: dict[float, list[Outlined]]
) -> None:
    """Dice and diameter of one found nodule, drawn at each outline; `seen` is the heat and its grid."""
    truth = case.truths[hit]
    size = int((case.labels == truth.label).sum())
    for outline, found in outlined.items():
        low, mask = mask_of(*seen, candidate, case.volume, outline=outline)
        box = tuple(slice(a, a + n) for a, n in zip(low, mask.shape, strict=True))
        both = int((mask & (case.labels[box] == truth.label)).sum())
        sizes = measure(mask, case.volume.spacing, case.volume.voxels[box])
        diameter = max(sizes.diameter_mm, 0.1)
        own = int(mask.sum())
        found.append(Outlined(2 * both / (size + own), truth.diameter / diameter, diameter, size / own))


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
        metrics |= _promised(pipeline, marks)
        if len(marks) > 1:
            intervals["froc_cpm"] = interval(marks, seed=seed)
    measured = tally.outlined.get(pipeline.operating.outline, [])
    if measured:
        metrics |= _measured(pipeline, measured)
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
    if tally.spheres:
        notes.append(
            f"{tally.spheres} scans give middles and diameters only: Dice and diameters cannot be measured there"
        )
    notes.append("the indication is read where a case has one; elsewhere both subsets are the CT alone")
    return Evaluation(
        task=pipeline.task.name, data=data, n=len(marks), metrics=metrics, intervals=intervals, baselines=baselines,
        subsets=subsets, worst_subset=worst, notes=tuple(notes),
    )  # fmt: skip


def _measured(pipeline: NodulePipeline, outlined: Sequence[Outlined]) -> dict[str, float]:
    """Dice, and how well the intervals of diameter and volume hold; a width is half of it over the middle."""
    dices = np.array([each.dice for each in outlined])
    found = {"dice": float(dices.mean()), "dice_median": float(np.median(dices))}
    found["diameter_ratio_median"] = float(np.median([each.ratio for each in outlined]))
    for name, rows in (("diameter", pipeline.operating.diameter_ratios), ("volume", pipeline.operating.volume_ratios)):
        low, high = np.array([ratios_for(each.diameter, rows) for each in outlined]).T
        true = np.array([each.ratio if name == "diameter" else each.swelling for each in outlined])
        found[f"{name}_coverage"] = float(((low <= true) & (true <= high)).mean())
        found[f"{name}_width"] = float(np.median((high - low) / (high + low)))
    return found


def _promised(pipeline: NodulePipeline, marks: list[Marked]) -> dict[str, float]:
    """What each promise of a sensitivity came to: the mean over patients, and the false marks a scan."""
    found = {}
    for promised, threshold in pipeline.operating.promises:
        bar = _bar(pipeline, threshold)
        reached = [float((scan.found >= bar).mean()) for scan in marks if len(scan.found)]
        found[f"sensitivity_promised_{100 * promised:.0f}"] = float(np.mean(reached))
        found[f"false_per_scan_promised_{100 * promised:.0f}"] = at_threshold(marks, bar)[1]
    return found


def _bar(pipeline: NodulePipeline, threshold: float | None = None) -> float:
    """A calibrated score, by default the operating point, as a logit of the judge alone."""
    platt = pipeline.operating.calibration[ALONE]
    threshold = pipeline.operating.threshold if threshold is None else threshold
    chance = min(max(threshold, 1e-9), 1 - 1e-9)
    return float((np.log(chance / (1 - chance)) - platt.offset) / platt.slope)


def _froc(marks: list[Marked]) -> dict[str, float]:
    shares = sensitivity(marks)
    names = ("0.125", "0.25", "0.5", "1", "2", "4", "8")
    told = {f"sensitivity_at_{name}_fp": float(each) for name, each in zip(names, shares, strict=True)}
    return {"froc_cpm": cpm(marks), **told}
