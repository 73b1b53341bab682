"""How good a ranking of payments is, in the field's terms: average precision, value detected, cards checked a day.

Sources: card precision and its exclusion of cards already known, Le Borgne et al., Fraud Detection Handbook (2022),
chapter 4. It knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from ....core.types import Array
from .records import DAY

BUDGET = 100  # cards that can be checked a day
KNOWN = 7 * DAY


def summary(
    score: Float[Array, " row"], fraud: Bool[Array, " row"], *, time: Array, card: Array, amount: Array, known: Array
) -> dict[str, float]:
    """Every metric by its name; `known` marks payments of cards that are known to be compromised already."""
    found, possible = card_precision(score, fraud, time=time, card=card, known=known)
    return {
        "average_precision": float(average_precision_score(fraud, score)),
        "roc_auc": float(roc_auc_score(fraud, score)),
        f"card_precision_{BUDGET}": found,
        f"card_precision_{BUDGET}_possible": possible,
        "value_detected": value_detected(score, fraud, amount),
        "f1": best_f1(score, fraud),
    }


def best_f1(score: Float[Array, " row"], fraud: Bool[Array, " row"]) -> float:
    """The greatest F1 of any threshold: chosen with the answers in hand, so read it beside its ceiling only."""
    precision, recall, _ = precision_recall_curve(fraud, score)
    with np.errstate(invalid="ignore"):
        return float(np.nanmax(2 * precision * recall / (precision + recall)))


def value_detected(
    score: Float[Array, " row"], fraud: Bool[Array, " row"], amount: Array, *, false_alarms: float = 5.0
) -> float:
    """The share of defrauded money in the alerts, at the threshold with five false alarms for one fraud."""
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(fraud[order])
    alarms = np.arange(1, len(order) + 1) - hits
    within = np.flatnonzero(alarms <= false_alarms * hits)
    last = within[-1] + 1 if len(within) else 0
    caught = order[:last]
    return float(amount[caught][fraud[caught]].sum() / amount[fraud].sum())


def card_precision(
    score: Float[Array, " row"], fraud: Bool[Array, " row"], *, time: Array, card: Array, known: Array
) -> tuple[float, float]:
    """Mean over days of the share of compromised cards among the 100 likeliest, and what a perfect ranking has."""
    day = (time // DAY).astype(np.int64)
    _, cards = np.unique(card, return_inverse=True)
    found, possible = [], []
    for each in np.unique(day):
        rows = np.flatnonzero((day == each) & ~known)
        best = np.full(cards.max() + 1, -np.inf)
        np.maximum.at(best, cards[rows], score[rows])
        bad = np.zeros(len(best), bool)
        bad[cards[rows[fraud[rows]]]] = True
        there = np.flatnonzero(np.isfinite(best))
        top = there[np.argsort(-best[there], kind="stable")[:BUDGET]]
        found.append(bad[top].sum() / BUDGET)
        possible.append(min(bad.sum(), BUDGET) / BUDGET)
    return float(np.mean(found)), float(np.mean(possible))


def known_cards(
    card: Array, time: Float[Array, " row"], fraud: Bool[Array, " row"], known_at: Float[Array, " row"]
) -> Bool[Array, " row"]:
    """Payments of cards with a fraud that became known in the week before their day: found already.

    The handbook leaves out cards with a fraud in its week of training; this is the same week, sliding.
    """
    _, cards = np.unique(card, return_inverse=True)
    told = fraud & np.isfinite(known_at)
    start = min(time.min(), known_at[told].min(initial=np.inf)) - 10 * DAY
    span = max(time.max(), known_at[told].max(initial=0.0)) - start + 1
    found = np.sort(cards[told] * span + (known_at[told] - start))  # one line of numbers, a stretch of it for each card
    day = (time // DAY) * DAY - start
    before, lately = (np.searchsorted(found, cards * span + day - back) for back in (0.0, KNOWN))
    return np.asarray(before > lately)


def oracle_f1(caught: Int[Array, " row"] | Array, fraud: Bool[Array, " row"]) -> float:
    """F1 of an oracle that flags exactly the rows `caught`."""
    hits = float((caught & fraud).sum())
    return 2 * hits / (caught.sum() + fraud.sum())


def recovered(ours: Mapping[str, float], oracle: Mapping[str, float]) -> dict[str, float]:
    """Each metric as a share of the oracle's."""
    return {name: ours[name] / oracle[name] for name in ours if oracle.get(name)}
