"""The chapter on calibration: the probability of a fall, which is what market risk promises besides its bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...market_risk.drawdown import AHEAD, FALL, chances, fell, lowest
from ..calibration import calibration
from ..dossier import Chapter, expect
from .case import Case


def falls(case: Case) -> Chapter:
    """Calibration of the probability of a fall; how often bounds hold stands by year in the next chapter."""
    promised, happened, months = [], [], []
    for each in case.walks:
        chance, known = chances(each.history.returns, each.variance[:, 0]), lowest(each.history.returns)
        rows = np.flatnonzero(np.isfinite(chance) & np.isfinite(known) & (each.history.dates >= case.network.until))
        promised.append(chance[rows])
        happened.append(fell(each.history.returns)[rows])
        months.append(each.history.dates[rows].astype("datetime64[Y]").astype(int))
    came = np.concatenate(happened) if happened else np.zeros(0, bool)
    if not came.any() or came.all():
        why = f"{int(came.sum())} of {len(came)} judged days were followed by a fall of {FALL:.0%}: both are needed"
        return Chapter(
            heading="Calibration", notes=(f"Not run: {why}.",),
            expects=(expect("calibration", "As much is promised in all as comes", "nothing", None, why),),
        )  # fmt: skip
    said = calibration(np.concatenate(promised), came, np.concatenate(months), event="falls", seed=case.seed)
    note = (
        f"The probability that a close within {AHEAD} days lies {FALL:.0%} below today's. Falls come in spells of many"
        " days, so whole years are redrawn. How often bounds hold stands by year in chapter 7."
    )
    return replace(said, notes=(note,))
