"""How good a model is on labelled payments: the later half judged, beside boosting fitted on the earlier half.

The state warms up on all that came before, labels arrive when they become known. It knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from ....core.errors import FormatError
from ....core.random import numpy_generator
from ....core.result import Evaluation
from ....core.trust.calibration import calibration_error
from ....core.trust.intervals import bootstrap
from ....core.types import Array
from .aggregates import handbook
from .boosting import LEAST, Boosting, fit_trees
from .metrics import known_cards, oracle_f1, summary
from .model import FraudModel
from .recipes import OPTIONAL, absent
from .records import DAY
from .sources import Payments
from .stream import Stream, features_of

ROUNDS = 200
EXPLAINED, JITTER = 200, 0.01
SIMPLE = Boosting(rounds=100)


def evaluate(model: FraudModel, payments: Payments, *, task: str, data: str, seed: int) -> Evaluation:
    """Metrics with intervals (days redrawn), baselines and subsets, on the later half of the days.

    Raises:
        FormatError: the data say nothing of fraud, or the later half has none or nothing but.
    """
    events, labels = payments
    if labels is None:
        raise FormatError(f"{events.name} has no column fraud: labels are needed to judge by")
    middle = (events.time[0] + events.time[-1]) / 2
    judged = np.flatnonzero((events.time >= middle) & np.isfinite(labels.known_at))
    fraud = labels.fraud[judged]
    if not fraud.any() or fraud.all():
        raise FormatError(
            f"{events.name}: the later half has {int(fraud.sum())} known frauds in {len(fraud)} payments with a label:"
            " both are needed to judge by"
        )
    rows = model.rows(features_of(events, labels, stream=Stream(model.sequence)))[judged]
    now = events[judged]
    known = known_cards(events.card, events.time, labels.fraud, labels.known_at)[judged]

    def judge(score: Array) -> dict[str, float]:
        found = summary(score, fraud, time=now.time, card=now.card, amount=now.amount, known=known)
        return {name: value for name, value in found.items() if np.isfinite(value)}

    score = model.calibration.probabilities(model.logits(rows))
    metrics = judge(score) | {"ece": calibration_error(score, fraud)}
    metrics["reason_stability"] = stability(model, rows[np.argsort(-score, kind="stable")[:EXPLAINED]], seed=seed)
    subsets = {name: judge(each) for name, each in _subsets(model, rows).items()}
    return Evaluation(
        task=task,
        data=data,
        n=len(judged),
        metrics=metrics | _oracle(payments, judged),
        intervals=_intervals(fraud, score, now.time // DAY, seed),
        baselines=_baselines(payments, judged, middle, judge),
        subsets=subsets,
        worst_subset=min(subsets, key=lambda name: subsets[name]["average_precision"]),
        notes=(
            f"judged from {np.datetime64(int(middle), 's')} on; baselines fitted on labels known before",
            "f1 has its threshold chosen with the answers in hand",
        ),
    )


def stability(model: FraudModel, rows: Array, *, seed: int = 0) -> float:
    """The share of payments whose three weightiest reason codes stay the same when every feature moves by 1 %."""
    noise = 1 + JITTER * numpy_generator(seed, "jitter").standard_normal(rows.shape)
    same = [
        {reason.code for reason in model.reasons(row)[:3]} == {reason.code for reason in model.reasons(moved)[:3]}
        for row, moved in zip(rows, rows * noise, strict=True)
    ]
    return float(np.mean(same))


def _subsets(model: FraudModel, rows: Array) -> dict[str, Array]:
    """The score of every set of modalities; only what the data have can be left out."""
    here = [kind for kind in OPTIONAL if np.isfinite(rows[:, absent(model.names, (kind,))]).any()]
    found = {}
    for size in range(len(here) + 1):
        for given in combinations(here, size):
            gone = absent(model.names, [kind for kind in OPTIONAL if kind not in given])
            logits = model.logits(np.where(gone, np.nan, rows))
            found["+".join(("events", *given))] = model.calibration.probabilities(logits)
    return found


def _intervals(fraud: Array, score: Array, day: Array, seed: int) -> dict[str, tuple[float, float]]:
    if len(np.unique(day)) < 2:
        return {}
    metrics: Mapping[str, Callable[..., float]] = {
        "average_precision": average_precision_score, "roc_auc": roc_auc_score,
    }  # fmt: skip
    found = {}
    for name, metric in metrics.items():
        interval = bootstrap(metric, fraud, score, groups=day, rounds=ROUNDS, seed=seed)
        found[name] = (interval.low, interval.high)
    return found


def _baselines(
    payments: Payments, judged: Array, middle: float, judge: Callable[[Array], dict[str, float]]
) -> dict[str, dict[str, float]]:
    """The amount alone, and boosting on raw fields and on the handbook's windows."""
    events, labels = payments
    assert labels is not None
    found = {"amount": judge(events.amount[judged])}
    before = np.flatnonzero(labels.known_at <= middle)
    if labels.fraud[before].sum() < LEAST:
        return found
    windows = handbook(events, labels)
    raw = np.column_stack([events.amount, events.time % DAY, events.time // DAY % 7])
    for name, rows in (("boosting_raw", raw), ("boosting_aggregates", windows)):
        trees = fit_trees(rows[before], labels.fraud[before], SIMPLE)
        found[name] = judge(trees.raw(rows[judged]))
    return found


def _oracle(payments: Payments, judged: Array) -> dict[str, float]:
    """The best F1 possible where the simulator says why: every fraud, but at terminals where none is known yet."""
    labels = payments.labels
    if labels is None or labels.scenario is None or set(np.unique(labels.scenario)) != {0, 1, 2, 3}:
        return {}
    return {"f1_oracle": oracle_f1(visible(payments)[judged], labels.fraud[judged])}


def visible(payments: Payments, *, spell: float = 28 * DAY) -> Array:
    """What an oracle knows of the handbook's frauds: all, but those of a terminal's spell of which none is known."""
    events, labels = payments
    assert labels is not None
    assert labels.scenario is not None
    _, terminal = np.unique(events.terminal, return_inverse=True)
    earlier: dict[int, list[int]] = {}
    caught = labels.fraud.copy()
    for row in np.flatnonzero(labels.scenario == 2).tolist():
        seen, now = earlier.setdefault(int(terminal[row]), []), events.time[row]
        caught[row] = any(events.time[each] > now - spell and labels.known_at[each] < now for each in seen)
        seen.append(row)
    return caught
