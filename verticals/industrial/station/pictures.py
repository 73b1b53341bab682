"""Pictures for the page as PNG bytes: the photograph, what is strange on it as a haze, the spectrogram."""

from __future__ import annotations

import io
from functools import cache

import numpy as np

from ....core.types import Array
from ..records import Photo, Sound
from ..sound.sounds import RATE

WIDEST = 1400  # pixels of a side
WINDOW, HOP, FILLED = 2_048, 256, 8_192  # samples: of a frame, between two, and with zeros behind
LOWEST, HIGHEST, ROWS = 5.0, 8_000.0, 320  # Hz of the spectrogram, logarithmic, and its rows
MOST_COLUMNS = 900
DYNAMIC = 58.0  # decibels from the darkest to the brightest


def photograph(photo: Photo) -> bytes:
    """As it came, at most WIDEST wide."""
    pixels = np.round(np.clip(photo.pixels, 0, 1) * 255).astype(np.uint8)
    return _png(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels[:, :, :3])


def haze(anomaly: Array, limit: float) -> bytes:
    """Transparent up to what good units reach (`limit`), then from yellow to dark red at the strangest place."""
    finite = np.isfinite(limit)
    top = max(float(anomaly.max()), limit + 1e-9 if finite else -np.inf)
    low = limit if finite else float(np.quantile(anomaly, 0.9))
    share = np.clip((anomaly - low) / max(top - low, 1e-9), 0, 1)
    shades = _ramp()[np.round(share * 255).astype(int)]
    return _png(np.dstack([shades, np.round(255 * share**0.4).astype(np.uint8)]))


def spectrogram(sound: Sound) -> bytes:
    """Power in decibels, time to the right and frequency upwards on a logarithmic axis from LOWEST to HIGHEST."""
    samples = sound.wave.samples.astype(np.float64)
    samples = np.pad(samples, WINDOW // 2)
    hop = max(HOP, -(-len(samples) // MOST_COLUMNS))
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), n=FILLED, axis=1)) ** 2
    rates = np.fft.rfftfreq(FILLED, 1 / RATE)
    wanted = np.geomspace(HIGHEST, LOWEST, ROWS)
    level = 10 * np.log10(power + 1e-10)
    rows = np.stack([np.interp(wanted, rates, each) for each in level], axis=1)
    top = float(np.quantile(rows, 0.999))
    share = np.clip((rows - top + DYNAMIC) / DYNAMIC, 0, 1)
    return _png(_dusk()[np.round(share * 255).astype(int)])


@cache
def _ramp() -> Array:
    return _between(((255, 225, 90), (244, 120, 30), (190, 20, 40)))


@cache
def _dusk() -> Array:
    return _between(((8, 12, 28), (44, 38, 98), (146, 48, 112), (232, 110, 70), (253, 231, 160)))


def _between(colours: tuple[tuple[int, int, int], ...]) -> Array:
    """256 shades along the colours."""
    at = np.linspace(0, len(colours) - 1, 256)
    table = np.array(colours, float)
    found = np.stack([np.interp(at, np.arange(len(colours)), table[:, channel]) for channel in range(3)], axis=1)
    return found.round().astype(np.uint8)


def _png(pixels: Array) -> bytes:
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((WIDEST, WIDEST))
    into = io.BytesIO()
    picture.save(into, "PNG")
    return into.getvalue()
