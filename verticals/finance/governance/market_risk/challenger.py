"""The challenger of a volatility forecast: a list of twelve rules on what HAR reads, fitted again each 1 January.

It is fitted on the same days as HAR and boosting, by the same folds, and sees nothing else.
"""

from __future__ import annotations

import numpy as np

from .....core.trust.rulelist import RuleList, fit_rules
from .....core.types import Array
from ...market_risk.har import FALLS, leverage_features
from ...market_risk.history import SPANS, History, target
from ...market_risk.walkforward import folds

NAMES = (
    *(f"mean volatility of {span} day{'s' if span > 1 else ''}" for span in SPANS),
    *(f"falls of {span} day{'s' if span > 1 else ''}" for span in FALLS),
)
LEAST = 20  # days in a rule


def walk_rules(history: History, horizon: int, *, periods: float) -> tuple[Array, RuleList]:
    """Variance forecasts `[day]`, NaN before the first fit, and the rules of the last fit.

    The volatilities that the rules read are annualised per cent; a fall is in monthly volatilities.
    """
    features = leverage_features(history)
    rows = features.copy()
    rows[:, : len(SPANS)] = 100 * np.sqrt(np.exp(features[:, : len(SPANS)]) * periods)
    truth = target(history.variance, horizon)
    found, rules = np.full(len(history), np.nan), RuleList(rules=())
    for fold in folds(history.dates, horizon):
        known = np.log(truth[fold.known])
        least = max(2, min(LEAST, len(known) // 8))
        rules = fit_rules(rows[fold.known], known, NAMES, least=least)
        level = float(np.log(np.mean(np.exp(known - rules.values(rows[fold.known])))))
        found[fold.ahead] = np.exp(rules.values(rows[fold.ahead]) + level)
    return found, rules
