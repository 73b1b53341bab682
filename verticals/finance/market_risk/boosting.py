"""Gradient boosting on the same inputs as the network: on what HAR leaves over, or directly, as a rival.

Settings are fixed beforehand and not tuned. It knows nothing of networks.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from jaxtyping import Bool

from ....core.types import Array
from .har import fit_line, leverage_features
from .history import History, target
from .inputs import inputs_of
from .records import HORIZONS, MINIMUM_BARS
from .walkforward import Fold, Forecast, folds

LEAST = 1250  # days, five years
MOST = 400  # fits kept: ten series of twenty years and two horizons
_KEPT: OrderedDict[bytes, Any] = OrderedDict()
_LOCK = threading.Lock()


def walk_boosting(history: History, horizon: int, *, residual: bool = True, first: int = MINIMUM_BARS - 1) -> Forecast:
    """Refitted each year like everything else; the value is a variance, right on average on the rows fitted on."""
    found = np.full(len(history), np.nan)
    for fold in folds(history.dates, horizon, first=first):
        found[fold.ahead] = _forecast(history, horizon, fold, residual=residual)
    return found


def learnt_enough(dates: Array, horizon: int) -> Bool[Array, " day"]:
    """The days whose boosting was fitted on at least `LEAST` days; it needs more of them than HAR does."""
    found = np.zeros(len(dates), bool)
    for fold in folds(dates, horizon):
        found[fold.ahead] = fold.known.stop - fold.known.start >= LEAST
    return found


def latest_boosting(history: History, horizon: int) -> float:
    """The last of the forecasts that `walk_boosting` makes on HAR's residual, without those before its year."""
    *_, fold = folds(history.dates, horizon)
    return float(_forecast(history, horizon, fold, residual=True)[-1])


def _forecast(history: History, horizon: int, fold: Fold, *, residual: bool) -> Array:
    """Fitted on the rows that were known, the forecasts of those ahead."""
    features, end = leverage_features(history), fold.ahead.stop
    truth = {each: target(history.variance, each) for each in HORIZONS}
    known = slice(fold.known.start, fold.ahead.start - max(HORIZONS))
    offsets = np.column_stack([fit_line(features[known], truth[each][known])(features) for each in HORIZONS])
    table = inputs_of(history, offsets).table
    table = table if residual else np.column_stack([features, table])
    start = offsets[:, HORIZONS.index(horizon)] if residual else np.zeros(len(history))
    ahead = slice(fold.ahead.start, end)
    model = _learnt(table[known], np.log(truth[horizon][known]) - start[known])
    fitted, found = (start[part] + model.predict(table[part]) for part in (known, ahead))
    level = np.log(np.mean(truth[horizon][known] * np.exp(-fitted)))
    return np.asarray(np.exp(found + level))


def _learnt(rows: Array, wanted: Array) -> Any:
    """Trees fitted on these rows. The last `MOST` are kept by what they were fitted on: a process that answers again,
    or for one day more, fits no year twice."""
    taught = hashlib.blake2b(rows.tobytes() + wanted.tobytes()).digest()
    with _LOCK:
        if taught in _KEPT:
            _KEPT.move_to_end(taught)
            return _KEPT[taught]
    model = _fit(rows, wanted)
    with _LOCK:
        _KEPT[taught] = model
        while len(_KEPT) > MOST:
            _KEPT.popitem(last=False)
    return model


def _fit(rows: Array, wanted: Array) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingRegressor(
        max_iter=120, learning_rate=0.04, max_leaf_nodes=8, min_samples_leaf=60, l2_regularization=5.0,
        random_state=0, early_stopping=False,
    )  # fmt: skip
    with threadpool_limits(1, user_api="openmp"):  # so few rows: threads wait for each other longer than they work
        return model.fit(rows, wanted)
