"""What every subset of modalities is worth: score, calibration, coverage and confidence, and the worst subset named.

The rows are what `Evaluation.subsets` holds. It knows nothing of models: a function from subset to probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int

from ..types import Array
from .calibration import brier, label_calibration_error
from .conformal import Sets

Predict: TypeAlias = Callable[[tuple[str, ...]], Array]  # a subset to its probabilities [row, label]


@dataclass(frozen=True, kw_only=True)
class SubsetReport:
    """`rows` by subset name ("image+audio"): accuracy, ece, brier, mean_confidence, and coverage and set_size if known.

    `rises` names pairs (larger, smaller) where losing a modality made the model surer of itself by more than was
    tolerated.
    """

    rows: Mapping[str, Mapping[str, float]]
    worst: str
    rises: tuple[tuple[str, str], ...]


def subset_name(subset: Iterable[str]) -> str:
    """`("image", "audio")` is "image+audio"."""
    return "+".join(subset)


def subsets_of(
    modalities: Iterable[str], *, enough: Callable[[tuple[str, ...]], bool] | None = None
) -> list[tuple[str, ...]]:
    """Every non-empty subset, the largest first, in the order of `modalities`; those that are `enough` for the task."""
    names = tuple(modalities)
    every = [subset for size in range(len(names), 0, -1) for subset in combinations(names, size)]
    return [subset for subset in every if enough is None or enough(subset)]


def subset_report(
    predict: Predict,
    labels: Int[Array, " row"],
    subsets: Iterable[tuple[str, ...]],
    *,
    sets: Mapping[str, Sets] | None = None,
    tolerance: float = 0.0,
) -> SubsetReport:
    """Ask `predict` for each subset and hold its probabilities against the labels.

    `sets` holds calibrated conformal sets by subset name. The worst subset has the least accuracy.
    """
    subsets, labels = list(subsets), np.asarray(labels)
    rows = {}
    for subset in subsets:
        name = subset_name(subset)
        probabilities = np.asarray(predict(subset), np.float64)
        rows[name] = _row(probabilities, labels) | _coverage(probabilities, labels, (sets or {}).get(name))
    confidence = {subset: rows[subset_name(subset)]["mean_confidence"] for subset in subsets}
    worst = min(rows, key=lambda name: rows[name]["accuracy"])
    return SubsetReport(rows=rows, worst=worst, rises=confidence_rises(confidence, tolerance=tolerance))


def confidence_rises(
    confidence: Mapping[tuple[str, ...], float], *, tolerance: float = 0.0
) -> tuple[tuple[str, str], ...]:
    """The pairs (larger, smaller) of subsets where knowing less made the mean confidence rise; none is right."""
    return tuple(
        (subset_name(larger), subset_name(smaller))
        for larger in confidence
        for smaller in confidence
        if set(smaller) < set(larger) and confidence[smaller] > confidence[larger] + tolerance
    )


def _row(probabilities: Float[Array, "row label"], labels: Int[Array, " row"]) -> dict[str, float]:
    return {
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "ece": label_calibration_error(probabilities, labels),
        "brier": brier(probabilities, labels),
        "mean_confidence": float(probabilities.max(axis=1).mean()),
    }


def _coverage(
    probabilities: Float[Array, "row label"], labels: Int[Array, " row"], sets: Sets | None
) -> dict[str, float]:
    if sets is None:
        return {}
    inside = sets(probabilities)
    held = inside[np.arange(len(labels)), labels]
    return {"coverage": float(held.mean()), "set_size": float(inside.sum(axis=1).mean())}
