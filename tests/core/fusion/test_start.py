"""Answers start from a plain rule: the largest of one column over whoever is present."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from colonnade.core.decoding.heads import ClassHead
from colonnade.core.encoders.series import SeriesConfig
from colonnade.core.encoders.table import TableConfig
from colonnade.core.errors import ConfigError
from colonnade.core.fusion.fusion import FusionConfig
from colonnade.core.fusion.start import LargestConfig
from colonnade.core.guard import Labelled, guard
from colonnade.core.model import Model, ModelConfig, build
from colonnade.core.random import numpy_generator
from colonnade.core.types import Table

SENSES = ("scan", "sound")


def model(seed: int = 0) -> Model:
    config = ModelConfig(
        encoders={name: TableConfig(width=8, numbers=("mean", "score"), depth=0, heads=2) for name in SENSES},
        heads={"label": ClassHead(classes=2)},
        fusion=FusionConfig(width=8, heads=2, latents=2, layers=1),
        starts={"label": LargestConfig(column="score")},
    )
    return build(config, seed=seed).eval()


def rows(*scores: tuple[float | None, float | None]) -> list[dict[str, Table]]:
    return [
        {
            name: Table(numbers={"mean": 0.3, "score": score})
            for name, score in zip(SENSES, each, strict=True)
            if score is not None
        }
        for each in scores
    ]


@torch.no_grad()
def odds(built: Model, records: list[dict[str, Table]]) -> torch.Tensor:
    answers = built(built.collate(records)).answers["label"]
    return answers[:, 1] - answers[:, 0]


def test_an_untrained_model_answers_with_the_largest_score_of_whoever_is_present() -> None:
    built = model()
    built.starts["label"].use(np.array([-2.0, 3.0, -1.0, 0.5, 1.0, 2.0]), np.array([0, 1, 0, 1, 0, 1], bool))
    slope, shift = float(built.starts["label"].slope), float(built.starts["label"].shift)
    found = odds(built, rows((1.0, 2.0), (5.0, 2.0), (None, -3.0), (1.0, None)))
    torch.testing.assert_close(found, slope * torch.tensor([2.0, 5.0, -3.0, 1.0]) + shift)
    assert slope > 0


def test_a_score_that_is_not_known_has_no_say() -> None:
    built = model()
    assert odds(built, rows((float("nan"), 2.0)))[0] == pytest.approx(2.0)
    assert odds(built, rows((float("nan"), None)))[0] == pytest.approx(0.0)


def test_a_score_that_points_the_wrong_way_leaves_the_share_of_the_classes() -> None:
    built = model()
    built.starts["label"].use(np.array([4.0, 3.0, 2.0, -3.0]), np.array([0, 0, 0, 1], bool))
    assert float(built.starts["label"].slope) == 0
    assert odds(built, rows((1.0, 9.0)))[0] == pytest.approx(np.log(1 / 3))


def test_the_guard_goes_back_to_the_start_where_what_was_learned_does_harm() -> None:
    built, generator = model(), numpy_generator(0, "start")
    scores = generator.normal(size=(64, 2)) * 2
    batch = built.collate(rows(*map(tuple, scores)))
    labels = torch.from_numpy(generator.random(64) < 1 / (1 + np.exp(-scores.max(axis=1)))).long()
    with torch.no_grad():  # experts that shout nonsense, and a residual that does
        for parameter in (*built.experts.parameters(), *built.residuals.parameters()):
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 3)
    start = built.starts["label"](batch.inputs, batch.presence)
    best = built.head("label").loss(start.log_softmax(dim=1), labels).value.mean()
    assert built.head("label").loss(built(batch).answers["label"], labels).value.mean() > best + 0.5
    chosen = guard(built, [Labelled(batch, {"label": labels})])
    after = built.head("label").loss(built(batch).answers["label"], labels).value.mean()
    assert after <= best + 1e-6
    assert len(chosen) == 3


def test_a_modality_without_that_column_is_refused() -> None:
    encoders = {"scan": TableConfig(width=8, numbers=("score",), heads=2), "load": SeriesConfig(width=8, channels=1)}
    config = ModelConfig(
        encoders=encoders, heads={"label": ClassHead(classes=2)}, starts={"label": LargestConfig(column="score")}
    )
    with pytest.raises(ConfigError, match="load has no such number"):
        build(config)


def test_the_guard_keeps_the_start_where_few_units_speak_for_a_change() -> None:
    def chosen_residual(groups: torch.Tensor | None) -> float:
        built, generator = model(), numpy_generator(0, "few")
        scores = np.repeat(generator.normal(size=(6, 2)) * 2, 12, axis=0)  # six units, each recombined twelve times
        batch = built.collate(rows(*map(tuple, scores)))
        drawn = generator.random(6) < 1 / (1 + np.exp(-scores[::12].max(axis=1)))
        labels = torch.from_numpy(np.repeat(drawn, 12)).long()
        with torch.no_grad():  # experts that lean by chance, a little to the side of these six
            for name, parameter in built.experts.named_parameters():
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name))))
        found = guard(built, [Labelled(batch, {"label": labels}, None, groups)])
        return max(max(each.choice.powers) + each.choice.residual for each in found)

    assert chosen_residual(None) > 0
    assert chosen_residual(torch.arange(6).repeat_interleave(12)) == 0
