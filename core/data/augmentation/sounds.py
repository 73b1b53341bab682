"""SpecAugment: bands of frequency and stretches of time set to the mean. Source: Park et al., SpecAugment, 2019."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ...errors import ConfigError
from ...types import Array


def spec_augment(
    spectrogram: Float[Array, "time bin"], generator: np.random.Generator, *, bands: int = 2, stretches: int = 2,
    share: float = 0.15,
) -> Float[Array, "time bin"]:  # fmt: skip
    """So many bands and stretches, each up to this share of its axis, at the spectrogram's mean; the rest untouched."""
    if not 0 <= share < 1 or min(bands, stretches) < 0:
        raise ConfigError(f"a share from 0 to 1 of bands and stretches is hidden, got {share}, {bands}, {stretches}")
    found = spectrogram.copy()
    mean = spectrogram.mean()
    for axis, count in ((1, bands), (0, stretches)):
        size = found.shape[axis]
        for _ in range(count):
            wide = int(generator.integers(0, int(share * size) + 1))
            start = int(generator.integers(0, size - wide + 1))
            part = [slice(None), slice(None)]
            part[axis] = slice(start, start + wide)
            found[tuple(part)] = mean
    return found
