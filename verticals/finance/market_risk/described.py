"""Days of prices as plain numbers, for the look at data before training. It knows nothing of models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....core import digest
from ....core.data.quality import Rows
from .sources import Sourced

NAMES = ("return", "range", "log_volume", "days_since", "news_letters")


def rows_of(sources: Sequence[Sourced]) -> Rows:
    """Each day of each series from its second on; a group is a series."""
    values, ids, digests, groups = [], [], [], []
    for each in sources:
        prices = each.prices
        volume = np.full(len(prices.close), np.nan) if prices.volume is None else np.log1p(prices.volume)
        step = np.diff(prices.dates).astype(int)
        moved = np.diff(np.log(prices.close))
        spread = np.log(prices.high / prices.low)
        for row in range(1, len(prices.close)):
            said = float(len(each.news.get(row, "")))
            values.append([moved[row - 1], spread[row], volume[row], step[row - 1], said])
            ids.append(f"{prices.name} {prices.dates[row]}")
            bar = (prices.dates[row], prices.high[row], prices.low[row], prices.close[row])
            digests.append(digest.of_value("|".join(map(str, bar))))
            groups.append(prices.name)
    table = np.array(values, float).reshape(len(ids), len(NAMES))
    return Rows(names=NAMES, values=table, ids=tuple(ids), digests=tuple(digests), groups=tuple(groups))
