"""The promise of conformal risk control, by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.core.random import numpy_generator
from colonnade.core.trust.risk import fit_threshold, miss_rate_bound


def cases(generator: np.random.Generator, count: int) -> list[np.ndarray]:
    """Scores of one to six positives a case; cases differ in how hard they are."""
    return [generator.normal(generator.normal(), 1, size=generator.integers(1, 7)) for _ in range(count)]


def test_the_expected_miss_rate_of_new_cases_stays_below_the_risk() -> None:
    generator = numpy_generator(0, "risk test")
    rates = []
    for _ in range(300):
        point = fit_threshold(cases(generator, 60), risk=0.1)
        rates.append(np.mean([(row < point.threshold).mean() for row in cases(generator, 60)]))
    error = np.std(rates) / np.sqrt(len(rates))
    assert np.mean(rates) <= 0.1 + 2 * error
    assert np.mean(rates) > 0.07  # and it is not needlessly careful


def test_the_threshold_is_the_highest_that_the_bound_allows() -> None:
    scores = [np.array([float(value)]) for value in range(1, 20)]  # 19 cases: (misses + 1) / 20 <= 0.1 allows one miss
    point = fit_threshold(scores, risk=0.1)
    assert point.threshold == 2
    assert point.observed == pytest.approx(1 / 19)
    assert point.bound == pytest.approx(0.1)


def test_a_case_counts_once_however_many_positives_it_has() -> None:
    scores = [np.zeros(1000)] + [np.ones(1)] * 19
    assert fit_threshold(scores, risk=0.1).threshold == 1  # the 1000 misses are one case of 20


def test_too_few_cases_are_refused_with_the_number_needed() -> None:
    with pytest.raises(InputError, match="at least 19"):
        fit_threshold([np.zeros(1)] * 18, risk=0.05)
    assert fit_threshold([np.zeros(1)] * 19, risk=0.05).threshold == 0


def test_what_is_never_found_leaves_no_threshold_that_keeps_the_promise() -> None:
    unseen = [np.array([-np.inf, 1.0])] * 30 + [np.ones(2)] * 30
    assert fit_threshold(unseen, risk=0.1).threshold == -np.inf
    assert fit_threshold(unseen, risk=0.4).threshold == 1


def test_the_exact_bound_of_no_miss_is_the_rule_of_three() -> None:
    assert miss_rate_bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert miss_rate_bound(100, 100) == 1
