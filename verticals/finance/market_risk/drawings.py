"""The pictures of the market-risk report. It knows the walk and nothing of how it was made."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....knowledge.figures import COLOURS, canvas, picture
from ....knowledge.reports import Figure
from .forecast import Walk
from .history import trailing
from .metrics import qlike
from .records import HORIZONS
from .walkforward import walk_garch, walk_har

SHOWN = 60  # days before the forecast
YEARS = 500  # days of forecasts against what came


def fan(walked: Walk) -> Figure:
    """The last months, and the forecast with its bounds where they reach."""
    rows = np.arange(max(0, len(walked.history) - SHOWN), len(walked.history))
    ago = rows - rows[-1]
    with canvas(9, 3.4) as (sheet, axes):
        axes.plot(
            ago, _annual(walked, walked.history.variance[rows]), ".", color=COLOURS[5], ms=4, label="each day's range"
        )
        week = trailing(walked.history.variance, 5)[rows]
        axes.plot(ago, _annual(walked, week), color=COLOURS[5], lw=1, label="mean of 5 days")
        for column, horizon in enumerate(HORIZONS):
            where = [0.4, 1.6] if horizon == 1 else [1.9, 6.5]
            low, high = _annual(walked, walked.bounds[horizon][-1])
            middle = _annual(walked, walked.variance[-1, column])
            label = f"next {horizon} day{'s' if horizon > 1 else ''}: {middle:.1f} %"
            axes.fill_between(where, low, high, color=COLOURS[column], alpha=0.25, lw=0)
            axes.plot(where, [middle] * 2, color=COLOURS[column], lw=2.5, label=label)
            axes.plot(where, [_annual(walked, walked.har[-1, column])] * 2, ":", color=COLOURS[column], lw=1.5)
        axes.axvline(0.2, color=COLOURS[5], lw=0.7)
        _labels(axes, "trading days from the last bar", "volatility, % a year")
        return picture(
            sheet,
            "The last days and the forecast: bands hold what comes with 90 % confidence; dotted: HAR alone.",
            vector=True,
        )


def past(walked: Walk) -> Figure:
    """Forecasts of the coming week against what came, with the bounds that stood at the time."""
    column, horizon = 1, HORIZONS[1]
    rows = np.flatnonzero(np.isfinite(walked.truth[:, column]) & np.isfinite(walked.variance[:, column]))[-YEARS:]
    dates = walked.history.dates[rows]
    with canvas(9, 3.2) as (sheet, axes):
        low, high = (_annual(walked, walked.bounds[horizon][rows, side]) for side in (0, 1))
        axes.fill_between(dates, low, high, color=COLOURS[0], alpha=0.18, lw=0, label="bounds")
        axes.plot(dates, _annual(walked, walked.truth[rows, column]), color=COLOURS[5], lw=0.8, label="what came")
        axes.plot(dates, _annual(walked, walked.variance[rows, column]), color=COLOURS[0], lw=1.4, label="forecast")
        _labels(axes, "", "volatility of the next 5 days, % a year")
        return picture(sheet, "Each day's forecast of the next five days, with the bounds of that day.", vector=True)


def advantage(walked: Walk) -> Figure:
    """The sum of QLIKE saved against HAR with leverage, as the days went by."""
    with canvas(9, 3.0, columns=2) as (sheet, both):
        for axes, horizon in zip(both, HORIZONS, strict=True):
            rows, column = walked.scored(horizon), walked.column(horizon)
            truth = walked.truth[rows, column]
            bar = qlike(truth, walk_har(walked.history, horizon)[rows])
            rivals = {
                "this forecast": walked.variance[:, column],
                "HAR": walk_har(walked.history, horizon, leverage=False),
                "GARCH(1,1)": walk_garch(walked.history, horizon),
            }
            for name, forecast in rivals.items():
                axes.plot(walked.history.dates[rows], np.cumsum(bar - qlike(truth, forecast[rows])), lw=1.2, label=name)
            axes.axhline(0, color=COLOURS[5], lw=0.7)
            axes.set_title(f"{horizon} day{'s' if horizon > 1 else ''} ahead", fontsize=9)
            axes.xaxis.set_major_locator(_few_dates())
            axes.set_ylabel("QLIKE saved since the start")
            axes.legend(frameon=False, fontsize=8, loc="lower left")
        return picture(
            sheet, "QLIKE saved against HAR with leverage (rising: better than it), added up day by day.", vector=True
        )


def _annual(walked: Walk, variance: Any) -> Any:
    return 100 * np.sqrt(walked.prices.periods * variance)


def _labels(axes: Any, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(bottom=0) if "volatility" in y else None
    axes.legend(frameon=False, fontsize=8, loc="upper left")


def _few_dates() -> Any:
    from matplotlib.dates import AutoDateLocator

    return AutoDateLocator(maxticks=5)
