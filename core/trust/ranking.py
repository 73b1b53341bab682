"""How well a score ranks what happened, for rows that carry weights: average precision and the area under the curve,
with intervals over redrawn groups and paired differences between scores.

A redrawn sample is the same rows with other weights, so each score is sorted once. It knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ..errors import FormatError, InputError
from ..random import numpy_generator
from ..result import Interval
from ..types import Array

METRICS = ("average_precision", "roc_auc")


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """Rows in the order of falling score; `ends` are the last rows of runs of equal scores."""

    order: Array
    happened: Bool[Array, " row"]
    ends: Array

    @classmethod
    def of(cls, score: Float[Array, " row"], happened: Bool[Array, " row"]) -> Ranking:
        """Raises FormatError where lengths differ, a score is NaN, or one of the two outcomes does not occur."""
        score, happened = np.asarray(score, np.float64), np.asarray(happened, bool)
        if score.shape != happened.shape or score.ndim != 1 or np.isnan(score).any():
            raise FormatError(f"a ranking takes one score without NaN a row, got {score.shape} and {happened.shape}")
        if not happened.any() or happened.all():
            raise FormatError(f"{int(happened.sum())} of {len(happened)} rows happened: a ranking needs both kinds")
        order = np.argsort(-score, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
        return cls(order=order, happened=happened[order], ends=ends)

    def measure(self, weights: Float[Array, " row"] | None = None) -> dict[str, float]:
        """Both metrics for rows of these weights (default: one each); NaN where no weight is left on either kind."""
        weights = np.ones(len(self.order)) if weights is None else weights[self.order]
        hits = np.cumsum(np.where(self.happened, weights, 0.0))[self.ends]
        alarms = np.cumsum(np.where(self.happened, 0.0, weights))[self.ends]
        if not hits[-1] > 0 or not alarms[-1] > 0:
            return dict.fromkeys(METRICS, float("nan"))
        gained, falsely = np.diff(hits, prepend=0.0), np.diff(alarms, prepend=0.0)
        told = hits + alarms
        precision = np.divide(hits, told, out=np.zeros_like(hits), where=told > 0)
        area = (falsely * (hits - gained / 2)).sum() / (hits[-1] * alarms[-1])
        return {"average_precision": float((gained * precision).sum() / hits[-1]), "roc_auc": float(area)}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A score's metrics with intervals, and how far they are from those of the score it was compared with."""

    metrics: Mapping[str, Interval]
    less: Mapping[str, Interval]


def compare(
    scores: Mapping[str, Float[Array, " row"]],
    happened: Bool[Array, " row"],
    *,
    groups: Array,
    against: str,
    weights: Float[Array, " row"] | None = None,
    coverage: float = 0.95,
    rounds: int = 200,
    seed: int = 0,
) -> dict[str, Compared]:
    """Every score on the same redraws of whole groups; `less` is the score's metric less that of `against`.

    `weights` stand for rows that were thinned out.

    Raises:
        InputError: fewer than two groups, or no score is called `against`.
    """
    if against not in scores:
        raise InputError(f"no score is called {against!r}: known are {', '.join(scores)}")
    _, which = np.unique(groups, return_inverse=True)
    if which.max() < 1:
        raise InputError("an interval needs at least two groups of rows, got one")
    base = np.ones(len(happened)) if weights is None else np.asarray(weights, np.float64)
    rankings = {name: Ranking.of(score, happened) for name, score in scores.items()}
    drawn = {name: [ranking.measure(base)] for name, ranking in rankings.items()}
    for counts in drawn_groups(which.max() + 1, rounds, seed):
        for name, ranking in rankings.items():
            drawn[name].append(ranking.measure(base * counts[which]))
    table = {name: {m: np.array([each[m] for each in rows]) for m in METRICS} for name, rows in drawn.items()}
    return {
        name: Compared(
            metrics={metric: interval_of(values, coverage) for metric, values in columns.items()},
            less={metric: interval_of(columns[metric] - table[against][metric], coverage) for metric in METRICS},
        )
        for name, columns in table.items()
    }


def drawn_groups(groups: int, rounds: int, seed: int) -> Float[Array, "round group"]:
    """How often each group is drawn, in each round of as many draws as there are groups."""
    generator = numpy_generator(seed, "groups")
    return generator.multinomial(groups, np.full(groups, 1 / groups), size=rounds).astype(float)


def interval_of(values: Float[Array, " draw"], coverage: float = 0.95) -> Interval:
    """The first value is as measured, the others are redrawn; those that are not finite are left out."""
    finite = values[1:][np.isfinite(values[1:])]
    if len(finite) < len(values) / 2:
        return Interval(value=float(values[0]), low=float("nan"), high=float("nan"), coverage=coverage)
    low, high = np.quantile(finite, [(1 - coverage) / 2, (1 + coverage) / 2])
    return Interval(value=float(values[0]), low=float(low), high=float(high), coverage=coverage)
