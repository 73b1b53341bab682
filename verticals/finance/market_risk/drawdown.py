"""How likely it is that the price falls by so much within the next ten days, and when to warn of it.

Past ten-day lows, each in units of the volatility forecast of its own day, are drawn again at today's forecast: one
series' own record, no shape assumed, no classifier that could learn the few crises by heart. A day's numbers use only
lows that had come to pass by then. It knows nothing of how the forecast is made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ....core.types import Array

AHEAD = 10  # trading days
FALL = 0.05  # of the price, unless another is asked for
BUDGET = 0.1  # of days that may be warned of
ENOUGH = 250  # past lows before a probability is spoken of
RECENT = 1000  # days whose probabilities say what is unusually high
GAP = 10  # days without the event after which the next one is another episode


@dataclass(frozen=True, kw_only=True)
class Warned:
    """How a warning did: `recall` of the episodes, `precision` of its days, their share of all days, and the median of
    trading days from the first warning of the month before to the day on which the fall was reached."""

    episodes: int
    recall: float
    precision: float
    alerts: float
    lead_days: float


def lowest(returns: Float[Array, " day"], days: int = AHEAD) -> Float[Array, " day"]:
    """The least logarithm of price over today's on any of the next `days` closes; NaN where they have not passed."""
    found = np.full(len(returns), np.nan)
    if len(returns) > days:
        later = np.lib.stride_tricks.sliding_window_view(returns[1:], days)
        found[: len(later)] = np.minimum(np.cumsum(later, axis=1).min(axis=1), 0.0)
    return found


def chances(
    returns: Float[Array, " day"], variance: Float[Array, " day"], *, fall: float = FALL, days: int = AHEAD
) -> Float[Array, " day"]:
    """The probability of a fall by `fall` or more on each day; NaN before `ENOUGH` lows of the past are known.

    `variance` is the daily variance forecast at each day's close.
    """
    units = lowest(returns, days) / np.sqrt(variance)
    bar = np.log1p(-fall) / np.sqrt(variance)
    found = np.full(len(returns), np.nan)
    past, known = np.empty(len(returns)), 0
    for day in np.flatnonzero(np.isfinite(variance)):
        passed = day - days
        if passed >= 0 and np.isfinite(units[passed]):
            past[known] = units[passed]
            known += 1
        if known >= ENOUGH:
            found[day] = (np.count_nonzero(past[:known] <= bar[day]) + 0.5) / (known + 1)
    return found


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """The last day's probability of a fall by `fall` within `days`, whether it is among the `budget` highest of the
    recent past, and how often such a fall came on this series; Brier's score of all judged days, and of that share."""

    days: int
    fall: float
    probability: float
    alert: bool
    budget: float
    share: float
    brier: float
    brier_of_share: float
    judged: int


def outlook(
    returns: Float[Array, " day"], variance: Float[Array, " day"], *, fall: float = FALL, budget: float = BUDGET
) -> Outlook | None:
    """None where too few lows of the past are known."""
    chance, event = chances(returns, variance, fall=fall), fell(returns, fall)
    if not np.isfinite(chance[-1]):
        return None
    judged = np.isfinite(chance) & np.isfinite(lowest(returns))
    share = float(event[judged].mean()) if judged.any() else float("nan")
    return Outlook(
        days=AHEAD,
        fall=fall,
        probability=float(chance[-1]),
        alert=bool(alerts(chance, budget=budget)[-1]),
        budget=budget,
        share=share,
        brier=float(np.mean((chance[judged] - event[judged]) ** 2)) if judged.any() else float("nan"),
        brier_of_share=share * (1 - share),
        judged=int(judged.sum()),
    )


def fell(returns: Float[Array, " day"], fall: float = FALL) -> Bool[Array, " day"]:
    """Whether such a fall came in the days after; False where they have not passed."""
    return np.nan_to_num(lowest(returns), nan=0.0) <= np.log1p(-fall)


def alerts(chance: Float[Array, " day"], *, budget: float) -> Bool[Array, " day"]:
    """Whether a day's probability is among the `budget` share of the highest of the `RECENT` days before it."""
    found = np.zeros(len(chance), bool)
    known = np.flatnonzero(np.isfinite(chance))
    for place, day in enumerate(known):
        before = chance[known[max(0, place - RECENT) : place]]
        found[day] = len(before) >= ENOUGH and chance[day] > np.quantile(before, 1 - budget)
    return found


def warned(
    event: Bool[Array, " day"], warning: Bool[Array, " day"], returns: Float[Array, " day"], *, fall: float = FALL
) -> Warned:
    """How warnings did against the days from which a fall was to come; one episode is a run of such days."""
    starts = [day for day in np.flatnonzero(event) if not event[max(0, day - GAP) : day].any()]
    leads = []
    level = np.cumsum(returns)
    for start in map(int, starts):
        reached = start + 1 + int(np.argmax(level[start + 1 : start + 1 + AHEAD] - level[start] <= np.log1p(-fall)))
        early = np.flatnonzero(warning[max(0, start - 2 * AHEAD) : reached])
        if len(early):
            leads.append(reached - (max(0, start - 2 * AHEAD) + int(early[0])))
    said = int(warning.sum())
    return Warned(
        episodes=len(starts),
        recall=len(leads) / len(starts) if starts else float("nan"),
        precision=float(event[warning].mean()) if said else float("nan"),
        alerts=said / max(len(warning), 1),
        lead_days=float(np.median(leads)) if leads else float("nan"),
    )
