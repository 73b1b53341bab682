"""How good an inspector is: areas under curves on units, on pixels, and on whole regions. Labels: 1 is defective.

Raw scores go in; nothing is normalised, since a monotone change must not move a result.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core.types import Array

STEPS = 400  # thresholds of the region curve


def roc_auc(labels: Array, scores: Array) -> float:
    """Area under the receiver operating characteristic; NaN where only one label occurs."""
    labels, scores = np.asarray(labels, bool), np.asarray(scores, np.float64)
    if labels.all() or not labels.any():
        return float("nan")
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    positive = int(labels.sum())
    return float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * (len(labels) - positive)))


def average_precision(labels: Array, scores: Array) -> float:
    from sklearn.metrics import average_precision_score

    labels = np.asarray(labels, bool)
    return float(average_precision_score(labels, scores)) if labels.any() else float("nan")


def recall_at(labels: Array, scores: Array, false_rejects: float) -> float:
    """Share of defects above the threshold that rejects this share of the good test units."""
    labels, scores = np.asarray(labels, bool), np.asarray(scores, np.float64)
    threshold = np.quantile(scores[~labels], 1 - false_rejects, method="higher")
    return float((scores[labels] > threshold).mean())


def pixel_auroc(maps: Sequence[Array], masks: Sequence[Array]) -> float:
    """Over all pixels of all images together."""
    return roc_auc(np.concatenate([each.ravel() for each in masks]), np.concatenate([each.ravel() for each in maps]))


def aupro(maps: Sequence[Array], masks: Sequence[Array], limit: float = 0.3) -> float:
    """Area under the per-region overlap up to a false-positive rate, over that rate (Bergmann et al. 2021)."""
    from scipy.ndimage import label

    good = np.sort(np.concatenate([each[~mask] for each, mask in zip(maps, masks, strict=True)]))
    regions = []
    for each, mask in zip(maps, masks, strict=True):
        numbered, count = label(mask, structure=np.ones((3, 3)))
        regions += [np.sort(each[numbered == which + 1]) for which in range(count)]
    if not regions or not len(good):
        return float("nan")
    rates = np.linspace(0, limit, STEPS)
    thresholds = np.quantile(good, 1 - rates)
    overlap = np.zeros(STEPS)
    for values in regions:
        overlap += 1 - np.searchsorted(values, thresholds, side="left") / len(values)
    return float(np.trapezoid(overlap / len(regions), rates) / limit)
