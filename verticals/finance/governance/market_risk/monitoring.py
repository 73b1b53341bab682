"""The monitoring plan of a market-risk model: thresholds from the judged months and from what chance allows."""

from __future__ import annotations

import numpy as np

from .....core.trust.intervals import binomial_bound
from ...market_risk.metrics import qlike
from ..limits import Watch
from .case import Case
from .outcomes import OURS, Outcomes


def watches(case: Case, said: Outcomes) -> tuple[Watch, ...]:
    months = said.dates[1].astype("datetime64[M]").astype(int)
    _, which = np.unique(months, return_inverse=True)
    means = np.bincount(which, weights=said.losses[1][OURS]) / np.bincount(which)
    low = _least(60, 0.9)
    har = case.loss([each.har[:, 0] for each in case.walks], 1)
    behind = float(np.quantile(np.bincount(which, weights=said.losses[1][OURS] - har) / np.bincount(which), 0.95))
    last = [qlike(each.truth[each.scored(1)[-60:], 0], each.variance[each.scored(1)[-60:], 0]) for each in case.walks]
    return (
        Watch(what="QLIKE, one day ahead", often="monthly", threshold=f"above {np.quantile(means, 0.975):.3f}",
              computed=f"97.5th percentile of the judged months (last 60 days: {np.mean(np.concatenate(last)):.3f})",
              then="look for a new regime; compare with HAR"),
        Watch(what="QLIKE less that of HAR with leverage", often="monthly", threshold=f"above {behind:+.3f}",
              computed="95th percentile of the judged months", then="HAR alone answers until it is understood"),
        Watch(what="days of the last 60 whose bounds held", often="weekly", threshold=f"fewer than {low}",
              computed="what 90 % coverage falls below in 1 % of cases (binomial)", then="widen; check the feed"),
        Watch(what="losses beyond 1 % value at risk in 250 days", often="daily", threshold="5 watch, 10 act",
              computed="the traffic light of the Basel Committee", then="raise the level; hold the limit"),
        Watch(what="index of the forecast and of each input", often="quarterly", threshold="above .25 and chance",
              computed="the null of chapter 7, months dealt", then="check splits, currency and calendar of the feed"),
        Watch(what="a bar above ten monthly volatilities, a gap of a week", often="daily", threshold="any",
              computed="convention", then="hold the forecast back until a person has looked"),
    )  # fmt: skip


def _least(days: int, share_: float) -> int:
    """The fewest that hold where so large a share should, in all but one of a hundred cases."""
    counts = [each for each in range(days + 1) if binomial_bound(each, days, confidence=0.99)[1] >= share_]
    return min(counts)
