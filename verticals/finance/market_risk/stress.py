"""Five crises replayed: what forecast, bounds and value at risk did on days that no one had seen when they were made.

The windows are fixed by the calendar and not by what our forecasts did in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .forecast import Walk
from .history import later_return
from .metrics import qlike

WINDOWS = {
    "2008, Lehman": ("2008-09-01", "2009-03-31"),
    "2011, US downgrade": ("2011-07-22", "2011-10-31"),
    "2015, China": ("2015-08-10", "2015-10-15"),
    "2018, volatility": ("2018-01-26", "2018-04-15"),
    "2020, pandemic": ("2020-02-20", "2020-05-15"),
}
FEWEST = 20  # judged days below which a window is not spoken of


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One window: judged days, QLIKE of the forecast and of HAR with leverage, the share that the bounds held, losses
    beyond the value at risk among the days that had one, and the worst day's return in per cent."""

    name: str
    days: int
    qlike: float
    har: float
    coverage: float
    misses: int
    with_risk: int
    worst: float


def replay(walked: Walk, horizon: int = 1) -> tuple[Replayed, ...]:
    """Each window that the series covers with judged forecasts."""
    found = []
    scored, dates = walked.scored(horizon), walked.history.dates
    later = later_return(walked.history.returns, horizon)
    for name, (first, last) in WINDOWS.items():
        rows = scored[(dates[scored] >= np.datetime64(first)) & (dates[scored] <= np.datetime64(last))]
        if len(rows) < FEWEST:
            continue
        column = walked.column(horizon)
        truth, bounds, risk = walked.truth[rows, column], walked.bounds[horizon][rows], walked.losses[horizon][rows, 0]
        known = np.isfinite(risk)
        found.append(
            Replayed(
                name=name,
                days=len(rows),
                qlike=float(qlike(truth, walked.variance[rows, column]).mean()),
                har=float(qlike(truth, walked.har[rows, column]).mean()),
                coverage=float(np.mean((truth >= bounds[:, 0]) & (truth <= bounds[:, 1]))),
                misses=int((later[rows][known] < -risk[known]).sum()),
                with_risk=int(known.sum()),
                worst=100 * float(np.expm1(later[rows].min())),
            )
        )
    return tuple(found)
