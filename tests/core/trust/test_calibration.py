"""Temperature, vector and Platt scaling against known answers, and the calibration numbers against hand counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from colonnade.core.errors import FormatError, InputError
from colonnade.core.random import numpy_generator
from colonnade.core.trust.calibration import (
    Platt,
    Temperature,
    brier,
    calibration_error,
    fit_platt,
    fit_temperature,
    fit_temperatures,
    fit_vector_scaling,
    label_calibration_error,
    reliability,
)


def drawn(temperature: float, rows: int = 40_000, labels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose truth is drawn from softmax(logits / temperature)."""
    generator = numpy_generator(0, "calibration test")
    logits = generator.normal(size=(rows, labels)) * 3
    chances = softmax(logits / temperature, axis=1)
    return logits, (generator.random((rows, 1)) > chances.cumsum(axis=1)).sum(axis=1).clip(max=labels - 1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found_again(temperature: float) -> None:
    logits, labels = drawn(temperature)
    assert fit_temperature(logits, labels).value == pytest.approx(temperature, rel=0.03)


def test_the_fitted_temperature_is_a_stationary_point_of_the_likelihood() -> None:
    logits, labels = drawn(1.7, rows=500)
    value = fit_temperature(logits, labels).value
    chances = softmax(logits / value, axis=1)
    # d nll / d (1/T) = mean over rows of (expected logit - true logit): zero at the optimum
    slope = ((chances * logits).sum(axis=1) - logits[np.arange(len(labels)), labels]).mean()
    assert abs(slope) < 1e-5


def test_scaling_mends_an_overconfident_model_and_keeps_its_ranking() -> None:
    logits, labels = drawn(2.5)
    before, after = Temperature().probabilities(logits), fit_temperature(logits, labels).probabilities(logits)
    assert label_calibration_error(before, labels) > 0.1
    assert label_calibration_error(after, labels) < 0.015
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()


def test_each_subset_gets_its_own_temperature() -> None:
    logits, labels = drawn(2.0, rows=5000)
    found = fit_temperatures({"image": logits, "image+audio": logits / 4}, labels)
    assert found["image"].value / found["image+audio"].value == pytest.approx(4, rel=1e-3)


def test_vector_scaling_finds_the_scale_and_shifts_that_made_the_labels() -> None:
    logits, _ = drawn(1.0)
    shifts = np.array([1.0, 0.0, -2.0, 0.5])
    chances = softmax(logits / 2 + shifts, axis=1)
    draws = numpy_generator(2, "vector").random((len(logits), 1))
    labels = (draws > chances.cumsum(axis=1)).sum(axis=1).clip(max=3)
    found = fit_vector_scaling(logits, labels)
    assert found.scale == pytest.approx(0.5, rel=0.03)
    assert found.shifts - found.shifts.mean() == pytest.approx(shifts - shifts.mean(), abs=0.05)
    assert label_calibration_error(found.probabilities(logits), labels) < 0.01


def test_a_strong_prior_leaves_vector_scaling_with_a_temperature() -> None:
    logits, labels = drawn(2.5, rows=2000)
    logits[:, 0] += 2
    found = fit_vector_scaling(logits, labels, strength=1e9)
    assert abs(found.shifts).max() < 1e-4
    assert 1 / found.scale == pytest.approx(fit_temperature(logits, labels).value, rel=1e-2)
    with pytest.raises(InputError, match="positive"):
        fit_vector_scaling(logits, labels, strength=0)


def test_platt_finds_the_slope_and_offset_that_made_the_labels() -> None:
    generator = numpy_generator(1, "platt test")
    scores = generator.normal(3, 2, size=50_000)
    yes = generator.random(50_000) < expit(1.5 * scores - 4)
    found = fit_platt(scores, yes)
    assert (found.slope, found.offset) == (pytest.approx(1.5, rel=0.04), pytest.approx(-4, rel=0.04))


def test_platt_agrees_with_unpenalised_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    generator = numpy_generator(2, "platt test")
    scores = generator.normal(size=400)
    yes = generator.random(400) < expit(scores)
    reference = LogisticRegression(C=np.inf, tol=1e-12).fit(scores[:, None], yes)
    found = fit_platt(scores, yes, smooth=False)
    assert found.slope == pytest.approx(float(reference.coef_[0, 0]), rel=1e-4)
    assert found.offset == pytest.approx(float(reference.intercept_[0]), rel=1e-4)


def test_platt_stays_finite_where_scores_separate_the_labels() -> None:
    found = fit_platt(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, False, True, True]))
    assert np.isfinite([found.slope, found.offset]).all()
    assert 0.5 < Platt(slope=found.slope, offset=found.offset).probabilities(np.array([1.0]))[0] < 1


def test_calibration_error_equals_the_hand_count() -> None:
    confidence = np.array([0.1, 0.15, 0.9, 0.95])
    happened = np.array([True, False, True, True])
    # two bins of two cases: |0.125 - 0.5| and |0.925 - 1|, half of the cases each
    expected = 0.5 * 0.375 + 0.5 * 0.075
    assert calibration_error(confidence, happened, bins=2, scheme="mass") == pytest.approx(expected)
    assert calibration_error(confidence, happened, bins=2, scheme="width") == pytest.approx(expected)


def test_bins_of_equal_mass_hold_equal_counts_and_those_of_equal_width_do_not() -> None:
    confidence = np.concatenate([np.linspace(0, 0.1, 90), np.linspace(0.9, 1, 10)])
    happened = confidence > 0.5
    assert {row.count for row in reliability(confidence, happened, bins=10)} == {10}
    assert [row.count for row in reliability(confidence, happened, bins=2, scheme="width")] == [90, 10]


def test_equal_confidences_share_a_bin_so_that_the_order_of_rows_does_not_matter() -> None:
    confidence, happened = np.full(8, 0.75), np.array([True] * 6 + [False] * 2)
    assert calibration_error(confidence, happened, bins=4) == pytest.approx(0)
    assert len(reliability(confidence, happened, bins=4)) == 1


def test_brier_is_zero_for_certainty_and_two_for_certain_error() -> None:
    certain = np.eye(3)
    assert brier(certain, np.array([0, 1, 2])) == 0
    assert brier(certain, np.array([1, 2, 0])) == 2
    assert brier(np.array([[0.5, 0.5]]), np.array([0])) == pytest.approx(0.5)


def test_wrong_input_is_one_sentence() -> None:
    with pytest.raises(FormatError, match="NaN"):
        fit_temperature(np.array([[np.nan, 1.0]]), np.array([0]))
    with pytest.raises(FormatError, match="labels lie from 0 to 2"):
        fit_temperature(np.zeros((2, 2)), np.array([0, 2]))
    with pytest.raises(InputError, match="both labels"):
        fit_platt(np.zeros(3), np.ones(3, bool))


def test_cases_without_an_error_do_not_make_a_model_certain() -> None:
    logits = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]])
    assert fit_temperature(logits, np.array([0, 1, 0])).value == 1
