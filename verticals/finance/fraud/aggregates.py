"""The features of the Fraud Detection Handbook, as the bar to beat: windows of the customer, windows of the terminal.

Source: Le Borgne et al., Fraud Detection Handbook (2022), chapter 3: number and mean amount of a customer's payments in
1, 7 and 30 days (with the present one), number of payments and share of fraud of a terminal in 1, 7 and 30 days behind
the delay of labels, weekend and night. Written from its prose. It knows nothing of the stream.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ....core.types import Array
from .records import DAY, HOUR, CardEvents, Labels

DAYS = (1, 7, 30)
DELAY = 7


def handbook(events: CardEvents, labels: Labels) -> Float[Array, "row feature"]:
    """The handbook's 15 features, and last the amount over the mean of the card's other payments of 30 days."""
    time, amount = events.time, events.amount
    _, card = np.unique(events.card, return_inverse=True)
    _, terminal = np.unique(events.terminal, return_inverse=True)
    columns = [amount, ((time // DAY + 3) % 7 >= 5).astype(float), (time % DAY / HOUR <= 6).astype(float)]
    count = total = np.zeros(len(time))
    for days in DAYS:
        count, total = _sums(card, time, amount, days, 0)
        columns += [count, total / np.maximum(count, 1)]
    for days in DAYS:
        seen, frauds = _sums(terminal, time, labels.fraud.astype(float), days + DELAY, DELAY)
        columns += [seen, frauds / np.maximum(seen, 1)]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = (total - amount) / (count - 1)
        columns.append(np.where((count > 1) & (own > 0), amount / own, np.nan))
    return np.column_stack(columns)


def _sums(group: Array, time: Array, values: Array, back: int, until: int) -> tuple[Array, Array]:
    """Count and sum of `values` in the group's rows from `back` to `until` days ago."""
    order = np.lexsort((time, group))
    start = time.min() - (back + 1) * DAY
    span = time.max() - start + (back + 1) * DAY
    line = group[order] * span + (time[order] - start)  # one line of numbers, a stretch of it for each group
    running = np.concatenate([[0.0], np.cumsum(values[order])])
    low = np.searchsorted(line, line - back * DAY, side="right")
    high = np.searchsorted(line, line - until * DAY, side="right")
    low = np.maximum(low, np.searchsorted(group[order], group[order], side="left"))
    high = np.maximum(high, low)
    count, total = np.empty(len(time)), np.empty(len(time))
    count[order], total[order] = high - low, running[high] - running[low]
    return count, total
