"""Gradient boosting on causal features, fitted with scikit-learn and kept as plain tensors; folds go forward in time.

Legitimate payments are thinned for the fit and the logit is set back by it, so that it stays that of all payments.
It knows nothing of what the features mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from ....core.errors import FormatError
from ....core.random import numpy_generator
from ....core.trees import Trees
from ....core.types import Array

LEAST = 20  # frauds: below it no tree can be trusted
LEGITIMATE = 100_000  # rows that a fit keeps at most


@dataclass(frozen=True, kw_only=True, slots=True)
class Boosting:
    """`rounds` trees of `leaves` leaves with `support` rows each, at a learning `rate`, weights shrunk by `ridge`."""

    rounds: int = 200
    rate: float = 0.06
    leaves: int = 31
    support: int = 60
    ridge: float = 5.0
    depth: int = 8


def fit_trees(
    rows: Float[Array, "row feature"], fraud: Bool[Array, " row"], config: Boosting, *, seed: int = 0
) -> Trees:
    """Trees whose logit is that of fraud among `rows`; NaN is a missing value.

    Raises:
        FormatError: fewer than 20 frauds, or no other payment.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    frauds, others = np.flatnonzero(fraud), np.flatnonzero(~fraud)
    if len(frauds) < LEAST or not len(others):
        raise FormatError(f"{len(frauds)} known frauds among {len(fraud)} payments: boosting needs at least {LEAST}")
    kept = others
    if len(others) > LEGITIMATE:
        kept = np.sort(numpy_generator(seed, "thinning").choice(others, LEGITIMATE, replace=False))
    index = np.concatenate([frauds, kept])
    model = HistGradientBoostingClassifier(
        max_iter=config.rounds,
        learning_rate=config.rate,
        max_leaf_nodes=config.leaves,
        max_depth=config.depth,
        min_samples_leaf=max(2, min(config.support, len(index) // 200)),
        l2_regularization=config.ridge,
        early_stopping=False,
        random_state=seed,
    )
    trees = Trees.of(model.fit(rows[index], fraud[index]))
    return replace(trees, base=trees.base + float(np.log(len(kept) / len(others))))  # weights would make binning slow


def out_of_fold(
    rows: Float[Array, "row feature"],
    fraud: Bool[Array, " row"],
    time: Float[Array, " row"],
    known_at: Float[Array, " row"],
    *,
    config: Boosting,
    views: Sequence[Float[Array, "row feature"]] = (),
    folds: int = 4,
    seed: int = 0,
) -> Float[Array, "row view"]:
    """Logits of trees that knew only labels known before the fold began; NaN in the first folds, before there were any.

    Each fold holds as many payments, in the order of time. `views` are the rows as they are to be scored (without a
    modality), one column each; by default as they are learnt from.
    """
    views = views or (rows,)
    logits = np.full((len(rows), len(views)), np.nan)
    edges = np.quantile(time, np.linspace(0, 1, folds + 1)[1:-1])
    which = np.searchsorted(edges, time, side="right")
    for fold in range(1, folds):
        now = which == fold
        before = known_at < edges[fold - 1]
        if now.any() and (fraud & before).sum() >= LEAST:
            trees = fit_trees(rows[before], fraud[before], config, seed=seed)
            logits[now] = np.column_stack([trees.raw(view[now]) for view in views])
    return logits
