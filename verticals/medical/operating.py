"""The operating point of a trained pipeline, fixed on validation scans: calibration by subset, threshold, diameter
spread.

Nothing here sees a test scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import InputError
from ...core.trust.calibration import Platt, calibration_error, fit_platt
from .cases import Case
from .evaluate import Tally, tallied
from .findings import ALONE, WITH_WORDS, Operating
from .metrics import at_threshold, cpm

if TYPE_CHECKING:
    from .pipeline import NodulePipeline

FALSE_MARKS = 1.0  # a scan, at the operating point
OUTLINES = (0.5, 0.6, 0.7, 0.8, 0.9)


def calibrated(pipeline: NodulePipeline, cases: Sequence[Case]) -> tuple[Operating, dict[str, float]]:
    """The operating point with at most `FALSE_MARKS` on these scans, and the numbers reached there."""
    tally = tallied(pipeline, cases, outlines=OUTLINES)
    platts = _platts(tally)
    outline = max(OUTLINES, key=lambda each: float(np.mean([score for score, _ in tally.outlined[each]] or [0.0])))
    ratios = [ratio for _, ratio in tally.outlined[outline]]
    few, many = np.quantile(ratios, [0.05, 0.95]) if len(ratios) >= 20 else (0.75, 1.33)
    operating = Operating(
        threshold=_threshold(tally, platts[ALONE]),
        calibration=platts,
        diameter_ratio=(min(float(few), 0.95), max(float(many), 1.05)),
        outline=outline,
    )
    return operating, _numbers(tally, operating)


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
        "sensitivity": hit,
        "false_per_scan": false,
        "dice": float(np.mean([score for score, _ in tally.outlined[operating.outline]] or [0.0])),
    }
    if tally.scored:
        scores = platt.probabilities(np.array([one for one, _, _ in tally.scored]))
        numbers["ece"] = calibration_error(scores, np.array([hit for _, _, hit in tally.scored]), bins=10)
    return {name: round(value, 3) for name, value in numbers.items()}
