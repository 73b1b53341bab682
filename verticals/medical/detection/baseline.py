"""The simple detector that every number stands beside: bright blobs in the lungs, told from vessels by their shape.

No learning. Peaks of the scale-normalised Laplacian of Gaussian (Lindeberg 1998), scored by the enhancement filter for
dots of Li, Sone and Doi (Med. Phys. 30, 2003): the smallest curvature squared over the largest, which a vessel or a
fissure has small. It shares lungs and grid with the network.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ....core.types import Array, Volume
from ..simulation.patches import room_of
from ..studies.geometry import regrid
from .detect import region_on
from .detector import STEP
from .lungs import find_lungs

SIGMAS = (1.5, 2.3, 3.6, 5.6)  # mm; a ball answers most at radius / sqrt(3)
MOST = 100


def blobs(volume: Volume) -> tuple[Array, Array]:
    """Centres in indices of the canonical volume `[blob, 3]` and their scores, the strongest first."""
    lungs = find_lungs(volume)
    if lungs is None:
        return np.zeros((0, 3)), np.zeros(0)
    margin = np.ceil(10 / np.array(volume.spacing)).astype(int)
    shape = np.array(volume.voxels.shape)
    grid = regrid(volume, STEP, low=np.maximum(lungs.low - margin, 0), high=np.minimum(lungs.high + margin, shape))
    room, _ = room_of(grid.values, region_on(lungs, grid))
    inside = np.where(ndimage.binary_dilation(room), np.clip(grid.values, -1000, 200), -850).astype(np.float32)
    best, dots = np.zeros(inside.shape, np.float32), np.zeros(inside.shape, np.float32)
    for sigma in SIGMAS:
        smooth = ndimage.gaussian_filter(inside, sigma / STEP)
        answer = -((sigma / STEP) ** 2) * ndimage.laplace(smooth)
        peak = room & (answer > best) & (answer == ndimage.maximum_filter(answer, 3))
        where = np.argwhere(peak)
        dots[peak] = (sigma / STEP) ** 2 * dot(smooth, where)
        np.maximum(best, answer, out=best, where=room)
    where = np.argwhere((dots > 0) & (dots == ndimage.maximum_filter(dots, 5)))
    scores = dots[tuple(where.T)]
    order = np.argsort(-scores)[:MOST]
    return grid.to_source(where[order]), scores[order]


def dot(smooth: Array, where: Array) -> Array:
    """How much the values around voxels `[voxel, 3]` look like a bright dot: |l3|^2 / |l1| of the Hessian, else 0."""
    where = np.clip(where, 1, np.array(smooth.shape) - 2)

    def at(*step: int) -> Array:
        return smooth[tuple((where + step).T)].astype(np.float64)

    hessian = np.empty((len(where), 3, 3))
    unit = np.eye(3, dtype=int)
    for i in range(3):
        hessian[:, i, i] = at(*unit[i]) - 2 * at(0, 0, 0) + at(*-unit[i])
        for j in range(i):
            one, other = unit[i] + unit[j], unit[i] - unit[j]
            hessian[:, i, j] = hessian[:, j, i] = (at(*one) + at(*-one) - at(*other) - at(*-other)) / 4
    curved = np.linalg.eigvalsh(hessian) if len(where) else np.zeros((0, 3))  # the most negative first
    return np.where(curved[:, 2] < 0, curved[:, 2] ** 2 / np.maximum(-curved[:, 0], 1e-6), 0.0)
