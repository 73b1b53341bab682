"""What becomes known of payments, and when: holders report late or never, and only alerts are looked into.

Whom the bank looks into depends on amounts alone, never on the truth. Knows nothing of models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from .....core.random import numpy_generator
from .....core.types import Array
from .payments import Payments
from .world import LabelConfig, World

DAY = 86_400.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Reports:
    """`[payment]`: said to be fraud, since when that is known, and whether the bank looked into it (and is right)."""

    fraud: Array
    known_at: Array  # seconds since the start of the world; of a silent one, when silence counts as honest
    examined: Array


def reports_of(world: World, payments: Payments, seed: int) -> Reports:
    """Draw them."""
    generator, config = numpy_generator(seed, "reports"), world.config.labels
    count, truth = len(payments.day), payments.reason > 0
    examined = _alerts(world, payments)
    reported = generator.random(count) < np.where(truth, config.reported, config.friendly)
    days = late(config, generator.random(count))
    answer = generator.uniform(1, 3, count)
    settled = config.settled if config.fixed is None else config.fixed
    wait = np.where(examined, answer, np.where(reported, days, settled))
    return Reports(fraud=np.where(examined, truth, reported), known_at=payments.second + wait * DAY, examined=examined)


def late(config: LabelConfig, quantile: Array) -> Array:
    """The delay of a report in days at a quantile of its distribution."""
    if config.fixed is not None:
        return np.full(np.shape(quantile), config.fixed)
    low, high = (norm.cdf(_standard(config, each)) for each in (config.least, config.most))
    return config.median * np.exp(config.spread * norm.ppf(low + quantile * (high - low)))


def came(config: LabelConfig, days: Array) -> Array:
    """The chance that a report that will come has come within so many days."""
    if config.fixed is not None:
        return (days >= config.fixed).astype(float)
    low, high = (norm.cdf(_standard(config, each)) for each in (config.least, config.most))
    return np.clip((norm.cdf(_standard(config, np.maximum(days, 1e-9))) - low) / (high - low), 0, 1)


def _standard(config: LabelConfig, days: Array | float) -> Array:
    return np.log(np.asarray(days) / config.median) / config.spread


def _alerts(world: World, payments: Payments) -> Array:
    """The highest amounts of each day over the mean of the card's earlier ones (from the sixth payment on)."""
    order = np.argsort(payments.card, kind="stable")
    card, amount = payments.card[order], payments.amount[order]
    first = np.searchsorted(card, card)
    place = np.arange(len(card)) - first
    total = np.cumsum(amount) - amount
    earlier = (total - total[first]) / np.maximum(place, 1)
    ratio = np.zeros(len(card))
    ratio[order] = np.where(place >= 5, amount / np.maximum(earlier, 1.0), 0)
    ranked = np.lexsort((-ratio, payments.day))
    day = payments.day[ranked]
    found = np.zeros(len(card), bool)
    found[ranked] = np.arange(len(card)) - np.searchsorted(day, day) < world.config.labels.alerts
    return found
