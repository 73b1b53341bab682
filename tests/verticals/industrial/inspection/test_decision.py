"""Thresholds keep their promise, and metrics agree with slow references."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from colonnade.verticals.industrial.inspection.decision import Threshold, joined, needed
from colonnade.verticals.industrial.inspection.metrics import aupro, pixel_auroc, roc_auc


def test_false_rejects_keep_their_promise_on_average():
    generator = np.random.default_rng(0)
    rejected = []
    for _ in range(400):
        scores = np.sort(generator.normal(size=199))
        threshold = Threshold(scores=scores, rate=0.02)
        rejected += [threshold.verdict(float(score)) == "reject" for score in generator.normal(size=50)]
    assert np.mean(rejected) == pytest.approx(0.02, abs=0.004)


def test_too_few_good_units_promise_less_and_say_so():
    threshold = Threshold(scores=np.arange(9.0), rate=0.01)
    assert threshold.promised == pytest.approx(0.1)
    assert threshold.verdict(8.5) == "reject"
    assert threshold.verdict(8.0) == "pass"
    assert needed(0.01) == 99


def test_the_threshold_value_is_the_last_score_that_passes():
    threshold = Threshold(scores=np.arange(200.0), rate=0.01)
    assert threshold.verdict(threshold.value) != "reject"
    assert threshold.verdict(threshold.value + 0.5) == "reject"


def test_close_to_the_threshold_is_a_review():
    threshold = Threshold(scores=np.arange(200.0), rate=0.01)
    assert threshold.verdict(threshold.value) == "review"
    assert threshold.verdict(100.0) == "pass"


def test_a_unit_is_never_passed_while_a_sense_could_not_judge():
    assert joined(["pass", "unmeasurable"]) == "unmeasurable"
    assert joined(["reject", "unmeasurable"]) == "reject"
    assert joined(["pass", "review"]) == "review"


def test_the_area_under_the_curve_counts_ties_half():
    generator = np.random.default_rng(1)
    labels, scores = generator.random(200) < 0.3, generator.integers(0, 9, 200)
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    assert np.isnan(roc_auc(np.ones(3), np.arange(3)))


def test_region_overlap_counts_regions_not_pixels():
    mask = np.zeros((40, 40), bool)
    mask[2:22, 2:22], mask[30:32, 30:32] = True, True
    perfect = mask.astype(float)
    assert aupro([perfect], [mask]) == pytest.approx(1.0)
    one = perfect.copy()
    one[30:32, 30:32] = -1.0  # the small region is missed at every false-positive rate up to 0.3
    assert aupro([one], [mask]) == pytest.approx(0.5, abs=0.01)
    assert pixel_auroc([one], [mask]) > 0.98
