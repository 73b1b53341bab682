"""One real chest stands for other patients: turned, stretched, bent, sharper or softer, more or less contrast medium.

A background that a detector has seen often is one it knows by heart; drawn anew it has to be read. It knows nothing of
nodules: a background has none, so no labels are warped.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ....core.random import numpy_generator
from ....core.types import Array, Volume

TURN = 12.0  # degrees about each axis, SD
STRETCH = 0.12  # of each axis, SD of its logarithm
BEND = 2.5  # mm, SD of a smooth displacement
KNOT = 28.0  # mm between the points where the displacement is drawn
BLOOD = 60.0  # HU above which contrast medium is added or taken away


def warped(volume: Volume, seed: int) -> Volume:
    """Another patient from a canonical volume, on its grid: the same for the same seed.

    Where the warp reaches beyond the picture, the picture is mirrored.
    """
    generator = numpy_generator(seed, "warp")
    voxels = ndimage.map_coordinates(volume.voxels, _sources(volume, generator), order=1, mode="mirror")
    return Volume(voxels=_rendered(voxels, volume.spacing, generator), affine=volume.affine)


def _sources(volume: Volume, generator: np.random.Generator) -> Array:
    """For every voxel, where in the volume its value comes from: `[3, i, j, k]` indices."""
    shape, spacing = volume.voxels.shape, np.array(volume.spacing)
    turn = _turn(np.deg2rad(generator.normal(0, TURN, 3)))
    matrix = turn @ np.diag(np.exp(generator.normal(0, STRETCH, 3)))
    middle = (np.array(shape) - 1) / 2
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij"))
    offset = (grid - middle.reshape(3, 1, 1, 1).astype(np.float32)) * spacing.reshape(3, 1, 1, 1).astype(np.float32)
    moved = np.einsum("ab,bijk->aijk", matrix.astype(np.float32), offset)
    knots = np.maximum(np.ceil(np.array(shape) * spacing / KNOT).astype(int), 2) + 1
    for axis in range(3):
        coarse = generator.normal(0, BEND, knots)
        moved[axis] += ndimage.zoom(coarse, np.array(shape) / knots, order=3, mode="nearest", grid_mode=True)
    return np.array(moved / spacing.reshape(3, 1, 1, 1) + middle.reshape(3, 1, 1, 1))


def _turn(angles: Array) -> Array:
    """Rotation about the three axes, one after the other."""
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        one, other = (each for each in range(3) if each != axis)
        step = np.eye(3)
        step[[one, one, other, other], [one, other, one, other]] = (
            np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle),
        )  # fmt: skip
        matrix = matrix @ step
    return matrix


def _rendered(voxels: Array, spacing: tuple[float, float, float], generator: np.random.Generator) -> Array:
    """Another kernel, another phase of contrast medium, another depth of breath."""
    sharpness = generator.uniform(-0.3, 1.2)
    soft = ndimage.gaussian_filter(voxels, 1.2 / np.array(spacing))
    values = voxels + sharpness * (voxels - soft)
    values = np.where(values > BLOOD, BLOOD + (values - BLOOD) * generator.uniform(0.1, 1.3), values)
    breath = generator.normal(0, 25) * np.clip((-600 - soft) / 200, 0, 1)
    return np.clip(values + breath, -1024, 3000).astype(np.float32)
