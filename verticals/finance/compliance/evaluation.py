"""A ranker on labelled data: does it put what is right first, beside rules alone and trees alone? It knows no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ....core.errors import InputError
from ....core.result import Evaluation
from ....core.trust.calibration import brier
from ....core.trust.intervals import bootstrap
from ....core.types import Array
from .book import Book, book_of
from .metrics import average_precision, found, reduction, roc_auc
from .ranking.ranker import Ranker, Scored
from .review import firings_of
from .sources import Source
from .typologies.rule import Firing

SUBSETS = {
    "payments+entities": (False, False), "payments+entities+lists": (True, False),
    "payments+entities+dossier": (False, True), "payments+entities+lists+dossier": (True, True),
}  # fmt: skip


def evaluate(ranker: Ranker, sources: Sequence[Source], *, task: str, data: str, seed: int) -> Evaluation:
    """Every alert of every source, ranked.

    Raises:
        InputError: no alert, or none that is right.
    """
    seen = [_seen(ranker, each, each.book) for each in sources]
    right = np.concatenate([each[2] for each in seen])
    if not right.any() or right.all():
        raise InputError(
            f"{int(right.sum())} of {len(right)} alerts are right: both kinds are needed to judge a ranking"
        )
    score = np.concatenate([each[1].probability for each in seen])
    trees = np.concatenate([each[1].trees for each in seen])
    rank = np.concatenate([_plain(each[0]) for each in seen])
    metrics = _metrics(score, right) | {
        "brier": brier(np.column_stack([1 - score, score]), right.astype(int)),
        "case_recall": _recall(sources, seen),
        "alerts": float(len(right)),
    }
    intervals = {}
    for name, metric in (
        ("average_precision", average_precision),
        ("roc_auc", roc_auc),
        ("reduction_at_95", reduction),
    ):
        try:
            drawn = bootstrap(lambda a, b, m=metric: m(a, b), score, right, rounds=200, seed=seed)
            intervals[name] = (drawn.low, drawn.high)
        except InputError:
            continue
    return Evaluation(
        task=task,
        data=data,
        n=len(right),
        metrics=metrics,
        intervals=intervals,
        baselines={
            "rules alone (largest sum first)": _metrics(rank, right),
            "boosting on counters": _metrics(trees, right),
        },
        subsets=_subsets(ranker, sources),
        notes=("right: an alert that points at a case of truth.csv, by its subject and its payments",),
    )


def _seen(ranker: Ranker, source: Source, book: Book) -> tuple[tuple[Firing, ...], Scored, Array]:
    firings = firings_of(book)
    return firings, ranker.score(book, firings), source.truth.right(firings, book)


def _metrics(score: Array, right: Array) -> dict[str, float]:
    return {
        "average_precision": average_precision(score, right), "roc_auc": roc_auc(score, right),
        "reduction_at_95": reduction(score, right),
    }  # fmt: skip


def _plain(firings: Sequence[Firing]) -> Array:
    """What a queue without a model goes by: the largest sum first."""
    return np.array([max((abs(v) for v in each.measures.values()), default=0.0) for each in firings])


def _recall(sources: Sequence[Source], seen: Sequence[tuple[tuple[Firing, ...], Scored, Array]]) -> float:
    counts = [found(source.truth, each[0], source.book) for source, each in zip(sources, seen, strict=True)]
    return sum(one for one, _ in counts) / max(1, sum(all_ for _, all_ in counts))


def _subsets(ranker: Ranker, sources: Sequence[Source]) -> Mapping[str, Mapping[str, float]]:
    """With and without lists and documents; only those subsets that the data have."""
    result: dict[str, Mapping[str, float]] = {}
    for name, (lists, documents) in SUBSETS.items():
        if (lists and not any(each.book.lists for each in sources)) or (
            documents and not any(each.book.documents for each in sources)
        ):
            continue
        seen = []
        for each in sources:
            book = book_of(
                each.book.payments, each.book.entities, each.book.lists if lists else (),
                each.book.documents if documents else None, as_of=each.book.as_of,
            )  # fmt: skip
            seen.append((*_seen(ranker, each, book),))
        right = np.concatenate([each[2] for each in seen])
        score = np.concatenate([each[1].probability for each in seen])
        result[name] = _metrics(score, right) | {"case_recall": _recall(sources, seen)}
    return result
