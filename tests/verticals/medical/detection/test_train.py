from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from colonnade.core.types import Volume
from colonnade.verticals.medical.detection import train
from colonnade.verticals.medical.detection.train import hardened
from colonnade.verticals.medical.simulation.patches import background_of, draw_patch
from colonnade.verticals.medical.simulation.shapes import RATINGS, STEP, Shape


def ball(radius: float) -> Shape:
    line = (np.arange(25) - 12) * STEP
    away = np.sqrt(line[:, None, None] ** 2 + line[:, None] ** 2 + line**2)
    ratings = dict.fromkeys(RATINGS, 5.0) | {"spiculation": 1.0, "calcification": 6.0}
    return Shape(patient="A", number=0, distance=(radius - away).astype(np.float32), ratings=ratings)


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
