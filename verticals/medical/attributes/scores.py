"""How well attributes and suspicion are told, beside what needs no learning: the most frequent class, other scores.

Patients are redrawn for intervals. It draws nothing and tunes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....core.errors import InputError
from ....core.result import Interval
from ....core.trust.calibration import calibration_error, label_calibration_error
from ....core.trust.intervals import bootstrap
from ....core.types import Array
from .describe import CLASSES, MIDDLE, Described, Describer
from .training import DECIDED, Rows, expanded

AGREED = 0.75  # the share of readers from which a nodule has a class that accuracy and AUC are counted on
BINS = 10


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of one attribute, over `n` masks of nodules that `AGREED` of the readers agree on: accuracy beside that of the
    most frequent class, area under the curve (of the first class against the others), and calibration error of the
    likeliest class against the votes of all readers of all nodules."""

    n: int
    accuracy: float
    frequent: float
    auc: Interval
    ece: float


def attribute_scores(describer: Describer, rows: Rows, *, rounds: int = 1000) -> dict[str, Score]:
    """A score for each attribute."""
    raw, begin, found = describer.heads(rows.named), 0, {}
    for name, values in CLASSES.items():
        votes = rows.votes[:, begin : begin + len(values)]
        begin += len(values)
        chances = describer.config.scalings[name].probabilities(raw[name].mean(axis=0))
        agreed = votes.max(axis=1) >= AGREED
        labels, told = votes[agreed].argmax(axis=1), chances[agreed]
        repeated, said = expanded(chances, votes)
        found[name] = Score(
            n=int(agreed.sum()),
            accuracy=float((told.argmax(axis=1) == labels).mean()),
            frequent=float(np.bincount(labels).max() / len(labels)),
            auc=bootstrap(auc, labels == 0, told[:, 0], groups=rows.patients[agreed], rounds=rounds),
            ece=label_calibration_error(repeated, said, bins=BINS),
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Suspected:
    """Of suspicion: areas under the curve on nodules with a decided label, of this and of each rival, and the gain over
    the first rival; calibration error there; and how often the bounds hold the readers' own mean, over all nodules."""

    n: int
    auc: Interval
    rivals: Mapping[str, Interval]
    gain: Interval
    ece: Interval
    rmse: float
    coverage: Interval
    width: float  # mean, in points of the readers' scale


def suspicion_scores(describer: Describer, rows: Rows, rivals: Mapping[str, Array], *, rounds: int = 1000) -> Suspected:
    """`rivals` are scores of the same rows by name, the first one the baseline that the gain is over."""
    told = describer.read(rows.named)
    decided = (rows.ratings <= DECIDED[0]) | (rows.ratings >= DECIDED[1])
    label, groups = rows.ratings[decided] > MIDDLE, rows.patients[decided]
    chance = np.array([each.malignancy.value for each in told])[decided]
    first = next(iter(rivals.values()))[decided]
    expected = np.array([each.rating for each in told])
    held = inside(told, rows.ratings)
    width = [each.bounds[1] - each.bounds[0] for each in told]
    return Suspected(
        n=int(decided.sum()),
        auc=bootstrap(auc, label, chance, groups=groups, rounds=rounds),
        rivals={n: bootstrap(auc, label, each[decided], groups=groups, rounds=rounds) for n, each in rivals.items()},
        gain=bootstrap(lambda y, one, other: auc(y, one) - auc(y, other), label, chance, first, groups=groups,
                       rounds=rounds),
        ece=bootstrap(lambda p, y: calibration_error(p, y, bins=BINS), chance, label, groups=groups, rounds=rounds),
        rmse=float(np.sqrt(((expected - rows.ratings) ** 2).mean())),
        coverage=bootstrap(lambda each: float(each.mean()), held, groups=rows.patients, rounds=rounds),
        width=float(np.mean(width)),
    )  # fmt: skip


def inside(told: Sequence[Described], ratings: Array) -> Array:
    """Whether the readers' own mean rating lies between its bounds, and so on the curve of suspicion too."""
    bounds = np.array([each.bounds for each in told]).reshape(-1, 2)
    return (bounds[:, 0] <= ratings + 1e-9) & (ratings <= bounds[:, 1] + 1e-9)


def share(held: Array, patients: Array) -> Interval:
    """The share of masks that are held, with the interval that as many independent cases as there are patients give
    (Clopper and Pearson, 95 %): masks of one patient are no new evidence, and a bin may have few."""
    from scipy.stats import beta

    count, value = len(np.unique(patients)), float(np.mean(held))
    hits = value * count
    low = float(beta.ppf(0.025, hits, count - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(0.975, hits + 1, count - hits)) if hits < count else 1.0
    return Interval(value=value, low=low, high=high, coverage=0.95)


def undecided(told: Sequence[Described]) -> Array:
    """Where the bounds hold what readers call suspicious and what they do not: such bounds rule neither out."""
    bounds = np.array([each.bounds for each in told]).reshape(-1, 2)
    return (bounds[:, 0] <= DECIDED[0]) & (bounds[:, 1] >= DECIDED[1])


def auc(labels: Array, scores: Array) -> float:
    """The area under the ROC curve.

    Raises:
        InputError: only one of the labels occurs.
    """
    labels = np.asarray(labels, bool)
    if labels.all() or not labels.any():
        raise InputError("an area under the curve needs both labels")
    from scipy.stats import rankdata

    ranks, positive = rankdata(scores), int(labels.sum())
    return float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * (len(labels) - positive)))
