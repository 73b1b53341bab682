"""How well intents are told apart on labelled queries, how honest the probabilities are, what is turned away."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import softmax

from ....core.errors import InputError, UnknownName
from ....core.result import Evaluation
from ....core.trust.calibration import brier, label_calibration_error
from ....core.trust.intervals import bootstrap
from ....core.types import Array
from .model import VIEWS, Reach, Reader, familiarity, mixed
from .sources import Queries

LEAST = 20


def evaluate(reader: Reader, queries: Queries, *, task: str, data: str, seed: int) -> Evaluation:
    """Accuracy and calibration of the mixed reading, beside each view alone.

    Raises:
        UnknownName: an intent that the model was not taught.
        InputError: too few queries.
    """
    names = reader.settings.intents
    for name in sorted(set(queries.intents)):
        if name not in names:
            raise UnknownName("intent of this model", name, names)
    if len(queries.texts) < LEAST:
        raise InputError(f"{data} has {len(queries.texts)} queries with an intent, at least {LEAST} are needed")
    labels = np.array([names.index(name) for name in queries.intents])
    scores = reader.scores(queries.texts)
    logits = mixed(scores, reader.reach)
    chances = softmax(logits, axis=1)
    right = (logits.argmax(axis=1) == labels).astype(float)
    metrics = numbers(logits, labels, reader.reach)
    spans = {
        "accuracy": bootstrap(lambda each: float(each.mean()), right, seed=seed),
        "ece": bootstrap(label_calibration_error, chances, labels, rounds=200, seed=seed),
    }
    if queries.outside:
        metrics |= turned_away(logits, reader.logits(queries.outside), reader.reach)
    baselines = {
        view: {"accuracy": float((scores[view].argmax(axis=1) == labels).mean())} for view in VIEWS if view in scores
    }
    baselines["most frequent intent"] = {"accuracy": float(np.bincount(labels).max() / len(labels))}
    return Evaluation(
        task=task,
        data=data,
        n=len(labels),
        metrics=metrics,
        intervals={name: (span.low, span.high) for name, span in spans.items()},
        baselines=baselines,
        subsets={"message": {"accuracy": metrics["accuracy"], "ece": metrics["ece"]}},
        worst_subset="message",
        notes=(
            f"read by {reader.subset}; baselines terms and sentence are the views of this checkpoint alone",
            "coverage is of the conformal sets; rejected is the share of queries in scope that are turned away",
        ),
    )


def numbers(logits: Array, labels: Array, reach: Reach) -> dict[str, float]:
    """Accuracy, calibration and sets of calibrated logits."""
    from sklearn.metrics import f1_score

    chances = softmax(logits, axis=1)
    found = logits.argmax(axis=1)
    inside = 1 - chances <= reach.set_threshold
    return {
        "accuracy": float((found == labels).mean()),
        "macro_f1": float(f1_score(labels, found, average="macro")),
        "ece": label_calibration_error(chances, labels),
        "brier": brier(chances, labels),
        "coverage": float(inside[np.arange(len(labels)), labels].mean()),
        "set_size": float(inside.sum(axis=1).mean()),
        "rejected": float((familiarity(logits) < reach.known).mean()),
    }


def turned_away(inside: Array, outside: Array, reach: Reach) -> Mapping[str, float]:
    """How well queries out of scope are told from those in scope."""
    from sklearn.metrics import roc_auc_score

    known, strange = familiarity(inside), familiarity(outside)
    truth = np.r_[np.zeros(len(known)), np.ones(len(strange))]
    return {
        "roc_auc_out_of_scope": float(roc_auc_score(truth, -np.r_[known, strange])),
        "rejected_out_of_scope": float((strange < reach.known).mean()),
    }
