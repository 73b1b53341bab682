from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from colonnade.core.model import build
from colonnade.core.types import Text, Volume
from colonnade.verticals.medical.detection import train
from colonnade.verticals.medical.detection.detect import CROP, Candidate
from colonnade.verticals.medical.detection.judge import judge, judge_config
from colonnade.verticals.medical.detection.train import Example, guarded, hardened, start_of
from colonnade.verticals.medical.simulation.patches import background_of, draw_patch
from colonnade.verticals.medical.simulation.shapes import RATINGS, STEP, Shape


def ball(radius: float) -> Shape:
    line = (np.arange(25) - 12) * STEP
    away = np.sqrt(line[:, None, None] ** 2 + line[:, None] ** 2 + line**2)
    ratings = dict.fromkeys(RATINGS, 5.0) | {"spiculation": 1.0, "calcification": 6.0}
    return Shape(patient="A", number=0, distance=(radius - away).astype(np.float32), ratings=ratings)


def examples(count: int) -> list[Example]:
    generator = np.random.default_rng(0)
    nodule = np.arange(count) % 6 == 0
    logits = np.where(nodule, 2.0, -1.0) + generator.normal(0, 1.0, count)
    crops = generator.normal(-800, 100, (count, CROP, CROP, CROP)).astype(np.float16)
    return [
        Example(crop=crop, logit=float(logit), nodule=bool(hit), patient=True, indication="Lung nodule.")
        for crop, logit, hit in zip(crops, logits, nodule, strict=True)
    ]


def test_a_judge_that_learnt_nothing_leaves_the_ranking_to_the_detector() -> None:
    known = examples(72)
    start = start_of(known)
    assert start.slope > 0
    model = build(judge_config(), seed=3)
    for expert in model.experts.values():  # answers of great confidence about nothing
        for parameter in expert.parameters():
            parameter.data.mul_(3)
    guarded(model, known, start)
    low, mask = np.zeros(3, int), np.ones((1, 1, 1), bool)
    candidates = [
        Candidate(centre=np.zeros(3), low=low, mask=mask, logit=each.logit, crop=each.crop.astype(np.float32))
        for each in known
    ]
    line = start.slope * np.array([each.logit for each in known]) + start.offset
    for text in (None, Text(text="Lung nodule.")):
        found = judge(model, candidates, text, start)
        np.testing.assert_allclose(found.logits, line, atol=1e-4)
        np.testing.assert_allclose(found.gates.sum(axis=1), 1, atol=1e-5)
        assert (found.gates[:, 1] == 0).all() == (text is None)


def test_hard_places_are_where_the_detector_sees_what_is_not_there(
    bare: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    background = background_of(bare)
    assert background is not None
    spots = [tuple(int(each) for each in np.argwhere(background.room)[row]) for row in (500, 9000)]
    truth = np.zeros_like(background.room)
    truth[spots[0]] = True
    background = replace(background, truth=truth)

    def seeing(detector: object, values: np.ndarray, region: np.ndarray) -> np.ndarray:
        heat = np.zeros(values.shape, np.float32)
        for spot in spots:
            heat[spot] = 0.9
        return heat

    monkeypatch.setattr(train, "slide", seeing)
    (found,) = hardened(None, [background])  # type: ignore[arg-type]
    assert found.hard is not None
    np.testing.assert_array_equal(found.hard, [spots[1]])
    drawn = [draw_patch([found], [ball(5.0)], np.random.default_rng(seed)) for seed in range(6)]
    assert any(patch.placed for patch in drawn)
