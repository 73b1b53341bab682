from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from colonnade.core.engine import Engine
from colonnade.core.errors import CheckpointError, MissingModality
from colonnade.core.random import numpy_generator
from colonnade.core.types import Array, Waveform
from colonnade.verticals.industrial.edge.ear import names
from colonnade.verticals.industrial.edge.inspector import EdgeInspector
from colonnade.verticals.industrial.simulate.machine import RATE, SHAFT, run
from colonnade.verticals.industrial.sound.lines import Machine


class Sure(Engine):
    """An engine that answers what it was told, and keeps what it was given."""

    name, precision = "sure", "int8"
    inputs, outputs = ("image", "sound", "presence"), ("score", "senses", "map")

    def __init__(self, score: float) -> None:
        self.score = score
        self.given: tuple[Array, ...] = ()

    def compute(self, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        self.given = arrays
        score = np.array([self.score], np.float32)
        return score, np.array([[1.0, -1.0]], np.float32), np.zeros((1, 1, 40, 40), np.float32)


def card() -> dict:
    by = {"platt": {"slope": 1.0, "offset": 0.0}, "limit": 2.0, "promised": 0.01, "held": 100}
    return {
        "calibration": {"image+sound": by, "image": by, "sound": {**by, "limit": 5.0}},
        "quality": {"level": 0.3, "bright": 0.9, "detail": 0.0},
        "machine": {},
        "shaft": SHAFT,
        "features": list(names(Machine())),
    }


def photo() -> Array:
    return numpy_generator(0, "photo").uniform(0.3, 0.6, (320, 320)).astype(np.float32)


def wave() -> Waveform:
    return Waveform(samples=run(None, 0.0, numpy_generator(0, "run")), rate=RATE)


@pytest.mark.parametrize(("score", "verdict"), [(2.5, "reject"), (1.5, "pass")])
def test_the_limit_of_the_senses_that_are_there_decides(score: float, verdict: str) -> None:
    found = EdgeInspector(Sure(score), card()).inspect(image=photo(), sound=wave())
    assert found.verdict == verdict
    assert found.limit == 2.0
    assert found.map is not None
    assert EdgeInspector(Sure(score), card()).inspect(sound=wave()).verdict == "pass"  # its limit is 5
    assert found.probability == pytest.approx(1 / (1 + np.exp(-score)))


def test_presence_says_which_senses_are_there() -> None:
    engine = Sure(0.0)
    found = EdgeInspector(engine, card()).inspect(sound=wave())
    assert engine.given[2].tolist() == [[False, True]]
    assert found.map is None
    assert set(found.senses) == {"sound"}


def test_a_black_photograph_is_no_pass() -> None:
    found = EdgeInspector(Sure(0.0), card()).inspect(image=np.zeros((320, 320), np.float32), sound=wave())
    assert found.verdict == "unmeasurable"
    assert "image" in found.refused
    assert EdgeInspector(Sure(9.0), card()).inspect(image=np.zeros((320, 320)), sound=wave()).verdict == "reject"
    silent = Waveform(samples=np.zeros(32_000, np.float32), rate=RATE)
    assert EdgeInspector(Sure(9.0), card()).inspect(sound=silent).verdict == "unmeasurable"


def test_nothing_given_is_a_sentence() -> None:
    with pytest.raises(MissingModality, match="a photograph, a recording or both"):
        EdgeInspector(Sure(0.0), card()).inspect()


def test_a_folder_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not hold an edge inspector"):
        EdgeInspector.open(tmp_path)
    (tmp_path / "edge.json").write_text(json.dumps(card()))
    with pytest.raises(CheckpointError, match="not an exported folder"):
        EdgeInspector.open(tmp_path)
