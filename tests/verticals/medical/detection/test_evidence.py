from __future__ import annotations

import numpy as np
import pytest
import torch

from colonnade.core.model import build
from colonnade.core.trust.calibration import Platt
from colonnade.verticals.medical.detection.detect import CROP
from colonnade.verticals.medical.detection.evidence import MOST, PLAIN, evidence
from colonnade.verticals.medical.detection.judge import HEAD, batch_of, judge_config, offsets_of, stacked


def test_what_the_voxels_gave_adds_up_to_what_the_crop_changes() -> None:
    model = build(judge_config(), seed=3).eval()
    for each in model.residuals.parameters():
        torch.nn.init.normal_(each, std=0.3, generator=torch.Generator().manual_seed(0))
    crop = np.full((CROP, CROP, CROP), PLAIN, np.float32)
    crop[13:19, 13:19, 13:19] = 40.0
    (found,) = evidence(model, [crop], [1.0], None, Platt())
    np.testing.assert_array_equal(found[0], crop)
    assert np.abs(found[1][crop == PLAIN]).max() == 0.0

    def log_odds(each: np.ndarray) -> float:
        with torch.no_grad():
            answers = model(batch_of(model, stacked([each]), [None]), offsets_of([1.0], Platt())).answers[HEAD]
        return float(answers[0, 1] - answers[0, 0])

    change = log_odds(crop) - log_odds(np.full_like(crop, PLAIN))
    assert abs(change) > 1e-3
    assert found[1].sum() == pytest.approx(change, rel=0.25)


def test_no_candidate_has_no_evidence_and_many_are_not_all_looked_at() -> None:
    model = build(judge_config(), seed=0)
    assert evidence(model, [], [], None, Platt()) == []
    crops = [np.full((CROP, CROP, CROP), PLAIN, np.float32)] * (MOST + 3)
    assert len(evidence(model, crops, [0.0] * len(crops), None, Platt())) == MOST
