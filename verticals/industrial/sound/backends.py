"""Ways to say how far a vector lies from good ones: four backends behind one shape, plain arrays in and out.

Which of them is right differs from machine to machine, and without defects nobody can choose; so each is brought to
spreads of good recordings that it was not fitted to, and the largest is taken (`sound/expert.py`). No thresholds here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ....core.types import Array

FOLDS = 5
LEAST = 4  # recordings under which a covariance means nothing
NEIGHBOURS = 3
KEPT = 0.8  # share of the variance that the residual's subspace holds
BACKENDS = ("largest", "mahalanobis", "neighbours", "residual")


@dataclass(frozen=True, kw_only=True, eq=False)
class Backend:
    """One of BACKENDS with its arrays: `mean [feature]`, and by kind `spread`, `white`, `bank` and `reach`, `basis`.

    - largest: the feature that stands highest, in its own spreads (one-sided: a line that is missing is no fault)
    - mahalanobis: distance under Ledoit-Wolf's covariance, over the root of the number of features
    - neighbours: mean distance to the nearest good, each over that one's own reach (LOF, Breunig et al. 2000)
    - residual: what the principal subspace of the good ones leaves over (DFM, Ahuja et al. 2019)
    """

    kind: str
    arrays: Mapping[str, Array]

    def distance(self, rows: Array) -> Array:
        """`[row]` from `[row, feature]`."""
        away = rows - self.arrays["mean"]
        if self.kind == "mahalanobis":
            return np.sqrt(((away @ self.arrays["white"]) ** 2).mean(axis=1))
        away = away / self.arrays["spread"]
        if self.kind == "largest":
            return np.asarray(away.max(axis=1))
        if self.kind == "residual":
            basis = self.arrays["basis"]
            return np.sqrt(((away - away @ basis.T @ basis) ** 2).mean(axis=1))
        far = np.linalg.norm(away[:, None] - self.arrays["bank"][None], axis=2) / self.arrays["reach"]
        return np.sort(far, axis=1)[:, :NEIGHBOURS].mean(axis=1)


def fit_backend(kind: str, rows: Array) -> Backend:
    """From good `[recording, feature]`."""
    rows = np.asarray(rows, np.float64)
    mean, spread = rows.mean(axis=0), _spread(rows)
    arrays: dict[str, Array] = {"mean": mean, "spread": spread}
    if kind == "mahalanobis":
        arrays = {"mean": mean, "white": _white(rows, spread)}
    elif kind == "neighbours":
        bank = (rows - mean) / spread
        far = np.linalg.norm(bank[:, None] - bank[None], axis=2)
        np.fill_diagonal(far, np.inf)
        nearest = np.sort(far, axis=1)[:, : min(NEIGHBOURS, max(len(rows) - 1, 1))].mean(axis=1)
        arrays |= {"bank": bank, "reach": np.where(np.isfinite(nearest), np.maximum(nearest, 1e-6), 1.0)}
    elif kind == "residual":
        _, sizes, basis = np.linalg.svd((rows - mean) / spread, full_matrices=False)
        share = np.cumsum(sizes**2) / max(float((sizes**2).sum()), 1e-12)
        arrays["basis"] = basis[: min(int(np.searchsorted(share, KEPT)) + 1, max(len(rows) // 3, 1))]
    return Backend(kind=kind, arrays={name: np.asarray(each, np.float32) for name, each in arrays.items()})


def held_out(kind: str, rows: Array) -> tuple[float, float]:
    """Median and deviation of the distance of good recordings that each fold's backend was not fitted to."""
    count = len(rows)
    if count < LEAST:
        return 1.0, 1.0
    fold = np.arange(count) % min(FOLDS, count)
    found = np.empty(count)
    for each in range(fold.max() + 1):
        found[fold == each] = fit_backend(kind, rows[fold != each]).distance(rows[fold == each])
    return float(np.median(found)), max(float(found.std()), 0.05)


def _white(rows: Array, spread: Array) -> Array:
    if len(rows) < LEAST:
        return np.diag(1 / spread)
    from sklearn.covariance import LedoitWolf

    values, vectors = np.linalg.eigh(LedoitWolf().fit(rows).covariance_)
    return np.asarray(vectors / np.sqrt(np.maximum(values, max(1e-3 * values.max(), 1e-9))))


def _spread(rows: Array) -> Array:
    """Deviation of each feature; with few recordings no less than half a natural logarithm, about four decibels."""
    least = 0.5 if len(rows) < LEAST else 0.05
    return np.maximum(rows.std(axis=0), least)
