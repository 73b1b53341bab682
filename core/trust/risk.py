"""An operating point chosen by the harm it may do: the highest threshold whose rate of misses stays below a bound.

Conformal risk control (Angelopoulos et al. 2022, arXiv:2208.02814): if new cases are exchangeable with those it was
chosen on, the expected miss rate of a new case is at most `risk`, for any number of cases and any model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..errors import FormatError, InputError
from ..types import Array
from .intervals import binomial_bound


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """Say yes from `threshold` on. `observed` is the miss rate on the cases it was chosen on; `bound` is what is
    promised for the mean over new cases (at most `risk`)."""

    threshold: float
    risk: float
    observed: float
    bound: float
    cases: int


def fit_threshold(scores: Sequence[Float[Array, " positive"]], *, risk: float = 0.1) -> OperatingPoint:
    """The highest threshold with a false-negative rate of at most `risk`.

    `scores` holds, for each case that has any, the scores of its true positives (voxels, lesions, frauds of one
    account); the loss of a case is the share of them below the threshold. One score a case gives the plain rate. What
    no threshold finds scores -inf; where too much does, so does the threshold.

    Raises:
        InputError: `risk` is not between 0 and 1, or too small for so few cases (it must reach 1 / (cases + 1)).
    """
    if not 0 < risk < 1:
        raise InputError(f"the risk lies between 0 and 1, got {risk}")
    rows = [np.sort(np.atleast_1d(np.asarray(row, np.float64))) for row in scores]
    if not rows or any(not row.size or np.isnan(row).any() for row in rows):
        raise FormatError("every case needs at least one score of a true positive, and no NaN")
    cases = len(rows)
    if risk * (cases + 1) < 1 - 1e-9:
        needed = int(np.ceil(1 / risk)) - 1
        raise InputError(f"a miss rate of {risk} cannot be promised from {cases} cases: give at least {needed}")
    candidates = np.unique(np.concatenate(rows))
    missed = np.mean([np.searchsorted(row, candidates, side="left") / row.size for row in rows], axis=0)
    allowed = (cases * missed + 1) / (cases + 1) <= risk + 1e-12
    best = int(np.flatnonzero(allowed)[-1])  # missed never falls with the threshold, and is 0 at the lowest candidate
    observed = float(missed[best])
    bound = (cases * observed + 1) / (cases + 1)
    return OperatingPoint(threshold=float(candidates[best]), risk=risk, observed=observed, bound=bound, cases=cases)


def miss_rate_bound(missed: int, cases: int, *, confidence: float = 0.95) -> float:
    """The miss rate that is not exceeded with that confidence, seeing `missed` of `cases` on held-out cases (exact)."""
    return binomial_bound(missed, cases, confidence=confidence)[1]
