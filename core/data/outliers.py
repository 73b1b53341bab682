"""Rows that do not belong: far from the rest, under a label no neighbour shares, or drawn from somewhere else.

It knows numbers only. Distances are robust (the outliers cannot hide themselves by widening the spread).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from ..random import numpy_generator
from ..trust.intervals import bootstrap
from ..types import Array
from .quality import FAR, NEAREST, STRANGER, Finding, Rows, Shift, finding

DIRECTIONS = 10  # of greatest spread that distances are measured in
TAIL = 2.0  # ranges between the quarters of log distances, above the upper one
WIDE = 30.0  # robust spreads beyond which a number is cut
FEWEST = 20
ALIKE, APART = 0.6, 0.8


def outliers(rows: Rows) -> tuple[Finding | None, dict[str, float]]:
    """Rows far from the rest by robust Mahalanobis distance (minimum covariance determinant, Rousseeuw 1984)."""
    if len(rows) < FEWEST:
        return None, {}
    filled = np.where(np.isnan(rows.values).all(axis=0), 0.0, rows.values)
    low, high = np.nanquantile(filled, [0.25, 0.75], axis=0)
    # Of a column that mostly stands still no distance can be told: every move would be infinitely far.
    points = embedded(rows.values[:, low < high])
    if not points.shape[1]:
        return None, {}
    from scipy.stats import chi2

    squared = _distances(points)
    # Real data have heavier tails than the normal: far is what lies far beyond their own upper quarter too.
    low, high = np.quantile(np.log(np.maximum(squared, 1e-12)), [0.25, 0.75])
    limit = max(float(chi2.ppf(FAR, points.shape[1])), float(np.exp(high + TAIL * (high - low))))
    far = np.flatnonzero(squared > limit)
    far = far[np.argsort(-squared[far])][: max(1, len(rows) // 20)]
    if not len(far):
        return None, {}
    ids = [rows.ids[row] for row in far]
    weights = {rows.ids[row]: float(max(np.sqrt(limit / squared[row]), 0.1)) for row in far}
    centre, spread = _middle(rows.values)
    off = np.abs((rows.values[far[0]] - centre) / spread)
    worst = rows.names[int(np.nanargmax(off))] if np.isfinite(off).any() else "nothing alone"
    says = f"{len(ids)} rows lie far from the rest (the farthest, {ids[0]}, most in {worst}): worth less than others"
    return finding("meaning", "outlier", says, ids), weights


def odd_labels(rows: Rows) -> tuple[Finding | None, dict[str, float]]:
    """Rows whose label none of their ten nearest neighbours shares, where nine of these agree on another."""
    labelled = np.array([bool(label) for label in rows.labels])
    names = sorted({label for label in rows.labels if label})
    if labelled.sum() < 5 * FEWEST or len(names) < 2:
        return None, {}
    from sklearn.neighbors import NearestNeighbors

    kept = np.flatnonzero(labelled)
    points = embedded(rows.values[kept])
    labels = np.array([names.index(rows.labels[row]) for row in kept])
    near = NearestNeighbors(n_neighbors=NEAREST + 1).fit(points).kneighbors(points, return_distance=False)[:, 1:]
    counts = np.stack([(labels[near] == each).sum(axis=1) for each in range(len(names))], axis=1)
    common = np.bincount(labels, minlength=len(names)) / len(labels)
    own, best = counts[np.arange(len(kept)), labels], counts.argmax(axis=1)
    # A rare label has few neighbours of its own: only where the neighbours' label is the rarer one is it evidence.
    odd = (own == 0) & (counts.max(axis=1) >= NEAREST - 1) & (common[labels] > common[best] / 4)
    if not odd.any() or odd.mean() > 0.1:
        return None, {}
    ids = [rows.ids[row] for row in kept[odd]]
    says = f"{len(ids)} rows have a label that none of their {NEAREST} nearest rows has: look at them"
    return finding("meaning", "odd label", says, ids), dict.fromkeys(ids, STRANGER)


def adversarial(ours: Rows, other: Rows, *, against: str, seed: int = 0) -> Shift:
    """Whether a classifier tells the rows apart, on folds that it did not learn from (whole groups), and by what."""
    names = [name for name in ours.names if name in other.names]
    if min(len(ours), len(other)) < FEWEST or not names:
        why = "too few rows to tell apart from" if names else "no number in common with"
        return _undecided(against, why)
    values = np.concatenate([_columns_of(rows, names) for rows in (ours, other)])
    side = np.repeat([0, 1], [len(ours), len(other)])
    groups = np.array([f"{number}/{name or row}" for number, rows in enumerate((ours, other))
                       for row, name in enumerate(rows.groups)])  # fmt: skip
    few = min(len(np.unique(groups[side == each])) for each in (0, 1))
    if few < 2:  # the group that teaches is the group that would be asked
        return _undecided(against, "too few groups to tell apart from")
    scores = _told_apart(values, side, groups, folds=min(5, few), seed=seed)
    from sklearn.metrics import roc_auc_score

    def auroc(score: Array, known: Array) -> float:
        return float(roc_auc_score(known, score)) if len(np.unique(known)) > 1 else float("nan")

    many = len(set(groups)) < len(groups)
    spread = bootstrap(auroc, scores, side, groups=groups if many else None, rounds=200, seed=seed)
    verdict = "not told apart from" if spread.low < ALIKE else "drifts from" if spread.low < APART else "differs from"
    return Shift(
        against=against, auroc=round(spread.value, 4), low=round(spread.low, 4), high=round(spread.high, 4),
        verdict=verdict, differs=tuple(_differs(values, side == 1, names)),
        identical=len({*ours.digests} & {*other.digests}),
    )  # fmt: skip


def embedded(values: Float[Array, "row feature"]) -> Float[Array, "row direction"]:
    """Numbers in robust spreads, cut at thirty, gaps at the median, in the directions of greatest spread."""
    centre, spread = _middle(values)
    scaled = np.clip(np.nan_to_num((values - centre) / spread, nan=0.0), -WIDE, WIDE)
    scaled = scaled[:, scaled.std(axis=0) > 0]
    if scaled.shape[1] > DIRECTIONS:
        middle = scaled - scaled.mean(axis=0)
        scaled = middle @ np.linalg.svd(middle, full_matrices=False)[2][:DIRECTIONS].T
    return scaled


def _middle(values: Float[Array, "row feature"]) -> tuple[Array, Array]:
    """The median and a robust spread of every column (1 where it does not vary)."""
    known = np.where(np.isfinite(values), values, np.nan)
    empty = np.isnan(known).all(axis=0)
    known = np.where(empty, 0.0, known)
    centre = np.nanmedian(known, axis=0)
    low, high = np.nanquantile(known, [0.25, 0.75], axis=0)
    spread = (high - low) / 1.349
    spread = np.where(spread > 0, spread, np.nanstd(known, axis=0))
    return centre, np.where(spread > 0, spread, 1.0)


def _distances(points: Float[Array, "row direction"]) -> Float[Array, " row"]:
    """Squared robust distances of every row."""
    from sklearn.covariance import LedoitWolf, MinCovDet

    if len(points) < 5 * points.shape[1]:
        return np.asarray(LedoitWolf().fit(points).mahalanobis(points))
    noise = 1e-3 * numpy_generator(0, "quality ties").normal(size=points.shape)  # ties make the determinant zero
    return np.asarray(MinCovDet(random_state=0, support_fraction=0.75).fit(points + noise).mahalanobis(points))


def _undecided(against: str, why: str) -> Shift:
    return Shift(against=against, auroc=0.5, low=0.0, high=1.0, verdict=why, differs=(), identical=0)


def _told_apart(values: Array, side: Array, groups: Array, *, folds: int, seed: int) -> Float[Array, " row"]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    scores = np.zeros(len(side))
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for known, held in split.split(values, side, groups):
        if len(np.unique(side[known])) < 2:
            continue
        model = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=8, min_samples_leaf=min(20, max(3, len(known) // 20)), random_state=seed
        )
        scores[held] = model.fit(values[known], side[known]).predict_proba(values[held])[:, 1]
    return scores


def _differs(values: Array, there: Bool[Array, " row"], names: list[str]) -> list[Mapping[str, Any]]:
    """The columns that alone tell the sides apart best, with both medians and shares of gaps."""
    from sklearn.metrics import roc_auc_score

    found = []
    for column, name in enumerate(names):
        x = values[:, column]
        known = np.isfinite(x)
        gaps = (float((~known[~there]).mean()), float((~known[there]).mean()))
        filled = np.where(known, x, np.nanmedian(x) if known.any() else 0.0)
        alone = float(roc_auc_score(there, filled)) if len(np.unique(filled)) > 1 else 0.5
        strength = max(abs(alone - 0.5), abs(gaps[0] - gaps[1]) / 2)
        if strength > 0.1:
            here, away = (
                float(np.nanmedian(x[part])) if np.isfinite(x[part]).any() else None for part in (~there, there)
            )
            found.append((strength, {"feature": name, "alone": round(0.5 + abs(alone - 0.5), 3), "here": here,
                                     "there": away, "missing": [round(gap, 3) for gap in gaps]}))  # fmt: skip
    found.sort(key=lambda each: -each[0])
    return [told for _, told in found[:5]]


def _columns_of(rows: Rows, names: list[str]) -> Array:
    return rows.values[:, [rows.names.index(name) for name in names]]
