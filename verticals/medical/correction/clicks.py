"""Clicks: what a reader says about one outline, and the simulated reader of training and benchmark.

It knows nothing of networks, findings or files; everything is NumPy on one box of voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ....core.types import Array

RADIUS = 2.0  # mm, how far a click is spread when it is shown to the network


@dataclass(frozen=True, kw_only=True, slots=True)
class Click:
    """A point that belongs to the nodule (`positive`) or does not. `at` is in voxels of whatever box it is used on."""

    at: tuple[float, float, float]
    positive: bool = True

    def moved(self, by: Array, ratio: Array | float = 1.0) -> Click:
        """The same point counted from `by`, in voxels that are `ratio` as large."""
        i, j, k = (np.asarray(self.at) - by) / ratio
        return Click(at=(float(i), float(j), float(k)), positive=self.positive)

    def voxel(self, shape: Sequence[int]) -> tuple[int, int, int]:
        """The nearest voxel of a box."""
        i, j, k = (int(np.clip(round(each), 0, n - 1)) for each, n in zip(self.at, shape, strict=True))
        return i, j, k


def spread(clicks: Sequence[Click], shape: Sequence[int], step: float) -> Array:
    """Clicks as a map `[i, j, k]`, 1 at each and falling off over `RADIUS` mm; voxels are `step` mm a side."""
    found = np.zeros(tuple(shape), np.float32)
    for click in clicks:
        lines = [
            np.exp(-(((np.arange(n) - at) * step / RADIUS) ** 2) / 2) for n, at in zip(shape, click.at, strict=True)
        ]
        np.maximum(found, lines[0][:, None, None] * lines[1][:, None] * lines[2], out=found)
    return found


def correcting(
    truth: Array, mask: Array, spacing: Sequence[float], *, aside: Array | None = None,
    generator: np.random.Generator | None = None, jitter: float = 0.0,
) -> Click | None:  # fmt: skip
    """The click of a simulated reader: the centre of the largest error region, or None where mask and truth agree.

    The centre is the voxel deepest in the region; `jitter` is the SD in mm by which the hand misses it. Errors on
    `aside` (other nodules) are not clicked at. Protocol of Xu et al. 2016 and RITM (Sofiiuk et al. 2022).
    """
    best: tuple[int, bool, Array] | None = None
    for positive, wrong in ((True, truth & ~mask), (False, mask & ~truth)):
        labels, count = ndimage.label(wrong if aside is None else wrong & ~aside)
        if not count:
            continue
        sizes = np.bincount(labels.ravel())[1:]
        if best is None or sizes.max() > best[0]:
            best = int(sizes.max()), positive, labels == 1 + int(sizes.argmax())
    if best is None:
        return None
    _, positive, region = best
    at = np.array(deepest(region, spacing), float)
    if generator is not None and jitter > 0:
        at = np.clip(at + generator.normal(0, jitter, 3) / np.asarray(spacing), 0, np.array(truth.shape) - 1)
    return Click(at=(float(at[0]), float(at[1]), float(at[2])), positive=positive)


def deepest(region: Array, spacing: Sequence[float]) -> tuple[int, int, int]:
    """The voxel farthest from the region's surface; of several, the one nearest to its centre of gravity."""
    depth = ndimage.distance_transform_edt(np.pad(region, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    places = np.argwhere(depth >= depth.max() - 1e-6)
    middle = np.argwhere(region).mean(axis=0)
    i, j, k = places[int(np.argmin((((places - middle) * spacing) ** 2).sum(axis=1)))]
    return int(i), int(j), int(k)
