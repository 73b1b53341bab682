"""Bootstrap intervals: width, groups, pairs and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import InputError
from colonnade.core.random import numpy_generator
from colonnade.core.trust.intervals import binomial_bound, bootstrap


def test_the_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    values = numpy_generator(0, "interval test").normal(size=400)
    found = bootstrap(np.mean, values)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_rows_of_one_patient_are_drawn_together() -> None:
    generator = numpy_generator(0, "interval test")
    values = np.repeat(generator.normal(size=40), 25)  # 40 patients, 25 equal rows each
    patients = np.repeat(np.arange(40), 25)
    alone, together = bootstrap(np.mean, values), bootstrap(np.mean, values, groups=patients)
    ratio = (together.high - together.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(5, rel=0.15)  # sqrt(25): 1000 rows say no more than 40


def test_a_difference_of_two_models_is_drawn_in_pairs() -> None:
    generator = numpy_generator(0, "interval test")
    hard = generator.normal(size=300) * 10
    found = bootstrap(lambda one, other: float((one - other).mean()), hard + 1, hard)
    assert found.low == pytest.approx(1)
    assert found.high == pytest.approx(1)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.arange(30.0)
    assert bootstrap(np.mean, values, seed=3) == bootstrap(np.mean, values, seed=3)
    assert bootstrap(np.mean, values, seed=3) != bootstrap(np.mean, values, seed=4)


def test_draws_in_which_the_metric_does_not_exist_are_left_out_and_too_many_are_refused() -> None:
    def needs_a_positive(truth: np.ndarray) -> float:
        if not truth.any():
            raise ValueError("no positive")
        return float(truth.mean())

    assert bootstrap(needs_a_positive, np.array([True, True] + [False] * 8)).low > 0
    with pytest.raises(InputError, match="too few cases"):
        bootstrap(lambda _: float("nan"), np.arange(5))


def test_one_group_has_no_interval() -> None:
    with pytest.raises(InputError, match="at least two"):
        bootstrap(np.mean, np.arange(5), groups=np.zeros(5))


def test_exact_bounds_of_a_rate_hold_what_they_promise() -> None:
    generator = numpy_generator(0, "binomial test")
    counts = generator.binomial(50, 0.2, size=2000)
    above = np.mean([binomial_bound(int(count), 50)[1] >= 0.2 for count in counts])
    below = np.mean([binomial_bound(int(count), 50)[0] <= 0.2 for count in counts])
    assert min(above, below) >= 0.95
