"""What good units are like at each place: of the nominal surface, and of the picture. Mean and spread, place by place.

A place where good units differ much must differ more to be strange (a control chart for every place). Maps are made at
two widths of averaging, so that a narrow deep defect and a wide shallow one both stand out. It knows no verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, shift
from scipy.spatial import cKDTree

from ....core.types import Array
from ..points.deviation import Deviation
from ..records import Photo

WIDTHS = (7, 40)  # places that are averaged: about 3 mm and 7 mm across where a place stands for a square millimetre
SIDE, BLURS = 160, (0.8, 2.5)  # pixels of the compared picture, and how far they are averaged
PRIOR = 6.0  # good units that the common spread counts for at each place
TOP = (8, 3)  # places, of each width, whose mean is the number of the unit
FARTHEST = 0.2  # mm: a point farther off counts as this far
FEWEST = 6  # points about a place, for it to say anything


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Mean and spread `[width, place]` of good units' maps."""

    mean: Array
    spread: Array

    def away(self, maps: Array) -> Array:
        """In spreads of good units, signed; 0 where the map has no value."""
        away = (maps - self.mean.astype(np.float64)) / self.spread.astype(np.float64)
        return np.where(np.isfinite(away), away, 0.0)


def fit_places(maps: Sequence[Array]) -> Places | None:
    """From the maps of good units; None with fewer than three. Few units lean on the spread common to all places."""
    if len(maps) < 3:
        return None
    rows = np.stack(maps)  # [unit, width, place]
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    filled = np.where(known, rows, 0.0)
    mean = filled.sum(axis=0) / np.maximum(count, 1)
    square = (np.where(known, rows - mean, 0.0) ** 2).sum(axis=0)
    common = square.sum(axis=1, keepdims=True) / np.maximum((count - 1).clip(0).sum(axis=1, keepdims=True), 1)
    spread = np.sqrt((square + PRIOR * common) / (np.maximum(count - 1, 0) + PRIOR))
    return Places(
        mean=np.where(count > 0, mean, np.nan).astype(np.float32), spread=np.maximum(spread, 1e-6).astype(np.float32)
    )


def strangest(away: Array, signs: tuple[int, ...] = (1, -1)) -> tuple[float, ...]:
    """For each width and sign: the mean of the most extreme places, in spreads."""
    found = []
    for row, top in zip(away, TOP, strict=True):
        for sign in signs:
            values = sign * row if sign else np.abs(row)
            found.append(float(np.partition(values, len(values) - top)[-top:].mean()))
    return tuple(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """Places of the nominal surface `[place, xyz]`, and the places around each that are averaged with it."""

    tree: cKDTree
    around: tuple[Array, ...]  # by width: [place, neighbour]


def ground(places: Array) -> Ground:
    """The neighbourhoods of the places, once for a part."""
    tree = cKDTree(places)
    _, near = tree.query(places, k=min(WIDTHS[-1], len(places)))
    return Ground(tree=tree, around=tuple(near[:, : min(width, near.shape[1])] for width in WIDTHS))


def surface_maps(deviation: Deviation, ground: Ground) -> Array:
    """`[width, place]`: mean deviation in mm of the scanned points about each place; NaN where there are none."""
    count = len(ground.around[0])
    _, place = ground.tree.query(deviation.points)
    bounded = np.clip(deviation.raw, -FARTHEST, FARTHEST)  # a flying point must not make a defect
    sums, hits = np.bincount(place, bounded, minlength=count), np.bincount(place, minlength=count)
    maps = []
    for near in ground.around:
        total = hits[near].sum(axis=1)
        maps.append(np.where(total >= FEWEST, sums[near].sum(axis=1) / np.maximum(total, 1), np.nan))
    return np.stack(maps)


def picture(photo: Photo) -> Array:
    """The grey picture `[SIDE, SIDE]`, its exposure evened out."""
    import torch
    import torch.nn.functional as F

    grey = torch.from_numpy(np.ascontiguousarray(photo.pixels.mean(axis=2), np.float32))[None, None]
    small = F.interpolate(grey, size=(SIDE, SIDE), mode="area")[0, 0].double().numpy()
    bright = np.quantile(small, 0.9)
    return np.asarray(small / max(float(bright), 1e-3))


def picture_maps(small: Array, reference: Array) -> Array:
    """`[width, place]`: grey after the picture was laid on the reference and brought to its gain, averaged."""
    laid = shift(small, _offset(small, reference), order=1, mode="nearest")
    gain = float((laid * reference).sum() / max((laid * laid).sum(), 1e-9))
    return np.stack([gaussian_filter(laid * gain, blur).ravel() for blur in BLURS])


def _offset(small: Array, reference: Array) -> tuple[float, float]:
    """Rows and columns by which the picture lies off the reference: one Gauss-Newton step on smooth pictures, twice."""
    goal = gaussian_filter(reference, 1.5)
    rows, columns = np.gradient(goal)
    slopes = np.stack([rows.ravel(), columns.ravel()], axis=1)
    total = np.zeros(2)
    for _ in range(3):
        moved = gaussian_filter(shift(small, total, order=1, mode="nearest"), 1.5)
        step, *_ = np.linalg.lstsq(slopes, (moved - goal).ravel(), rcond=None)
        total = np.clip(total + step, -8, 8)
    return float(total[0]), float(total[1])
