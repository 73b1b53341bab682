"""A photograph as the detector sees it: its exposure evened out, its longer side bounded, its sides whole strides.

Exposure is evened by the photograph's own median (of what is lit: a dark ground does not count), so that a lamp or a
shutter that changed is no defect. It knows nothing of networks.
"""

from __future__ import annotations

import numpy as np

from ....core.types import Array
from ..records import Photo

SIDE = 448  # pixels: a longer photograph is scaled down to it
MIDDLE = 0.4  # where the median is brought
LIT = 0.25  # of the brightest hundredth: what is darker counts as ground
SAMPLED = 128  # rows and columns are enough to tell an exposure
DARKEST = 0.03  # medians under this are not raised further: that would only show noise


def prepared(photo: Photo, channels: int = 1, side: int = SIDE) -> Array:
    """`[height, width, channel]` float32 in 0..1, with one channel or three."""
    pixels = np.asarray(photo.pixels, np.float32)
    if channels == 1:
        pixels = pixels.mean(axis=2, keepdims=True)
    elif pixels.shape[2] < channels:
        pixels = np.repeat(pixels[:, :, :1], channels, axis=2)
    pixels = pixels[:, :, :channels]
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(height, width))
    if scale < 1:
        pixels = fitted(pixels, max(round(height * scale), 8), max(round(width * scale), 8))
    return np.clip(pixels * (MIDDLE / max(exposure(pixels), DARKEST)), 0, 1)


def exposure(pixels: Array) -> float:
    """The median of what is lit, from at most every few pixels."""
    step = max(1, max(pixels.shape[:2]) // SAMPLED)
    few = pixels[::step, ::step]
    return float(np.median(few[few >= LIT * np.quantile(few, 0.99)]))


def fitted(pixels: Array, height: int, width: int) -> Array:
    """Scaled to a size, smoothed where it shrinks."""
    from PIL import Image as Pillow

    planes = [
        np.asarray(Pillow.fromarray(plane).resize((width, height), Pillow.Resampling.BILINEAR))
        for plane in np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
    ]
    return np.stack(planes, axis=2)


def canvas(pixels: Array, height: int, width: int) -> Array:
    """Padded below and to the right with its own last row and column, up to a size."""
    low, right = max(0, height - pixels.shape[0]), max(0, width - pixels.shape[1])
    return np.pad(pixels, ((0, low), (0, right), (0, 0)), mode="edge") if low or right else pixels
