"""The monitoring plan of a fraud model: thresholds from the part before the judged one, and from intervals."""

from __future__ import annotations

import numpy as np

from .....core.trust.ranking import Compared
from .....core.trust.stability import SHIFTED, WATCHED, Bins, critical_value, index_of
from .....core.types import Array
from ...fraud.records import DAY
from ..limits import Watch
from ..written import number, share
from .case import Case

WEEK = 7


def watches(case: Case, ours: Compared) -> tuple[Watch, ...]:
    """What to watch, and from which value on to act."""
    low, high = _daily(case, case.stopped.astype(float))
    below, above = _daily(case, case.score)
    week = _weeks(case)
    floor = ours.metrics["average_precision"].low
    many = round(len(case.before) / max(_days(case), 1) * WEEK)
    chance = critical_value(len(case.before), max(many, 1), 10)
    return (
        Watch(what="share of payments stopped", often="daily", threshold=f"outside {share(low, 2)} to {share(high, 2)}",
              computed="0.5th and 99.5th of a hundred days of the part before, widened by a half",
              then="look at input shifts of the day; hold the policy's budget by hand"),
        Watch(what="mean score", often="daily", threshold=f"outside {number(below, 4)} to {number(above, 4)}",
              computed="the same", then="compare with labels known since; recalibrate if they disagree"),
        Watch(what="index of the score (PSI)", often="weekly",
              threshold=f"above {max(WATCHED, week):.2f} watch, above {max(SHIFTED, 2 * week):.2f} act",
              computed=f"largest week of the part before {week:.3f}, chance for a week {chance:.4f}, conventions",
              then="find the features that moved; challenge with the rule list"),
        Watch(what="index of each feature (CSI)", often="weekly", threshold=f"above {SHIFTED:g} and beyond chance",
              computed="the null of chapter 7 for the week's rows", then="check the feed before the model"),
        Watch(what="average precision on labels as they come", often="monthly", threshold=f"below {number(floor)}",
              computed="lower end of the judged part's 95 % interval", then="refit; keep the challenger beside it"),
        Watch(what="promised over happened", often="monthly, when labels are in", threshold="outside 0.80 to 1.25",
              computed="convention", then="recalibrate (fit --method probe)"),
        Watch(what="false-positive ratio by group", often="quarterly", threshold="outside 0.80 to 1.25 beyond chance",
              computed="four-fifths convention", then="review by people before the policy stays"),
        Watch(what="three weightiest codes under 1 % jitter", often="at each refit", threshold="below 90 %",
              computed="expectation of chapter 9", then="do not release reasons to customers"),
        Watch(what="p99 of an answer", often="continuously", threshold="above 5 ms of processor time",
              computed="goal of the task", then="rules alone answer (the fallback), then look for state growth"),
    )  # fmt: skip


def _days(case: Case) -> int:
    return len(np.unique(case.payments.events.time[case.before] // DAY))


def _daily(case: Case, values: Array) -> tuple[float, float]:
    """Where almost all days of the part before lie, widened by half of that range."""
    _, which = np.unique(case.payments.events.time[case.before] // DAY, return_inverse=True)
    means = np.bincount(which, weights=values[case.before]) / np.bincount(which)
    low, high = np.quantile(means, [0.005, 0.995])
    wider = (high - low) / 4
    return max(0.0, float(low - wider)), float(high + wider)


def _weeks(case: Case) -> float:
    """The largest index of the score of any whole week of the part before, against all of it."""
    time, score = case.payments.events.time[case.before], case.score[case.before]
    cuts, week = Bins.of(score), ((time - time[0]) // (WEEK * DAY)).astype(int)
    places = cuts.of_rows(score)
    table = np.bincount(week * cuts.size + places, minlength=(week.max() + 1) * cuts.size).reshape(-1, cuts.size)
    whole = table[:-1] if len(table) > 1 else table
    kept = table.sum(axis=0) > 0
    return float(np.max(index_of(table.sum(axis=0)[kept].astype(float), whole[:, kept].astype(float))))
