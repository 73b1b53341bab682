"""Split-conformal sets and intervals: bounds that hold the truth as often as they say, whatever the model.

The promise is marginal over exchangeable cases, or within each stratum where strata are given (Mondrian). For series,
where cases are not exchangeable, `Adaptive` corrects its own misses. It knows nothing of models: scores go in.
Sources: LAC, Sadinle et al. 2019; APS, Romano et al. 2020 (arXiv:2006.02544); CQR, Romano et al. 2019
(arXiv:1905.03222); adaptive conformal inference, Gibbs and Candes 2021 (arXiv:2106.00170).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from ..errors import FormatError, InputError
from ..types import Array

Strata: TypeAlias = Array | None  # a name for each row
EVERYONE = ""  # the stratum of a row whose own was not calibrated


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """How large a score may be, by stratum. An infinite one says that calibration had too few cases to promise more."""

    by_stratum: Mapping[str, float]
    coverage: float

    def of(self, rows: int, strata: Strata = None) -> Float[Array, " row"]:
        """The threshold of each row; strata that were never calibrated get everyone's."""
        everyone = self.by_stratum[EVERYONE]
        if strata is None:
            return np.full(rows, everyone)
        return np.array([self.by_stratum.get(str(name), everyone) for name in strata])


@dataclass(frozen=True, kw_only=True)
class Sets:
    """Prediction sets: the labels that cannot be ruled out."""

    method: Literal["lac", "aps"]
    thresholds: Thresholds

    def __call__(
        self,
        probabilities: Float[Array, "row label"],
        *,
        strata: Strata = None,
        generator: np.random.Generator | None = None,
    ) -> Bool[Array, "row label"]:
        """True for each label in the set. `generator` must be given if and only if it was for calibration (APS)."""
        scores = _label_scores(self.method, np.asarray(probabilities, np.float64), generator)
        return scores <= self.thresholds.of(len(scores), strata)[:, None]


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Prediction intervals: a model's own lower and upper bounds, moved out (or in) by a calibrated margin."""

    thresholds: Thresholds

    def __call__(
        self, low: Float[Array, " row"], high: Float[Array, " row"] | None = None, *, strata: Strata = None
    ) -> tuple[Float[Array, " row"], Float[Array, " row"]]:
        """Bounds for each row; without `high`, `low` is a point forecast and the margin lies on both sides of it."""
        low = np.asarray(low, np.float64)
        high = low if high is None else np.asarray(high, np.float64)
        margin = self.thresholds.of(len(low), strata)
        middle = (low + high) / 2  # where a negative margin would cross the bounds, both are the middle
        return np.minimum(low - margin, middle), np.maximum(high + margin, middle)


def fit_sets(
    probabilities: Float[Array, "row label"],
    labels: Int[Array, " row"],
    *,
    coverage: float = 0.9,
    method: Literal["lac", "aps"] = "lac",
    strata: Strata = None,
    generator: np.random.Generator | None = None,
) -> Sets:
    """Calibrate on cases the model was not trained on. LAC gives the smallest sets; APS adapts to hard cases.

    APS without a `generator` takes no random tie-break: its sets are larger than they must be, never too small.
    """
    scores = _label_scores(method, np.asarray(probabilities, np.float64), generator)
    scores = scores[np.arange(len(scores)), np.asarray(labels)]
    return Sets(method=method, thresholds=fit_thresholds(scores, coverage=coverage, strata=strata))


def fit_intervals(
    truth: Float[Array, " row"],
    low: Float[Array, " row"],
    high: Float[Array, " row"] | None = None,
    *,
    coverage: float = 0.9,
    strata: Strata = None,
) -> Intervals:
    """Calibrate intervals: the absolute residual of a point forecast, or CQR where a lower and upper one are given."""
    truth, low = np.asarray(truth, np.float64), np.asarray(low, np.float64)
    high = low if high is None else np.asarray(high, np.float64)
    return Intervals(thresholds=fit_thresholds(np.maximum(low - truth, truth - high), coverage=coverage, strata=strata))


def fit_thresholds(scores: Float[Array, " row"], *, coverage: float, strata: Strata = None) -> Thresholds:
    """The finite-sample quantile of the scores, for everyone and for each stratum."""
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1 or not len(scores) or np.isnan(scores).any():
        raise FormatError(f"calibration needs one score a case without NaN, got shape {scores.shape}")
    found = {EVERYONE: quantile(scores, coverage)}
    if strata is not None:
        names = np.asarray([str(name) for name in strata])
        if names.shape != scores.shape:
            raise FormatError(f"{len(scores)} scores need as many strata, got {names.shape}")
        found |= {str(name): quantile(scores[names == name], coverage) for name in np.unique(names)}
    return Thresholds(by_stratum=found, coverage=coverage)


def quantile(scores: Float[Array, " row"], coverage: float) -> float:
    """The ceil((n + 1) * coverage)-th smallest score; infinite where n is too small for the promise."""
    if not 0 < coverage < 1:
        raise InputError(f"coverage lies between 0 and 1, got {coverage}")
    rank = math.ceil((len(scores) + 1) * coverage - 1e-9)  # 10 * 0.9 must not become rank 10
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else math.inf


def covered(inside: Bool[Array, " row"], *, strata: Strata = None) -> dict[str, float]:  # the name "" is everyone
    """How often the truth was inside, for everyone and by stratum."""
    inside = np.asarray(inside, bool)
    names = np.asarray([str(name) for name in strata]) if strata is not None else np.zeros(0, str)
    return {EVERYONE: float(inside.mean())} | {
        str(name): float(inside[names == name].mean()) for name in np.unique(names)
    }


@dataclass(kw_only=True)
class Adaptive:
    """Adaptive conformal inference for one series: ask for `margin()`, see the truth, tell its score to `observe`.

    After T steps the share of misses is within (max(alpha, 1 - alpha) + rate) / (rate * T) of alpha = 1 - coverage,
    for any series at all, since the level moves against each miss. Scores are the absolute residual or the CQR score.
    `window` recent scores are kept; before the first score the margin is infinite.
    """

    coverage: float = 0.9
    rate: float = 0.02
    window: int = 500
    level: float = field(init=False)
    scores: deque[float] = field(init=False)

    def __post_init__(self) -> None:
        if not 0 < self.coverage < 1 or self.rate <= 0 or self.window < 1:
            raise InputError(f"need 0 < coverage < 1, rate > 0 and window >= 1, got {self}")
        self.level, self.scores = 1 - self.coverage, deque(maxlen=self.window)

    def margin(self) -> float:
        """How far the interval must reach now: infinite below level 0, nothing (-inf) from level 1 on."""
        if self.level >= 1 - 1e-9:
            return -math.inf
        if self.level <= 1e-9 or not self.scores:  # 1 less a level below the rounding of a float is 1, no quantile
            return math.inf
        return quantile(np.array(self.scores), 1 - self.level)

    def observe(self, score: float) -> bool:
        """Take in the score of the step that has passed; returns whether its interval held the truth."""
        held = score <= self.margin()
        self.level += self.rate * ((1 - self.coverage) - (not held))
        self.scores.append(score)
        return held


def _label_scores(
    method: Literal["lac", "aps"], probabilities: Float[Array, "row label"], generator: np.random.Generator | None
) -> Float[Array, "row label"]:
    """How strange each label is: LAC, one minus its probability; APS, the mass of more probable labels, and its own."""
    if probabilities.ndim != 2:
        raise FormatError(f"probabilities are [row, label], got shape {probabilities.shape}")
    if method == "lac":
        return 1 - probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    share = 1.0 if generator is None else generator.random((len(ranked), 1))
    mass = np.cumsum(ranked, axis=1) - ranked + ranked * share
    scores = np.empty_like(mass)
    np.put_along_axis(scores, order, mass, axis=1)
    return scores
