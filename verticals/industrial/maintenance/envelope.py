"""How a bearing's ringing repeats: the spectrum of the envelope in several bands, and combs at the fault rates in it.

The recording is whitened first, so that neither a resonance nor the level of a machine decides: by the smoothed
spectrum, or by the whole cepstrum (Borghesani et al. 2013), which leaves phases alone. It knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from ....core.types import Array, Waveform

RATE = 12_000  # samples a second
SEGMENT = 2.5  # seconds whose spectra are averaged: short enough for a speed that wanders
HIGHEST = 700.0  # Hz of the envelope that is kept
BANDS = (
    (300, 1500), (900, 2100), (1500, 2700), (2100, 3300), (2700, 3900), (3300, 4500), (3900, 5100), (4500, 5800),
    (300, 5800),
)  # fmt: skip
SPAN, STEPS = 0.015, 31  # how far slip and a nominal speed may move a rate, and how finely that is searched
HARMONICS = 3
Treatment = Literal["smoothed", "cepstral"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines:
    """How far (natural logarithm) each band's envelope spectrum stands above its surroundings, at `rates` in Hz."""

    rates: Float[Array, " rate"]
    height: Float[Array, "band rate"]
    shaft: float  # turns a second

    def comb(self, order: float, *, harmonics: int = HARMONICS, span: float = SPAN) -> Float[Array, " band"]:
        """Mean height of an order's harmonics, at the one shift within `span` that suits them together best."""
        step = self.rates[1] - self.rates[0]
        shifts = 1 + np.linspace(-span, span, STEPS)
        places = shifts[:, None] * order * self.shaft * np.arange(1, harmonics + 1) / step
        low = np.clip(np.round(places).astype(int), 1, len(self.rates) - 2)
        found = np.maximum(np.maximum(self.height[:, low - 1], self.height[:, low]), self.height[:, low + 1])
        return np.asarray(found.mean(axis=2).max(axis=1))


def lines_of(wave: Waveform, shaft: float, treatment: Treatment) -> Lines:
    """The envelope spectra of a recording at 12 kHz on a shaft of so many turns a second."""
    from scipy.ndimage import median_filter

    samples = np.asarray(wave.samples, np.float64)
    size = min(int(SEGMENT * RATE), len(samples))
    count = max(1, round(2 * len(samples) / size) - 1)
    starts = np.linspace(0, len(samples) - size, count).astype(int)
    power = np.mean([_envelopes(samples[start : start + size], treatment) for start in starts], axis=0)
    step = RATE / size
    kept = power[:, : int(HIGHEST / step)]
    height = np.log(kept + 1e-12)
    around = max(9, round(shaft / step)) | 1
    height = height - median_filter(height, size=(1, around))
    return Lines(rates=np.arange(kept.shape[1]) * step, height=height, shaft=shaft)


def evidence(wave: Waveform, shaft: float, orders: Mapping[str, float]) -> dict[str, float]:
    """For each treatment and part of the bearing: the comb's height, mean of the two bands where it is highest."""
    found = {}
    for treatment in ("cepstral", "smoothed"):
        lines = lines_of(wave, shaft, treatment)
        for part in ("outer race", "inner race", "ball"):
            found[f"{part}, {treatment}"] = float(np.sort(lines.comb(orders[part]))[-2:].mean())
        found[f"cage, {treatment}"] = float(np.sort(lines.comb(orders["cage"]))[-2:].mean())
        found[f"shaft, {treatment}"] = float(np.sort(lines.comb(1.0, span=0.003))[-2:].mean())
    return found


def _envelopes(samples: Float[Array, " sample"], treatment: Treatment) -> Float[Array, "band rate"]:
    """Power of the envelope's spectrum by band, all at one step in Hz."""
    spectrum = _whitened(np.fft.rfft(samples - samples.mean()), treatment)
    step = RATE / len(samples)
    keep = int(HIGHEST / step) + 2
    found = np.empty((len(BANDS), keep))
    for index, (low, high) in enumerate(BANDS):
        part = spectrum[int(low / step) : int(high / step)]
        hull = np.abs(np.fft.ifft(part, 2 * len(part)))  # twice as many samples as the band has: room for the envelope
        hull = hull / (hull.mean() + 1e-12) - 1
        hull /= hull.std() + 1e-12
        found[index] = np.abs(np.fft.rfft(hull * np.hanning(len(hull))))[:keep] ** 2 / len(hull)
    return found


def _whitened(spectrum: Array, treatment: Treatment) -> Array:
    size = np.abs(spectrum)
    if treatment == "cepstral":
        return np.asarray(spectrum / (size + 1e-9 * size.max() + 1e-30))
    from scipy.ndimage import uniform_filter1d

    smooth = np.sqrt(uniform_filter1d(size**2, max(9, len(size) // 200), mode="nearest"))
    return np.asarray(spectrum / (smooth + 1e-30))
