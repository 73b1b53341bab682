"""Detection and segmentation scores: FROC, CPM, Dice. Everything is NumPy; it knows nothing of models.

A nodule is found by a mark inside its mask or within its radius of its centre (LUNA16, Setio et al. 2017). CPM is the
mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false marks a scan; further marks on a found nodule count for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.types import Array

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Marked:
    """One scan: for each nodule the best score that found it (-inf: none did), and the scores of false marks."""

    found: Array
    false: Array


def match(centres: Array, scores: Array, truths: Sequence[tuple[Array, float]], inside: Array | None = None) -> Marked:
    """Marks (mm, with scores) against nodules (centre mm, radius mm); `inside[mark]` is the nodule it hit, or -1."""
    best = np.full(len(truths), -np.inf)
    false = []
    for index, (centre, score) in enumerate(zip(np.reshape(centres, (-1, 3)), scores, strict=True)):
        hits = [n for n, (middle, radius) in enumerate(truths) if np.linalg.norm(centre - middle) <= radius]
        if inside is not None and inside[index] >= 0:
            hits.append(int(inside[index]))
        for hit in hits:
            best[hit] = max(best[hit], score)
        if not hits:
            false.append(score)
    return Marked(found=best, false=np.array(false, float))


def sensitivity(scans: Sequence[Marked], rates: Sequence[float] = RATES) -> Array:
    """The share of nodules found at each rate of false marks a scan."""
    found = np.concatenate([scan.found for scan in scans])
    false = np.sort(np.concatenate([scan.false for scan in scans]))[::-1]
    if not len(found):
        return np.full(len(rates), np.nan)
    shares = []
    for rate in rates:
        allowed = int(np.floor(rate * len(scans) + 1e-9))
        bar = false[allowed] if allowed < len(false) else -np.inf
        shares.append(float((found > bar).mean()))
    return np.array(shares)


def cpm(scans: Sequence[Marked]) -> float:
    return float(sensitivity(scans).mean())


def at_threshold(scans: Sequence[Marked], threshold: float) -> tuple[float, float]:
    """Sensitivity and false marks a scan at a score."""
    found = np.concatenate([scan.found for scan in scans])
    false = np.concatenate([scan.false for scan in scans])
    return float((found >= threshold).mean()) if len(found) else float("nan"), float(
        (false >= threshold).sum() / len(scans)
    )


def dice(one: Array, other: Array) -> float:
    total = int(one.sum() + other.sum())
    return 2.0 * float((one & other).sum()) / total if total else 1.0


def interval(scans: Sequence[Marked], *, rounds: int = 1000, seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of CPM over redrawn scans."""
    from ...core.trust.intervals import bootstrap

    found = bootstrap(lambda index: cpm([scans[i] for i in index]), np.arange(len(scans)), rounds=rounds, seed=seed)
    return found.low, found.high
