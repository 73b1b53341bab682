"""The operating point of a trained pipeline, fixed on validation scans: calibration, threshold, outline, diameters.

Nothing here sees a test scan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ....core.errors import InputError
from ....core.progress import track
from ....core.random import numpy_generator
from ....core.trust.calibration import Platt, calibration_error, fit_platt
from ....core.trust.conformal import quantile
from ....core.trust.risk import fit_threshold
from ....core.types import Array, Volume
from ..evaluate import Outlined, Tally, compare, tallied
from ..metrics import at_threshold, cpm
from ..simulation.cases import Case, inside_of, truths_of
from ..simulation.patches import SIZE, Background, draw_patch
from ..simulation.shapes import Shape
from ..studies.geometry import Grid
from .detect import candidates_in, slide, windows_over
from .detector import STEP, Detector
from .findings import ALONE, WITH_WORDS, Operating

if TYPE_CHECKING:
    from ..pipeline import NodulePipeline

FALSE_MARKS = 0.5  # a scan, at the operating point
OUTLINES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SIZES = (6.0, 10.0, 1000.0)  # mm measured: a diameter's bounds are fixed for each size, where 40 nodules have it
COVERAGE = 0.9
PROMISED = (0.5, 0.6, 0.7, 0.8, 0.9)  # sensitivities


def calibrated(
    pipeline: NodulePipeline, cases: Sequence[Case], more: Mapping[float, Sequence[Outlined]] | None = None
) -> tuple[Operating, dict[str, float]]:
    """The operating point with at most `FALSE_MARKS` on these scans, and the numbers reached there.

    `more` are masks of other nodules at `OUTLINES`, since a scan has few.
    """
    tally = tallied(pipeline, cases, outlines=OUTLINES)
    for outline, found in (more or {}).items():
        tally.outlined[outline] += found
    platts = _platts(tally)
    outline = _outline(tally)
    operating = replace(
        pipeline.operating,
        threshold=_threshold(tally, platts[ALONE]),
        calibration=platts,
        diameter_ratios=_ratios(tally.outlined[outline], lambda each: each.ratio),
        volume_ratios=_ratios(tally.outlined[outline], lambda each: each.swelling),
        outline=outline,
        promises=_promises(tally, platts[ALONE]),
    )
    return operating, _numbers(tally, operating)


def outlined_patches(
    detector: Detector, backgrounds: Sequence[Background], shapes: Sequence[Shape], *, count: int, seed: int
) -> dict[float, list[Outlined]]:
    """The masks of nodules that were put into single windows and found there."""
    found: dict[float, list[Outlined]] = {outline: [] for outline in OUTLINES}
    affine = np.diag([STEP, STEP, STEP, 1.0])
    for number in track(range(count), "diameters", count):
        patch = draw_patch(backgrounds, shapes, numpy_generator(seed, f"diameters/{number}"), margin=SIZE // 4)
        volume = Volume(voxels=patch.values, affine=affine)
        labels = ndimage.label(patch.truth, structure=np.ones((3, 3, 3)))[0].astype(np.uint8)
        case = Case(name="", volume=volume, labels=labels, truths=truths_of(labels, volume))
        heat = slide(detector, patch.values, windows_over(np.ones(patch.values.shape, bool)))
        grid = Grid(values=patch.values, low=np.zeros(3), ratio=np.ones(3))
        candidates = candidates_in(heat, patch.values)
        centres = np.array([each.centre for each in candidates]).reshape(-1, 3)
        seen: set[int] = set()
        for candidate, hit in zip(candidates, inside_of(case, centres), strict=True):
            if hit >= 0 and hit not in seen and not _at_rim(labels == case.truths[hit].label):
                seen.add(int(hit))
                compare(case, int(hit), candidate, (heat, grid), found)
    return found


def _at_rim(mask: Array) -> bool:
    where = np.argwhere(mask)
    return bool(where.min() < 2 or (where.max(axis=0) > np.array(mask.shape) - 3).any())


def _outline(tally: Tally) -> float:
    """The outline with the best mean Dice; among those as good to .01, the one whose diameters are the truest."""
    dice = {each: float(np.mean([found.dice for found in tally.outlined[each]] or [0.0])) for each in OUTLINES}
    good = [each for each in OUTLINES if dice[each] >= max(dice.values()) - 0.01]
    return min(good, key=lambda each: abs(np.log(np.median([found.ratio for found in tally.outlined[each]] or [1.0]))))


def _ratios(found: Sequence[Outlined], of: Callable[[Outlined], float]) -> tuple[tuple[float, float, float], ...]:
    """By measured size, the bounds between which a ratio of true to measured lies: split-conformal, 5 % on each side.

    Sizes with fewer than 40 nodules, and all of them where there are fewer than 40 in all, take the bounds of everyone.
    """
    everyone = _bounds(np.array([of(each) for each in found])) if len(found) >= 40 else (0.4, 2.5)
    rows, low = [], 0.0
    for high in SIZES:
        here = np.array([of(each) for each in found if low <= each.diameter < high])
        rows.append((high, *(_bounds(here) if len(here) >= 40 else everyone)))
        low = high
    return tuple(rows)


def _bounds(ratios: Array) -> tuple[float, float]:
    side = 1 - (1 - COVERAGE) / 2
    return round(-quantile(-ratios, side), 4), round(quantile(ratios, side), 4)


def _platts(tally: Tally) -> dict[str, Platt]:
    hits = np.array([hit for _, _, hit in tally.scored], bool)
    if not hits.any() or hits.all():
        return {ALONE: Platt(), WITH_WORDS: Platt()}
    columns = {ALONE: [one for one, _, _ in tally.scored], WITH_WORDS: [both for _, both, _ in tally.scored]}
    fitted = {name: fit_platt(np.array(column), hits) for name, column in columns.items()}
    return {name: each if each.slope > 0.05 else Platt() for name, each in fitted.items()}


def _threshold(tally: Tally, platt: Platt) -> float:
    """The lowest score with few enough false marks."""
    marks = tally.marks[ALONE]
    false = np.sort(np.concatenate([scan.false for scan in marks]))[::-1] if marks else np.zeros(0)
    allowed = int(FALSE_MARKS * len(marks))
    bar = false[allowed] + 1e-6 if allowed < len(false) else (false.min() if len(false) else 0.0)
    return float(np.clip(platt.probabilities(np.array([bar]))[0], 0.05, 0.95))


def _promises(tally: Tally, platt: Platt) -> tuple[tuple[float, float], ...]:
    """For each sensitivity that can be promised from these patients, the score from which a candidate is a finding.

    A patient's loss is the share of the nodules that are missed. What the detector does not see at all is missed at
    every threshold, so high sensitivities may be out of reach.
    """
    patients = [scan.found for scan in tally.marks[ALONE] if len(scan.found)]
    found = []
    for sensitivity in PROMISED:
        if (1 - sensitivity) * (len(patients) + 1) < 1:
            continue
        point = fit_threshold(patients, risk=1 - sensitivity)
        if np.isfinite(point.threshold):
            found.append((sensitivity, round(float(platt.probabilities(np.array([point.threshold]))[0]), 6)))
    return tuple(found)


def _numbers(tally: Tally, operating: Operating) -> dict[str, float]:
    marks, platt = tally.marks[ALONE], operating.calibration[ALONE]
    if not marks or not sum(len(scan.found) for scan in marks):
        raise InputError("validation scans without a nodule fix no operating point")
    bar = (np.log(operating.threshold / (1 - operating.threshold)) - platt.offset) / platt.slope
    hit, false = at_threshold(marks, float(bar))
    numbers = {
        "scans": float(len(marks)),
        "nodules": float(sum(len(scan.found) for scan in marks)),
        "froc_cpm": cpm(marks),
        "froc_cpm_with_indication": cpm(tally.marks[WITH_WORDS]),
        "froc_cpm_detector": cpm(tally.marks["detector"]),
        "sensitivity": hit,
        "false_per_scan": false,
        "dice": float(np.mean([found.dice for found in tally.outlined[operating.outline]] or [0.0])),
    }
    if tally.scored:
        scores = platt.probabilities(np.array([one for one, _, _ in tally.scored]))
        numbers["ece"] = calibration_error(scores, np.array([hit for _, _, hit in tally.scored]), bins=10)
    return {name: round(value, 3) for name, value in numbers.items()}
