"""The machine's frequencies in a recording."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from colonnade.core.types import Waveform
from colonnade.verticals.industrial.records import Sound
from colonnade.verticals.industrial.sound.lines import Line, Machine
from colonnade.verticals.industrial.station.hearing import heard

SHAFT = 25.0


@pytest.fixture
def struck() -> Sound:
    """A bearing whose outer race is struck: impacts at BPFO that ring at 6 kHz, in noise of low frequency."""
    rate, draw = 16_000, np.random.default_rng(0)
    samples = np.convolve(draw.normal(size=2 * rate), np.full(6, 0.1), mode="same")
    ring = np.exp(-np.arange(400) / 100) * np.sin(2 * np.pi * 6_000 * np.arange(400) / rate)
    for at in np.arange(0, 1.95, 1 / (Machine().orders()["BPFO"] * SHAFT)):
        begin = int(at * rate)
        samples[begin : begin + 400] += 0.3 * ring
    return Sound(wave=Waveform(samples=samples.astype(np.float32), rate=rate))


def expert() -> Any:
    return SimpleNamespace(machine=Machine(shaft=SHAFT), shaft=SHAFT)


def test_the_envelope_stands_up_where_the_race_is_marked(struck: Sound):
    order = Machine().orders()["BPFO"]
    told = heard(struck, expert(), (Line(name="BPFO", order=order, hertz=order * SHAFT, spreads=8.0),))
    marks = {each["name"]: each for each in told["marks"]}
    assert set(marks) == {"FTF", "1x", "BPFO", "2xBSF", "BPFI", "mesh 1x"}
    assert marks["BPFO"]["hertz"] == pytest.approx(order * SHAFT)
    assert marks["BPFO"]["spreads"] == 8.0
    assert marks["BPFI"]["spreads"] is None
    hertz, height = (np.array(told["envelope"][name]) for name in ("hertz", "height"))
    near = np.abs(hertz[:, None] - order * SHAFT * np.arange(1, 4)).min(axis=1) < 1.5
    assert height[near].max() > height[~near].max() + 1


def test_nothing_is_marked_where_no_machine_is_known(struck: Sound):
    told = heard(struck, None, ())
    assert told["marks"] == []
    assert told["shaft_hz"] is None
    assert len(told["envelope"]["hertz"]) == len(told["envelope"]["height"]) > 100
