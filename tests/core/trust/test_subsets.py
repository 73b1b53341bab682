"""The subset report names the worst subset and where confidence rose."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.result import Evaluation
from colonnade.core.trust.conformal import fit_sets
from colonnade.core.trust.subsets import confidence_rises, subset_name, subset_report, subsets_of

LABELS = np.array([0, 1, 0, 1])


def predict(subset: tuple[str, ...]) -> np.ndarray:
    """Image alone is right three times of four, sound alone half the time, both together always."""
    right = {"image+sound": [1, 1, 1, 1], "image": [1, 1, 1, 0], "sound": [1, 0, 1, 0]}[subset_name(subset)]
    sure = {"image+sound": 0.9, "image": 0.8, "sound": 0.85}[subset_name(subset)]
    said = np.where(np.array(right, bool), LABELS, 1 - LABELS)
    return np.where(np.eye(2)[said] > 0, sure, 1 - sure)


def test_every_subset_has_its_row_and_the_worst_is_named() -> None:
    report = subset_report(predict, LABELS, subsets_of(("image", "sound")))
    assert list(report.rows) == ["image+sound", "image", "sound"]
    assert [row["accuracy"] for row in report.rows.values()] == [1, 0.75, 0.5]
    assert report.worst == "sound"
    assert report.rows["sound"]["mean_confidence"] == pytest.approx(0.85)
    assert report.rows["sound"]["ece"] == pytest.approx(0.35)
    assert report.rises == ()


def test_the_rows_fit_an_evaluation() -> None:
    report = subset_report(predict, LABELS, subsets_of(("image", "sound")))
    told = Evaluation(task="t/t", data="d", n=4, metrics={}, subsets=report.rows, worst_subset=report.worst).to_dict()
    assert told["subsets"]["image"]["accuracy"] == 0.75


def test_conformal_coverage_is_reported_where_sets_are_calibrated() -> None:
    sets = fit_sets(np.array([[0.95, 0.05]] * 20), np.zeros(20, int))  # only labels of at least 0.95 stay
    report = subset_report(predict, LABELS, [("image",)], sets={"image": sets})
    assert report.rows["image"]["coverage"] == 0
    assert report.rows["image"]["set_size"] == 0


def test_only_subsets_that_are_enough_are_asked_for() -> None:
    found = subsets_of(("ct", "text", "table"), enough=lambda subset: "ct" in subset)
    assert found == [("ct", "text", "table"), ("ct", "text"), ("ct", "table"), ("ct",)]


def test_a_rise_of_confidence_when_a_modality_is_lost_is_named() -> None:
    confidence = {("a", "b"): 0.8, ("a",): 0.85, ("b",): 0.7}
    assert confidence_rises(confidence) == (("a+b", "a"),)
    assert confidence_rises(confidence, tolerance=0.06) == ()
