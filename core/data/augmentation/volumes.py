"""Volumes bent, shifted in Hounsfield units and noised, with their labels bent alike. Millimetres and HU throughout.

Source: Simard et al., Best practices for convolutional neural networks, 2003 (elastic deformation).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from ...errors import ConfigError
from ...types import Array


class Bent(NamedTuple):
    """Voxels, and labels at the same places."""

    voxels: Float[Array, "i j k"]
    labels: Array | None


def jittered(
    voxels: Float[Array, "i j k"], generator: np.random.Generator, *, noise: float = 15.0, gain: float = 0.03
) -> Float[Array, "i j k"]:
    """Noise of so many HU and a contrast that differs by up to this share around soft tissue's zero."""
    _refuse(noise=noise, gain=gain)
    scale = 1 + generator.uniform(-gain, gain)
    return (voxels * scale + noise * generator.normal(size=voxels.shape)).astype(voxels.dtype)


def hu_shift(
    voxels: Float[Array, "i j k"], generator: np.random.Generator, *, most: float = 25.0
) -> Float[Array, "i j k"]:
    """All voxels moved by one number of HU: another scanner's calibration, or contrast in the blood."""
    _refuse(most=most)
    return (voxels + generator.uniform(-most, most)).astype(voxels.dtype)


def elastic(
    voxels: Float[Array, "i j k"],
    generator: np.random.Generator,
    *,
    spacing: tuple[float, float, float],
    most_mm: float = 3.0,
    grain_mm: float = 20.0,
    labels: Array | None = None,
) -> Bent:
    """A smooth field of displacements of at most `most_mm`, whose hills are `grain_mm` wide; labels stay whole numbers.

    Raises:
        ConfigError: a displacement that would fold the volume (more than a third of the grain).
    """
    _refuse(most_mm=most_mm)
    if most_mm > grain_mm / 3:
        raise ConfigError(f"{most_mm} mm within {grain_mm} mm would fold the volume: at most a third of the grain")
    shape = voxels.shape
    places = np.meshgrid(*(np.arange(size, dtype=np.float64) for size in shape), indexing="ij")
    moved = []
    for axis in range(3):
        field = ndimage.gaussian_filter(generator.normal(size=shape), [grain_mm / 2 / each for each in spacing])
        moved.append(places[axis] + field / max(np.abs(field).max(), 1e-12) * most_mm / spacing[axis] / np.sqrt(3))
    bent = ndimage.map_coordinates(voxels, moved, order=1, mode="nearest").astype(voxels.dtype)
    if labels is None:
        return Bent(bent, None)
    return Bent(bent, ndimage.map_coordinates(labels, moved, order=0, mode="nearest"))


def _refuse(**amounts: float) -> None:
    for name, amount in amounts.items():
        if amount < 0:
            raise ConfigError(f"{name} is an amount of at least 0, got {amount}")
