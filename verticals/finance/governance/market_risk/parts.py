"""The chapter on what a forecast rests on: do the parts that are named sum to it, and do they stay under jitter?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from .....core.random import numpy_generator
from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...market_risk.forecast import walk
from ...market_risk.records import Prices
from ..dossier import Chapter, expect
from ..written import number, share
from .case import Case
from .pointintime import newest

JITTER, SIGNIFICANT = 0.01, 0.01
DAYS = 40  # before the last one: the other day whose parts are summed
Parts = Callable[[Prices], Mapping[str, float]]


def faithful(case: Case, parts: Parts) -> Chapter:
    """What the forecast is said to rest on: its parts sum to it, and stay when every bar moves by a hundredth."""
    walked = case.walks[0]
    prices = newest(walked.prices)
    random = numpy_generator(case.seed, "jitter")
    wide = 1 + JITTER * random.standard_normal(len(prices))
    middle, half = np.sqrt(prices.high * prices.low), np.sqrt(prices.high / prices.low) ** wide
    low, high = np.minimum(middle / half, prices.close), np.maximum(middle * half, prices.close)
    one, other = walk(prices, case.network), walk(replace(prices, high=high, low=low, open=None), case.network)
    moves = [np.log(each.network[:, 0] / each.har[:, 0]) for each in (one, other)]
    kept = np.isfinite(moves[0]) & (np.abs(moves[0]) > SIGNIFICANT)
    same = float((np.sign(moves[0][kept]) == np.sign(moves[1][kept])).mean()) if kept.any() else float("nan")
    moved = float(np.nanmedian(np.abs(np.log(other.variance[:, 0] / one.variance[:, 0]))))
    gap = max(
        abs(sum(parts(prices.until(rows)).values()) - float(np.log(one.variance[rows - 1, 0])))
        for rows in (len(prices), len(prices) - DAYS)
    )
    return Chapter(
        heading="What a forecast rests on: faithful and stable",
        facts={"sum_gap": gap, "same_sign": same, "median_move": moved, "jitter": JITTER},
        claims=(
            Claim(
                template="With every day's range moved by a hundredth, the network moves HAR the same way on {same} of"
                " the days.",
                facts={"same": Fact(value=100 * same, evidence="jitter", unit="%", measure=lambda: 100 * same)},
            ),
        ),
        evidence={"jitter": Evidence(kind="measurement", shows=f"{prices.name} walked again with jittered ranges")},
        tables=(
            Rows(header=("on the newest bars of the first series", ""), rows=(
                ("what `explain` sums less the forecast (logarithm, larger of two days)", number(gap, 6)),
                ("the network moves HAR the same way under jitter", share(same)),
                ("the forecast's variance moves by (median)", share(moved, 2)),
            )),
        ),
        notes=("A forecast has no reason codes; `colonnade explain` gives the parts that are tested here.",),
        expects=(
            expect("faithfulness", "The parts that `explain` gives sum to the forecast", "two days of one series",
                   gap < 1e-6,
                   f"largest gap {gap:.1e}"),
            expect("faithfulness", "What the network adds keeps its direction under 1 % jitter in 90 %", "ranges",
                   same >= 0.9, share(same)),
        ),
    )  # fmt: skip
