"""A small generated fleet whose two sensors drift towards failure, and one small model of it for the whole folder."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.progress import quiet
from colonnade.core.random import numpy_generator
from colonnade.core.types import Waveform
from colonnade.verticals.industrial.maintenance.envelope import RATE
from colonnade.verticals.industrial.maintenance.lessons import Schedule, learn
from colonnade.verticals.industrial.maintenance.life import LifeModel
from colonnade.verticals.industrial.maintenance.records import Bearing, History

TINY = Schedule(folds=3, trees=25, forests=1, members=1, epochs=1, every=6)


@pytest.fixture(autouse=True)
def _silent():
    quiet()
    yield
    quiet(False)


def machine(number: int, *, length: int | None = None) -> History:
    """Wear grows as a power of the share of life that has passed; a third sensor stands still, a fourth is noise."""
    generator = numpy_generator(number, "machine")
    length = length or int(generator.integers(90, 150))
    wear = np.linspace(0, 1, length) ** 2.5
    columns = [
        10 + 3 * wear + 0.15 * generator.normal(size=length),
        500 - 20 * wear + generator.normal(size=length),
        np.full(length, 7.0),
        generator.normal(size=length),
    ]
    return History(
        machine=str(number),
        cycles=np.arange(1.0, length + 1),
        values=np.column_stack(columns),
        sensors=("heat", "pressure", "fixed", "noise"),
        truth=0.0,
    )


@pytest.fixture(scope="session")
def fleet() -> list[History]:
    return [machine(number) for number in range(12)]


@pytest.fixture(scope="session")
def life(fleet) -> LifeModel:
    quiet()
    return learn(fleet, TINY)


def struck(part: str, *, rpm: float = 1750.0, seconds: float = 3.0, seed: int = 0, noise: float = 0.3) -> Waveform:
    """Impacts at a part's rate with one per cent of slip, each ringing at 3 kHz, in white noise."""
    generator = numpy_generator(seed, part)
    time = np.arange(int(seconds * RATE)) / RATE
    samples = noise * generator.normal(size=len(time))
    if part != "normal":
        rate = Bearing().orders[part] * rpm / 60
        gaps = (1 + 0.01 * generator.normal(size=int(seconds * rate) + 2)) / rate
        hits = np.cumsum(gaps)
        train = np.zeros(len(time))
        strength = 1 + 0.6 * np.cos(2 * np.pi * rpm / 60 * hits) if part == "inner race" else np.ones(len(hits))
        here = hits < time[-1]
        train[(hits[here] * RATE).astype(int)] = strength[here]
        ring = np.exp(-700 * time[:240]) * np.sin(2 * np.pi * 3000 * time[:240])
        samples += 3 * np.convolve(train, ring)[: len(time)]
    return Waveform(samples=samples.astype(np.float32), rate=RATE)
