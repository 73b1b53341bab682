from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch

from colonnade.core.model import Model, build
from colonnade.core.trust.calibration import Platt
from colonnade.core.types import Array, Batch, Text
from colonnade.verticals.medical.detection.detect import CROP, Candidate, cut
from colonnade.verticals.medical.detection.detector import WINDOW, Detector, DetectorConfig
from colonnade.verticals.medical.detection.judge import HEAD, judge, judge_config, new_judge
from colonnade.verticals.medical.detection.lessons import BROAD, Example, Folds, guarded, loss_of, start_of, weighed
from colonnade.verticals.medical.detection.views import SIDES, middle, mirrored, turned
from colonnade.verticals.medical.simulation.indications import Indications


def examples(count: int) -> list[Example]:
    generator = np.random.default_rng(0)
    nodule = np.arange(count) % 6 == 0
    logits = np.where(nodule, 2.0, -1.0) + generator.normal(0, 1.0, count)
    crops = generator.normal(-800, 100, (count, BROAD, BROAD, BROAD)).astype(np.float16)
    return [
        Example(crop=crop, logit=float(logit), nodule=bool(hit), patient=True, indication="Lung nodule.")
        for crop, logit, hit in zip(crops, logits, nodule, strict=True)
    ]


class Saying(torch.nn.Module):
    """A judge that says what it is told to, one number a candidate."""

    def __init__(self, model: Model, said: Array) -> None:
        super().__init__()
        self.encoders, self.left = model.encoders, said
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def forward(self, batch: Batch) -> SimpleNamespace:
        said, self.left = np.split(self.left, [len(batch.presence)])
        after = torch.from_numpy(said)
        return SimpleNamespace(answers={HEAD: torch.stack([torch.zeros_like(after), after], dim=1)})


def test_a_judge_that_learnt_nothing_leaves_the_ranking_to_the_detector() -> None:
    known = examples(30)
    start = start_of(known)
    assert start.slope > 0
    model = build(judge_config(), seed=3)
    for expert in model.experts.values():  # answers of great confidence about nothing
        for parameter in expert.parameters():
            parameter.data.mul_(3)
    guarded(model, known, start)
    low, mask = np.zeros(3, int), np.ones((1, 1, 1), bool)
    candidates = [
        Candidate(centre=np.zeros(3), low=low, mask=mask, logit=each.logit, crop=cut(each.crop, np.full(3, BROAD // 2)))
        for each in known
    ]
    line = start.slope * np.array([each.logit for each in known]) + start.offset
    for text in (None, Text(text="Lung nodule.")):
        found = judge(model, candidates, text, start)
        np.testing.assert_allclose(found.logits, line, atol=1e-4)
        np.testing.assert_allclose(found.gates.sum(axis=1), 1, atol=1e-5)
        assert (found.gates[:, 1] == 0).all() == (text is None)


def test_candidates_that_the_detector_is_unsure_of_are_drawn_more_often() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 5, 300).clip(-6, 6)
    nodule = generator.random(300) < 1 / (1 + np.exp(-2 * logits))
    known = [
        Example(crop=np.full((BROAD,) * 3, 60 * logit, np.float16), logit=float(logit), nodule=bool(hit), patient=True)
        for logit, hit in zip(logits, nodule, strict=True)
    ]
    words = Indications(nodule=("Nodule.",), plain=("Cough.",), source="made up")
    batches = Folds(model=build(judge_config(), seed=0), examples=known, indications=words, batches=12)(0)
    low, high = WINDOW
    drawn = torch.cat([each.inputs["ct"].x.mean((1, 2, 3, 4)) for each, _ in batches])
    drawn = ((drawn + 1) / 2 * (high - low) + low) / 60
    assert (drawn.abs() < 2).float().mean() > 1.5 * (np.abs(logits) < 2).mean()
    assert any(each.presence[:, 1].any() for each, _ in batches)
    assert not all(each.presence[:, 1].all() for each, _ in batches)


def test_the_detector_counts_less_beside_a_judge_that_sees_the_same() -> None:
    generator = np.random.default_rng(1)
    seen = [each.logit for each in examples(300)]
    known = [replace(each, logit=each.logit + float(generator.normal(0, 0.7))) for each in examples(300)]
    model, alone = build(judge_config(), seed=3), start_of(known)
    blind = weighed(Saying(model, generator.normal(0, 1, 300)), known)  # type: ignore[arg-type]
    beside = weighed(Saying(model, np.array(seen) + generator.normal(0, 0.7, 300)), known)  # type: ignore[arg-type]
    assert abs(blind.slope - alone.slope) < 0.25 * alone.slope
    assert beside.slope < 0.75 * blind.slope
    assert loss_of(alone, known) < loss_of(Platt(slope=0.1, offset=0.0), known)


def test_a_turned_crop_keeps_its_middle_and_its_slices() -> None:
    x = torch.zeros(24, 1, BROAD, BROAD, BROAD)
    x[:, 0, BROAD // 2 - 3 : BROAD // 2 + 4, BROAD // 2 - 3 : BROAD // 2 + 4, BROAD // 2 - 3 : BROAD // 2 + 4] = 1.0
    seen = turned(x, CROP, np.random.default_rng(1))
    assert seen.shape == (24, 1, CROP, CROP, CROP)
    assert float(seen[:, 0, CROP // 2, CROP // 2, CROP // 2].min()) > 0.5
    slices = torch.arange(BROAD, dtype=torch.float32).expand(24, 1, BROAD, BROAD, BROAD)
    plane = turned(slices, CROP, np.random.default_rng(1))
    torch.testing.assert_close(plane[:, :, 4, 9], plane[:, :, 27, 14])  # what lies in one slice stays in one
    assert float(plane.diff(dim=-1).abs().mean()) > 0.8


def test_views_are_mirrors_of_the_same_crop() -> None:
    x = torch.randn(2, 1, 6, 6, 6)
    assert torch.equal(mirrored(x, SIDES[0]), x)
    for side in SIDES[1:]:
        assert not torch.equal(mirrored(x, side), x)
        assert torch.equal(mirrored(mirrored(x, side), side), x)
    assert torch.equal(middle(x, 2), x[..., 2:4, 2:4, 2:4])


def test_a_judge_begins_with_what_the_detector_has_learnt() -> None:
    torch.manual_seed(1)
    detector = Detector(DetectorConfig())
    encoder = new_judge(judge_config(), detector, seed=2).encoders["ct"]
    own, known = dict(encoder.named_parameters()), dict(detector.encoder.named_parameters())
    same = {name.split(".")[0] for name in own if name in known and torch.equal(own[name], known[name])}
    assert same >= {"stem", "down", "stages", "blocks"}
    assert not torch.equal(own["gather.weight"], known["gather.weight"])
