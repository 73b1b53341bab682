"""The sound of the assembly that a unit runs in: motor hum, gear mesh, a 6205 bearing, and the noise of a hall.

Fault rates from the bearing's geometry (n = 9 balls, 7.94 mm on a pitch of 39.04 mm): outer race 3.585, inner race
5.415 times the shaft rate. Impacts slip by one per cent, so they are cyclostationary and not periodic (Antoni 2006).
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from ....core.types import Array

RATE, SECONDS = 16_000, 2.0
SHAFT = 24.2  # turns a second
OUTER, INNER = 3.585, 5.415


def run(fault: str | None, severity: float, generator: np.random.Generator, *, snr: float = 0.0) -> Array:
    """Samples `[RATE * SECONDS]`, float32: one run, with noise `snr` decibels below the machine."""
    count = int(RATE * SECONDS)
    time = np.arange(count) / RATE
    shaft = SHAFT * (1 + 0.004 * generator.normal())
    turn = 2 * np.pi * shaft * time + generator.uniform(0, 2 * np.pi)
    load = 1 + 0.08 * generator.normal()
    sound = 0.30 * np.sin(2 * np.pi * 100 * time + generator.uniform(0, 6.3)) + 0.1 * np.sin(2 * np.pi * 200 * time)
    for order, level in enumerate((0.5, 0.28, 0.15, 0.08), start=1):
        mesh = np.sin(18 * order * turn + generator.uniform(0, 6.3))
        sound += load * level * 0.6 * mesh * (1 + 0.1 * np.sin(turn))
    sound += 0.15 * np.sin(turn)
    clean = np.sqrt((sound**2).mean())
    if fault is not None:
        sound = sound + _fault(fault, severity, turn=turn, shaft=shaft, generator=generator)
    return (_heard(sound, clean, snr, generator)).astype(np.float32)


def fault_signal(fault: str, severity: float, seconds: float, generator: np.random.Generator) -> Array:
    """What a fault alone adds to a run of so many seconds, at a shaft rate drawn between 15 and 35 turns a second."""
    shaft = float(generator.uniform(15, 35))
    turn = 2 * np.pi * shaft * np.arange(int(seconds * RATE)) / RATE + generator.uniform(0, 2 * np.pi)
    return _fault(fault, severity, turn=turn, shaft=shaft, generator=generator)


def _fault(fault: str, severity: float, *, turn: Array, shaft: float, generator: np.random.Generator) -> Array:
    """What the fault adds; `turn` is the shaft's angle over time."""
    strength = 0.1 + 0.9 * severity
    time = np.arange(len(turn)) / RATE
    if fault == "imbalance":
        return 0.55 * strength * np.sin(turn + 0.4)
    if fault == "misalignment":
        return strength * (0.40 * np.sin(2 * turn + 0.9) + 0.25 * np.sin(3 * turn + 0.2))
    if fault == "looseness":
        return strength * (0.45 * np.sin(0.5 * turn + 0.3) + 0.25 * np.sin(1.5 * turn) + 0.15 * np.sin(2.5 * turn))
    if fault == "lubrication":
        hiss = generator.normal(size=len(time))
        b, a = _band(3000, 7000)
        return 0.35 * strength * lfilter(b, a, hiss)
    rate = {"outer_race": OUTER * shaft, "inner_race": INNER * shaft, "tooth": shaft}[fault]
    gaps = 1 / rate * (1 + 0.01 * generator.normal(size=int(time[-1] * rate * 1.1) + 8))
    hits = np.cumsum(gaps) - generator.uniform(0, 1 / rate)
    hits = hits[(hits > 0) & (hits < time[-1])]
    train = np.zeros(len(time))
    train[(hits * RATE).astype(int)] = 1 + 0.15 * generator.normal(size=len(hits))
    if fault == "inner_race":
        train *= 0.55 + 0.45 * np.cos(turn)  # it passes through the load zone once a turn
    resonance, damping = {"tooth": (2600.0, 0.05)}.get(fault, (4200.0, 0.05))
    ring = np.exp(-damping * 2 * np.pi * resonance * time[:800]) * np.sin(2 * np.pi * resonance * time[:800])
    return 2.4 * strength * np.convolve(train, ring)[: len(time)]


def _heard(sound: Array, clean: float, snr: float, generator: np.random.Generator) -> Array:
    """Noise of the hall (half pink), clanks now and then, and the gain of the microphone."""
    white = generator.normal(size=len(sound))
    pink = lfilter([0.05], [1, -0.95], generator.normal(size=len(sound)))
    noise = white + pink / pink.std()
    for at in generator.integers(len(sound), size=generator.poisson(0.6)):
        length = min(1500, len(sound) - at)
        decay = np.exp(-np.arange(length) / 250)
        noise[at : at + length] += 4 * generator.uniform(0.3, 1) * decay * generator.normal(size=length)
    noise *= clean * 10 ** (-snr / 20) / np.sqrt((noise**2).mean())
    return 0.08 * (1 + 0.05 * generator.normal()) * (sound + noise)


def _band(low: float, high: float) -> tuple[Array, Array]:
    from scipy.signal import butter

    b, a = butter(2, [low / (RATE / 2), high / (RATE / 2)], "bandpass")
    return b, a
