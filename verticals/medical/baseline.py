"""The simple detector that every number stands beside: blobs in the lungs by the Laplacian of Gaussian, scored by
contrast.

No learning (Lindeberg 1998): the response at the scale where it is largest, bright on dark. It shares lungs, grid
and report
of candidates with the network, so that only the score differs.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ...core.types import Array, Volume
from .detect import region_on
from .detector import STEP
from .geometry import regrid
from .lungs import find_lungs
from .patches import room_of

SIGMAS = (1.5, 2.2, 3.2, 4.6, 6.6)  # mm; a ball answers most at radius / sqrt(3)
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
    best = np.zeros(inside.shape, np.float32)
    for sigma in SIGMAS:
        np.maximum(best, -(sigma**2) * ndimage.gaussian_laplace(inside, sigma / STEP) / STEP**2, out=best)
    best = np.where(room, best, 0)
    peak = (best == ndimage.maximum_filter(best, 5)) & (best > 0)
    where = np.argwhere(peak)
    scores = best[peak]
    order = np.argsort(-scores)[:MOST]
    return grid.to_source(where[order]), scores[order]
