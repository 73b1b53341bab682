"""Two views of a recording: the log-mel spectrum's level and unrest by band, and the spectrum of its envelope.

A bearing or tooth fault is a train of impacts: faint in the spectrum, plain in the envelope's (Randall, Antoni 2011).
It knows nothing of what is good.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from ....core.types import Array
from ..records import Sound
from .sounds import RATE

BANDS, WINDOW, HOP = 48, 2048, 1024
LOWEST, HIGHEST = 12.0, 8_000.0  # Hz: a shaft's own turning lies below the usual 50
ENVELOPE = (2_000.0, 7_000.0)  # Hz: where a struck bearing rings
BAND_EDGES = np.geomspace(250.0, 8_000.0, 16)  # Hz: thirds of an octave
SLOWEST, FASTEST, LINES = 8.0, 400.0, 96  # Hz of the envelope, and how many lines are kept


def views(sound: Sound) -> dict[str, Array]:
    """The features of each view by name."""
    mel = log_mel(sound)
    spectrum = np.concatenate([mel.mean(axis=0), mel.std(axis=0)])
    _, lines = envelope(sound)
    return {"spectrum": spectrum.astype(np.float32), "envelope": lines.astype(np.float32)}


def log_mel(sound: Sound) -> Array:
    """`[frame, band]`, natural logarithm of power."""
    frames = np.lib.stride_tricks.sliding_window_view(_padded(sound.wave.samples), WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    return np.log(power @ _filters() + 1e-8)


def bands(sound: Sound) -> Array:
    """`[band]`: logarithm of the power between BAND_EDGES; the median over time, so that a clank does not count."""
    width = WINDOW // 2
    frames = np.lib.stride_tricks.sliding_window_view(_padded(sound.wave.samples), width)[:: width // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(width), axis=1)) ** 2
    at = np.searchsorted(np.fft.rfftfreq(width, 1 / RATE), BAND_EDGES)
    parts = [power[:, low:high].mean(axis=1) for low, high in pairwise(at)]
    return np.log(np.median(np.stack(parts, axis=1), axis=0) + 1e-12)


def envelope(sound: Sound) -> tuple[Array, Array]:
    """Rates in Hz, and how far (in natural logarithms) the envelope's spectrum stands above its surroundings there."""
    from scipy.ndimage import median_filter
    from scipy.signal import butter, hilbert, sosfiltfilt

    samples = _padded(sound.wave.samples).astype(np.float64)
    band = butter(3, ENVELOPE, "bandpass", fs=RATE, output="sos")
    hull = np.abs(hilbert(sosfiltfilt(band, samples)))
    hull = hull - hull.mean()
    power = np.abs(np.fft.rfft(hull * np.hanning(len(hull)))) ** 2
    rates = np.fft.rfftfreq(len(hull), 1 / RATE)
    height = np.log(power + 1e-12)
    floor = median_filter(height, size=max(9, int(40 / (rates[1] - rates[0])) | 1))
    above = height - floor
    edges = np.geomspace(SLOWEST, FASTEST, LINES + 1)
    bins = np.searchsorted(edges, rates) - 1
    lines = np.zeros(LINES)
    inside = (bins >= 0) & (bins < LINES)
    np.maximum.at(lines, bins[inside], above[inside])
    return np.sqrt(edges[1:] * edges[:-1]), lines


def _padded(samples: Array) -> Array:
    """At least a quarter of a second, so that both views exist."""
    short = RATE // 4 - len(samples)
    return np.pad(samples, (0, short)) if short > 0 else samples


@cache
def _filters() -> Array:
    """Triangular filters `[bin, band]`, even on the mel scale (O'Shaughnessy 1987), at least two bins wide."""
    mel = np.linspace(2595 * np.log10(1 + LOWEST / 700), 2595 * np.log10(1 + HIGHEST / 700), BANDS + 2)
    rates = np.fft.rfftfreq(WINDOW, 1 / RATE)
    step = rates[1] - rates[0]
    corner = np.maximum(700 * (10 ** (mel / 2595) - 1), LOWEST + step * np.arange(BANDS + 2))
    rise = (rates[:, None] - corner[None, :-2]) / (corner[1:-1] - corner[:-2])
    fall = (corner[None, 2:] - rates[:, None]) / (corner[2:] - corner[1:-1])
    return np.clip(np.minimum(rise, fall), 0, None)
