"""What the page is told of a forecast: the fan by horizon, the days before it, the tail, the warning, the record.

Every number comes from the answer, or from the walk that it was made from. It fits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....core.result import Evaluation, Result, plain
from ....core.types import Array
from ..market_risk.bounds import adaptive_bounds
from ..market_risk.forecast import Score, Walk, coverage, exceedances
from ..market_risk.history import trailing
from ..market_risk.metrics import kupiec
from ..market_risk.pipeline import MarketRiskPipeline
from ..market_risk.records import HORIZONS, MarketRisk
from ..market_risk.report import LABELS, annual

PAST = 130  # days before the forecast that are drawn
COVERAGES = (0.5, 0.8)  # beside the answer's own 0.9
ENOUGH = 250  # judged days before a count of losses beyond the value at risk is spoken of


def told_market(pipeline: MarketRiskPipeline, result: Result, *, name: str) -> dict[str, Any]:
    """Plain JSON."""
    risk: MarketRisk = result.answer
    walked, table = result.basis
    return plain(
        {
            "name": name,
            "as_of": risk.as_of,
            "bars": risk.bars,
            "first": walked.prices.day(0),
            "latest": risk.latest,
            "horizons": [_horizon(pipeline, walked, risk, horizon) for horizon in HORIZONS],
            "past": _past(walked),
            "drawdown": risk.drawdown,
            "stress": list(risk.stress),
            "table": _table(table),
            "record": _record(walked, table),
            "fitted": dict(risk.fitted),
            "warnings": list(result.warnings),
            "model": dict(result.model),
            "seconds": result.seconds,
        }
    )


def told_evaluation(made: Evaluation) -> dict[str, Any]:
    """QLIKE by horizon with its interval, and what it is less than HAR with leverage's."""
    rows = []
    for horizon in HORIZONS:
        own, less = f"qlike_{horizon}", f"qlike_{horizon}_less_har_leverage"
        rows.append({
            "days": horizon, "qlike": made.metrics[own], "qlike_span": list(made.intervals[own]),
            "less": made.metrics[less], "less_span": list(made.intervals[less]),
            "coverage": made.metrics[f"coverage_{horizon}"],
        })  # fmt: skip
    return plain({"n": made.n, "rows": rows, "notes": list(made.notes), "seconds": made.seconds})


def _horizon(pipeline: MarketRiskPipeline, walked: Walk, risk: MarketRisk, horizon: int) -> dict[str, Any]:
    told = risk.forecast[str(horizon)]
    interval = told.volatility
    spans = [{"coverage": each, **_span(pipeline, walked, horizon, each)} for each in COVERAGES]
    spans.append({"coverage": interval.coverage, "low": interval.low, "high": interval.high})
    return {
        "days": horizon, "value": interval.value, "har": told.har, "without_news": told.without_news,
        "without_chart_and_call": told.without_chart_and_call, "spans": spans,
        "value_at_risk": told.value_at_risk, "expected_shortfall": told.expected_shortfall, "history": told.history,
    }  # fmt: skip


def _span(pipeline: MarketRiskPipeline, walked: Walk, horizon: int, share: float) -> dict[str, float]:
    """Bounds of another coverage, by the function that makes the answer's."""
    column = walked.column(horizon)
    prior = pipeline.network.errors.get(horizon, np.zeros(0))
    bounds = adaptive_bounds(
        walked.truth[:, column], walked.variance[:, column], horizon, prior=prior, coverage=share
    )  # fmt: skip
    low, high = (annual(walked, float(bound)) for bound in bounds[-1])
    return {"low": low, "high": high}


def _past(walked: Walk) -> list[dict[str, Any]]:
    """The last days: each day's own volatility, the week's mean, and what had been forecast for it the day before."""
    count = len(walked.history)
    week = trailing(walked.history.variance, 5)
    found = []
    for row in range(max(1, count - PAST), count):
        low, high = _annual(walked, walked.bounds[1][row - 1])
        found.append({
            "date": str(walked.history.dates[row]), "day": _annual(walked, walked.history.variance[row]),
            "week": _annual(walked, week[row]), "forecast": _annual(walked, walked.variance[row - 1, 0]),
            "low": low, "high": high, "close": float(walked.prices.close[row]),
        })  # fmt: skip
    return found


def _annual(walked: Walk, variance: Any) -> Any:
    found: Array = 100 * np.sqrt(walked.prices.periods * np.asarray(variance))
    return found.tolist()


def _table(table: Mapping[int, Mapping[str, Score]]) -> list[dict[str, Any]]:
    """Each model's QLIKE and t on this series; nothing where too few days can be judged."""
    if not all(table.values()):
        return []
    return [
        {
            "model": name,
            "label": label,
            "cells": [{"qlike": table[each][name].qlike, "t": table[each][name].against_har} for each in HORIZONS],
        }
        for name, label in LABELS.items()
        if all(name in table[each] for each in HORIZONS)
    ]


def _record(walked: Walk, table: Mapping[int, Mapping[str, Score]]) -> dict[str, Any] | None:
    """Since when it is judged, how often the bounds held, and losses beyond the value at risk."""
    if not all(table.values()):
        return None
    misses, days = exceedances(walked, 1)
    return {
        "since": str(walked.history.dates[walked.scored(1)[0]]),
        "judged": len(walked.scored(1)),
        "held": [coverage(walked, each) for each in HORIZONS],
        "misses": misses, "risk_days": days, "kupiec": kupiec(misses, days, rate=0.01) if days >= ENOUGH else None,
    }  # fmt: skip
