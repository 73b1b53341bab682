"""What a queue of alerts is judged by: recall and precision by rule, and what ranking saves. It knows no model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from ....core.types import Array
from .book import Book
from .truth import Truth, points_at
from .typologies.rule import Firing

FIXED = 0.95  # of the right alerts that may not be lost


def reduction(scores: Float[Array, " alert"], right: Bool[Array, " alert"], recall: float = FIXED) -> float:
    """The share of alerts below the lowest score that keeps that share of the right ones; ties are kept.

    NaN without a right alert.
    """
    if not right.any():
        return float("nan")
    kept = np.sort(scores[right])[::-1][: int(np.ceil(recall * right.sum()))]
    return float(1 - (scores >= kept[-1]).mean())


def case_reduction(
    scores: Float[Array, " alert"], cases: Sequence[Sequence[int]], recall: float = FIXED
) -> float:  # fmt: skip
    """The share of alerts that need not be read if that share of cases still has one that is; NaN without a case.

    `cases` lists for each case the places of its alerts.
    """
    if not cases:
        return float("nan")
    best = np.sort([max(scores[place] for place in case) for case in cases])[::-1]
    return float(1 - (scores >= best[int(np.ceil(recall * len(best))) - 1]).mean())


def average_precision(scores: Float[Array, " alert"], right: Bool[Array, " alert"]) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(right, scores)) if right.any() else float("nan")


def roc_auc(scores: Float[Array, " alert"], right: Bool[Array, " alert"]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(right, scores)) if right.any() and not right.all() else float("nan")


def found(truth: Truth, firings: Sequence[Firing], book: Book, *, rule: str | None = None) -> tuple[int, int]:
    """How many planted cases some firing points at, and how many there are; with a rule, its own of that typology."""
    cases = truth.planted(rule)
    heard = [each for each in firings if rule in (None, each.rule)]
    return sum(any(points_at(each, case, book) for each in heard) for case in cases), len(cases)
