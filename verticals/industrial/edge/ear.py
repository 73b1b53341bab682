"""What the edge network hears: levels by mel band and their unrest, and the machine's orders in tone and envelope.

The same physics as the sound expert's views at a tenth of the time: envelopes come from one transform of the whole
recording, cut into bands and taken back at a low rate. It knows nothing of what is good.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ....core.types import Array
from ..records import Sound
from ..sound.lines import BANDS, NEAR, Machine
from ..sound.sounds import RATE
from ..sound.spectrum import log_mel

COUNT = 32_768  # samples that are listened to, padded or cut: two seconds
HARMONICS = 3
FLOOR = 41  # bins: about twenty hertz whose mean is the floor of a line
SLOWEST, FASTEST = 0.97, 1.03  # of the usual shaft rate: where the shaft's is looked for
STEPS = 61


def heard(sound: Sound, machine: Machine, shaft: float) -> Array:
    """`[feature]` float32: mel levels and unrest, tones by order, impacts by band and order; logarithms of power.

    `shaft` is what good recordings turn at; the recording's own rate is looked for around it.
    """
    mel = log_mel(sound)
    samples = sound.wave.samples[:COUNT]
    wave = np.fft.rfft(samples * np.hanning(len(samples)), n=COUNT)
    power = np.abs(wave) ** 2
    rate = _shaft(power, machine, shaft)
    step = RATE / COUNT
    tones = _tones(power, machine, rate, step)
    impacts = [_impacts(wave, band, machine, rate) for band in BANDS]
    return np.concatenate([mel.mean(axis=0), mel.std(axis=0), tones, *impacts]).astype(np.float32)


def names(machine: Machine) -> tuple[str, ...]:
    """The features of `heard`, in order."""
    from ..sound.spectrum import BANDS as MEL

    mel = [f"{kind} {band}" for kind in ("level", "unrest") for band in range(MEL)]
    impacts = [f"{order} in {low:.0f} Hz" for low, _ in BANDS for order in machine.orders()]
    return (*mel, *machine.tones(), *impacts)


def _shaft(power: Array, machine: Machine, shaft: float) -> float:
    """The rate about the usual one whose multiples lie on the strongest bins."""
    height = np.log(power[: int(4_000 * COUNT / RATE)] + 1e-12)
    orders = np.array([1.0, 2.0] + [machine.teeth * k for k in (1, 2, 3, 4) if machine.teeth])
    grid = shaft * np.linspace(SLOWEST, FASTEST, STEPS)
    at = np.round(grid[:, None] * orders * COUNT / RATE).astype(int).clip(0, len(height) - 1)
    return float(grid[height[at].sum(axis=1).argmax()])


def _tones(power: Array, machine: Machine, shaft: float, step: float) -> Array:
    whole = np.log(power.mean() + 1e-12)
    return np.array([_peak(power, order * shaft, step) - whole for order in machine.tones().values()])


def _impacts(wave: Array, band: tuple[float, float], machine: Machine, shaft: float) -> Array:
    """How high each order stands in the envelope of a band, above the floor around it."""
    first, last = (round(edge * COUNT / RATE) for edge in band)
    length = 1 << (last - first - 1).bit_length()
    cut = np.zeros(length, complex)
    cut[: last - first] = wave[first:last]
    hull = np.abs(np.fft.ifft(cut))
    power = np.abs(np.fft.rfft(hull - hull.mean())) ** 2
    step = RATE / COUNT
    found = []
    for order in machine.orders().values():
        peaks = [_peak(power, k * order * shaft, step) - _floor(power, k * order * shaft, step) for k in _multiples()]
        found.append(float(np.mean(peaks)))
    return np.array(found)


@cache
def _multiples() -> tuple[int, ...]:
    return tuple(range(1, HARMONICS + 1))


def _peak(power: Array, rate: float, step: float) -> float:
    """The logarithm of the highest bin within the slip of an order."""
    away = max(NEAR * rate, step)
    low = min(max(round((rate - away) / step), 1), len(power) - 2)
    return float(np.log(power[low : max(low + 1, round((rate + away) / step) + 1)].max() + 1e-12))


def _floor(power: Array, rate: float, step: float) -> float:
    at = round(rate / step)
    around = power[max(at - FLOOR // 2, 1) : at + FLOOR // 2 + 1]
    return float(np.log(np.median(around) + 1e-12)) if len(around) else 0.0
