"""From a score to a verdict with a promise: split-conformal thresholds on good units, one for each subset of senses.

With n good units that nothing was learned from, rejecting when (1 + how many of them score at least as high) / (n + 1)
is at most a rejects a new good unit with probability at most a. No defect is needed, and no test label is ever seen.
It knows nothing of how scores are made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ....core.types import Array

Verdict: TypeAlias = Literal["pass", "review", "reject", "unmeasurable"]
FALSE_REJECTS = 0.01
REVIEW = 3.0  # times the promised rate: close enough to the threshold for a second look


@dataclass(frozen=True, kw_only=True, eq=False)
class Threshold:
    """Sorted scores of the good units for one subset of senses, and the rate of false rejects that was asked for."""

    scores: Array
    rate: float = FALSE_REJECTS

    @property
    def promised(self) -> float:
        """The rate that so many good units can promise: n of them reach 1 / (n + 1) at best."""
        return max(self.rate, 1 / (len(self.scores) + 1))

    @property
    def value(self) -> float:
        """The largest score that still passes."""
        return float(self.scores[len(self.scores) - self._beyond]) if len(self.scores) else math.inf

    @property
    def _beyond(self) -> int:
        """How many good units may lie at or beyond a score that is rejected, and one."""
        return max(math.floor(self.promised * (len(self.scores) + 1) + 1e-9), 1)

    def p(self, score: float) -> float:
        """The conformal p-value: small is strange. Ties count against rejecting."""
        beyond = int((self.scores >= score).sum())
        return (1 + beyond) / (len(self.scores) + 1)

    def verdict(self, score: float) -> Verdict:
        p = self.p(score)
        if p <= self.promised + 1e-12:
            return "reject"
        return "review" if p <= REVIEW * self.promised and self.rate >= 1 / (len(self.scores) + 1) else "pass"


def needed(rate: float) -> int:
    """How many good units a rate of false rejects takes: 99 for one per cent."""
    return math.ceil(1 / rate - 1e-9) - 1


def fit_thresholds(scores: Mapping[str, Sequence[float]], rate: float = FALSE_REJECTS) -> dict[str, Threshold]:
    """A threshold for each subset, by name."""
    return {name: Threshold(scores=np.sort(np.asarray(each, np.float64)), rate=rate) for name, each in scores.items()}


def joined(verdicts: Sequence[Verdict]) -> Verdict:
    """The strictest: a part is never passed on the strength of senses that could judge while another could not."""
    order: tuple[Verdict, ...] = ("reject", "unmeasurable", "review", "pass")
    return next(each for each in order if each in verdicts)
