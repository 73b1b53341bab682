"""Coverage, by simulation: what conformal sets and intervals promise is what they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import softmax

from colonnade.core.errors import InputError
from colonnade.core.random import numpy_generator
from colonnade.core.trust.conformal import Adaptive, covered, fit_intervals, fit_sets, fit_thresholds, quantile


def classified(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a model that is too sure, and the truth."""
    generator = numpy_generator(seed, "conformal test")
    logits = generator.normal(size=(rows, 5)) * 2
    truth = (generator.random((rows, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1).clip(max=4)
    return softmax(2 * logits, axis=1), truth


def test_the_quantile_takes_the_finite_sample_rank() -> None:
    scores = np.arange(1.0, 10.0)  # nine scores
    assert quantile(scores, 0.9) == 9  # ceil(10 * 0.9) = 9
    assert quantile(scores, 0.5) == 5
    assert quantile(scores, 0.91) == math.inf  # rank 10 of 9


@pytest.mark.parametrize("method", ["lac", "aps"])
@pytest.mark.parametrize("randomised", [False, True])
def test_sets_hold_the_truth_as_often_as_promised(method: str, randomised: bool) -> None:
    rates = []
    for seed in range(60):
        generator = numpy_generator(seed, "tie-break") if randomised else None
        sets = fit_sets(*classified(seed, 200), coverage=0.9, method=method, generator=generator)
        probabilities, truth = classified(1000 + seed, 500)
        rates.append(sets(probabilities, generator=generator)[np.arange(500), truth].mean())
    # 60 means with a standard deviation of about 0.02 each: 0.9 to 0.9 + 1 / 201, within three standard errors
    assert np.mean(rates) > 0.9 - 0.01
    assert np.mean(rates) < 0.905 + 0.01


def test_an_interval_around_a_point_forecast_holds_the_truth_as_often_as_promised() -> None:
    generator = numpy_generator(0, "residuals")
    rates = []
    for _ in range(100):
        truth = generator.standard_t(3, size=600)
        intervals = fit_intervals(truth[:100], np.zeros(100), coverage=0.8)
        low, high = intervals(np.zeros(500))
        rates.append(((low <= truth[100:]) & (truth[100:] <= high)).mean())
    assert np.mean(rates) == pytest.approx(0.8 + 0.5 / 101, abs=0.015)


def test_cqr_widens_bounds_that_are_too_narrow_and_narrows_those_that_are_too_wide() -> None:
    truth = numpy_generator(0, "cqr").normal(size=5000)
    for bound, expected in ((0.5, 1.645), (3.0, 1.645)):
        low, high = fit_intervals(truth, np.full(5000, -bound), np.full(5000, bound), coverage=0.9)(
            np.array([-bound]), np.array([bound])
        )
        assert high[0] == pytest.approx(expected, abs=0.06)
        assert low[0] == pytest.approx(-expected, abs=0.06)


def test_a_negative_margin_never_turns_bounds_around() -> None:
    intervals = fit_intervals(np.zeros(50), np.full(50, -10.0), np.full(50, 10.0), coverage=0.9)
    low, high = intervals(np.array([-1.0]), np.array([1.0]))
    assert low[0] == high[0] == 0


def test_strata_are_covered_each_where_one_threshold_would_fail_the_hard_one() -> None:
    generator = numpy_generator(0, "strata")
    strata = np.array(["easy", "hard"] * 3000)
    truth = generator.normal(size=6000) * np.where(strata == "hard", 4, 1)
    fit, test = slice(0, 3000), slice(3000, 6000)

    def rates(by_stratum: bool) -> dict[str, float]:
        names = strata if by_stratum else None
        intervals = fit_intervals(truth[fit], np.zeros(3000), strata=names[fit] if by_stratum else None)
        low, high = intervals(np.zeros(3000), strata=names[test] if by_stratum else None)
        return covered((low <= truth[test]) & (truth[test] <= high), strata=strata[test])

    assert rates(by_stratum=False)["hard"] < 0.85
    together = rates(by_stratum=True)
    assert together["hard"] == pytest.approx(0.9, abs=0.03)
    assert together["easy"] == pytest.approx(0.9, abs=0.03)


def test_a_stratum_that_was_never_calibrated_gets_the_threshold_of_everyone() -> None:
    thresholds = fit_thresholds(np.arange(100.0), coverage=0.9, strata=np.array(["a", "b"] * 50))
    assert thresholds.of(1, np.array(["c"]))[0] == thresholds.by_stratum[""]


def test_too_few_cases_give_everything_rather_than_a_false_promise() -> None:
    sets = fit_sets(np.array([[0.9, 0.1]] * 5), np.zeros(5, int), coverage=0.9)
    assert sets(np.array([[0.99, 0.01]])).all()


def test_adaptive_intervals_keep_their_coverage_where_the_series_changes() -> None:
    generator = numpy_generator(0, "series")
    scale = np.where(np.arange(4000) < 2000, 1.0, 5.0)  # volatility jumps
    scores = np.abs(generator.normal(size=4000) * scale)
    adaptive = Adaptive(coverage=0.9, rate=0.02, window=500)
    held = np.array([adaptive.observe(score) for score in scores])
    fixed = scores <= quantile(scores[:500], 0.9)
    assert fixed[2000:].mean() < 0.5
    assert held.mean() == pytest.approx(0.9, abs=(0.9 + 0.02) / (0.02 * 4000))
    assert held[2500:].mean() == pytest.approx(0.9, abs=0.03)


def test_the_bound_of_adaptive_misses_holds_for_a_hostile_series() -> None:
    adaptive = Adaptive(coverage=0.9, rate=0.05, window=50)
    held = []
    for step in range(2000):
        margin = adaptive.margin()
        hostile = 2 * abs(margin) + step + 1 if np.isfinite(margin) else 1.0
        held.append(adaptive.observe(hostile))
    assert abs(np.mean(held) - 0.9) <= (0.9 + 0.05) / (0.05 * 2000)


def test_coverage_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        quantile(np.zeros(3), 90)
