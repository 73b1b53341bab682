"""Defects painted into good photographs, with their masks, so that a detector can be taught where no defect exists.

Spots, lines, foreign patches, steps of level or of texture, and bites: what surfaces suffer, drawn without looking at
any defect (after DRAEM, Zavrtanik et al. 2021, and NSA, Schlueter et al. 2022). Beside them what is no defect: smooth
shades, smudges, exposure, noise. Pictures are `[height, width, channel]` in 0..1. It knows nothing of networks.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from ....core.types import Array

KINDS = ("spot", "spot", "line", "line", "line", "patch", "step", "step", "step", "bite")  # as often as listed
MOST = 3  # defects in one picture
UNSEEN = 0.3  # of the strength of a mask: what is fainter is not called a defect


def planted(picture: Array, other: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """The picture with one to three defects, and where they are; `other` is a good picture of the same shape."""
    where = np.zeros(picture.shape[:2], bool)
    for _ in range(int(generator.integers(1, MOST + 1))):
        kind = KINDS[int(generator.integers(len(KINDS)))]
        picture, mask = _MAKERS[kind](picture, other, generator)
        picture = np.clip(picture, 0, 1).astype(np.float32)
        where |= mask > UNSEEN
    return picture, where


def harmless(picture: Array, generator: np.random.Generator) -> Array:
    """The same surface on another day: smudges, a smooth shade, exposure, gamma and noise."""
    shape = picture.shape[:2]
    gain = np.ones(shape, np.float32)
    for _ in range(int(generator.integers(0, 3))):
        gain *= 1 + generator.uniform(-0.15, 0.15) * np.exp(-2 * _ellipse(shape, generator, 8, 60))
    gain *= np.exp(generator.uniform(0, 0.25) * field(shape, generator.uniform(60, 200), generator))
    gain *= np.exp(0.15 * generator.normal())
    seen = np.clip(picture * gain[..., None].astype(np.float32), 0, 1) ** np.float32(np.exp(0.12 * generator.normal()))
    noise = generator.standard_normal(picture.shape, np.float32) * np.float32(generator.uniform(0, 0.015))
    return np.asarray(np.clip(seen + noise, 0, 1), np.float32)


def field(shape: tuple[int, ...], cell: float, generator: np.random.Generator) -> Array:
    """Smooth noise of no mean and unit deviation whose hills are about `cell` pixels wide."""
    from PIL import Image as Pillow

    height, width = shape
    rows, columns = height / cell, width / cell
    small = generator.normal(size=(int(rows) + 4, int(columns) + 4)).astype(np.float32)
    left, top = 1 + generator.random(), 1 + generator.random()
    values = np.asarray(
        Pillow.fromarray(small).resize(
            (width, height), Pillow.Resampling.BICUBIC, box=(left, top, left + columns, top + rows)
        )
    )
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-6), np.float32)


def _spot(picture: Array, _: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    mask = gaussian_filter(_blob(picture.shape[:2], generator, 1.5, 40), generator.uniform(0.4, 1.2))
    gain = generator.uniform(0.2, 0.75) if generator.random() < 0.8 else generator.uniform(1.3, 2.0)
    base = _low(picture, 3.0) if generator.random() < 0.5 else picture
    return _laid(picture, base * gain * _tint(picture, generator), mask), mask


def _line(picture: Array, _: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    mask = _stroke(picture.shape[:2], generator)
    gain = generator.uniform(0.25, 0.75) if generator.random() < 0.85 else generator.uniform(1.35, 1.9)
    return _laid(picture, picture * gain, mask), mask


def _patch(picture: Array, other: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """A piece of another good picture, mostly turned, brought to the level of its new place."""
    mask = gaussian_filter(_blob(picture.shape[:2], generator, 4, 50), generator.uniform(0.5, 1.5))
    turned = np.rot90(other, int(generator.integers(1, 4))) if generator.random() < 0.7 else other
    if turned.shape != picture.shape:
        turned = np.resize(turned, picture.shape)
    level = _low(picture, 8.0) / np.maximum(_low(turned, 8.0), 0.05)
    return _laid(picture, turned * level * generator.uniform(0.7, 1.25), mask), mask


def _step(picture: Array, _: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """A region with straight, slightly rough sides in which level and texture differ; half of them fade to one side."""
    height, width = picture.shape[:2]
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    inside = np.ones((height, width), bool)
    for _side in range(int(generator.integers(1, 5))):
        angle = np.pi / 2 * generator.integers(4) + 0.08 * generator.normal()
        row, column = generator.uniform(0, height), generator.uniform(0, width)
        away = (columns - column) * float(np.cos(angle)) + (rows - row) * float(np.sin(angle))
        inside &= away + generator.uniform(0, 2) * field(inside.shape, 10, generator) > 0
    if inside.mean() > 0.6:
        inside = ~inside
    mask = gaussian_filter(inside.astype(np.float32), generator.uniform(0.5, 1.5))
    if generator.random() < 0.5:
        mask = mask * _fading(mask, generator)
    low = _low(picture, generator.uniform(2, 6))
    rough = generator.uniform(1.5, 3.0) if generator.random() < 0.7 else generator.uniform(0.1, 0.5)
    level = 1 + (1 if generator.random() < 0.5 else -1) * generator.uniform(0.06, 0.4)
    return _laid(picture, low * level + (picture - low) * rough, mask), mask


def _bite(picture: Array, _: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """Material that is gone: nearly black, or the rough dim ground under the surface."""
    shape = picture.shape[:2]
    mask = gaussian_filter(_blob(shape, generator, 10, 70), 0.7)
    rough = field(shape, generator.uniform(2, 8), generator)[..., None]
    if generator.random() < 0.5:
        ground = generator.uniform(0.05, 0.2) + 0.03 * rough + 0.5 * (picture - _low(picture, 4.0))
    else:
        ground = _low(picture, 5.0) * generator.uniform(0.3, 0.7) * (1 + 0.15 * rough)
    return _laid(picture, ground, mask), mask


_MAKERS = {"spot": _spot, "line": _line, "patch": _patch, "step": _step, "bite": _bite}


def _blob(shape: tuple[int, ...], generator: np.random.Generator, smallest: float, largest: float) -> Array:
    """A rough ellipse, 0 or 1, of a radius even on the logarithmic scale, anywhere in the picture."""
    away = _ellipse(shape, generator, smallest, largest)
    ragged = np.exp(generator.uniform(np.log(1.5), np.log(20)))
    edge = 1 - np.sqrt(away) + generator.uniform(0, 0.5) * field(shape, ragged, generator)
    return ((edge > 0) & (away < 4)).astype(np.float32)


def _ellipse(shape: tuple[int, ...], generator: np.random.Generator, smallest: float, largest: float) -> Array:
    """Squared distance from a place at random, 1 at the rim of an ellipse."""
    height, width = shape
    radius = np.exp(generator.uniform(np.log(smallest), np.log(largest)))
    long = np.exp(generator.uniform(-0.4, 0.4))
    angle = generator.uniform(0, np.pi)
    rows = (np.arange(height, dtype=np.float32) - np.float32(generator.uniform(0, height)))[:, None]
    columns = (np.arange(width, dtype=np.float32) - np.float32(generator.uniform(0, width)))[None]
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along = (columns * cosine + rows * sine) / np.float32(radius * long)
    across = (rows * cosine - columns * sine) / np.float32(radius / long)
    return np.asarray(along**2 + across**2)


def _stroke(shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    """A line one to five pixels wide that wanders, thins out at its ends and varies in strength, 0..1."""
    height, width = shape
    length = int(np.exp(generator.uniform(np.log(12), np.log(160))))
    course = generator.uniform(0, 2 * np.pi) + np.cumsum(
        0.5 * generator.uniform(0.02, 0.35) * generator.normal(size=length)
    )
    rows = generator.uniform(0, height) + np.cumsum(np.sin(course))
    columns = generator.uniform(0, width) + np.cumsum(np.cos(course))
    steps = np.arange(length)
    strength = np.interp(steps, np.linspace(0, length, 6), generator.uniform(0.4, 1, 6))
    strength = strength * np.minimum(1, np.minimum(steps + 1, length - steps) / 6)
    broad = generator.uniform(0.5, 2.2)
    mask = np.zeros(shape, np.float32)
    for row, column, weight in zip(rows, columns, strength, strict=True):
        top, left = int(row), int(column)
        near = (_around(top, height), _around(left, width))
        ys, xs = np.mgrid[near]
        dab = np.exp(-((ys - row) ** 2 + (xs - column) ** 2) / (2 * (broad * weight) ** 2)) * min(1.0, 0.4 + weight)
        mask[near] = np.maximum(mask[near], dab)
    return mask


def _around(at: int, length: int) -> slice:
    """Four pixels each way, within the picture (empty outside of it)."""
    return slice(min(max(0, at - 4), length), min(max(0, at + 5), length))


def _fading(mask: Array, generator: np.random.Generator) -> Array:
    """From 1 at one end of a region to 0 at the other, along a direction at random."""
    angle = np.pi / 2 * generator.integers(4) + 0.2 * generator.normal()
    along = np.add.outer(np.arange(mask.shape[0]) * np.sin(angle), np.arange(mask.shape[1]) * np.cos(angle))
    within = along[mask > 0.5] if (mask > 0.5).any() else along
    return np.asarray(np.clip((along - within.min()) / max(float(np.ptp(within)), 1.0), 0, 1), np.float32)


def _laid(picture: Array, new: Array, mask: Array) -> Array:
    return np.asarray(picture + mask[..., None] * (new - picture))


def _low(picture: Array, sigma: float) -> Array:
    return np.asarray(gaussian_filter(picture, (sigma, sigma, 0), truncate=2.5))


def _tint(picture: Array, generator: np.random.Generator) -> Array:
    """A small change of each channel's own, so that colour alone may tell a spot."""
    return np.asarray(1 + 0.05 * generator.normal(size=picture.shape[2]))
