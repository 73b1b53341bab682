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
LIT = 0.25  # of the brightest of the mean picture: what is darker is the ground
SQUARES, FILLED = 4, 0.2  # a side of the lit part, and how much of one must be lit
STRANGE = 0.02  # the share of a square that is taken
ROUND, ROOM, FEW, LEFT_OUT = 4.2, 1.3, 2.0, 30  # spreads at least; of the strangest good picture; more by how few
STEPS, STEPS_OF_ALL, OUTLYING = 7, 4, 4.0  # robust spreads from which a pixel has no say in the last steps


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


def surface_maps(deviation: Deviation, ground: Ground, place: Array | None = None) -> Array:
    """`[width, place]`: mean deviation in mm of the scanned points about each place; NaN where there are none.

    `place` is the one nearest to each point, where it is known already.
    """
    count = len(ground.around[0])
    if place is None:
        place = np.asarray(ground.tree.query(deviation.points)[1])
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
    """`[width, place]`: grey after the picture was laid on the reference and brought to its gain, averaged.

    Both go in the end by what most pixels say, so that a defect hardly moves them.
    """
    laid = shift(small, _offset(small, reference), order=1, mode="nearest")
    laid *= _gain(laid, reference)
    return np.stack([gaussian_filter(laid, blur).ravel() for blur in BLURS])


def all_round(away: Array, reference: Array) -> float:
    """How strange a picture is everywhere at once, in spreads: a defect is somewhere, a lamp or the focus everywhere.

    The median over the squares that divide the lit part of the mean of a square's strangest places.
    """
    lit = _lit(reference)
    strange = np.abs(away.reshape(lit.shape))
    rows, columns = (np.flatnonzero(lit.any(axis=axis)) for axis in (1, 0))
    means = []
    for down in np.array_split(np.arange(rows[0], rows[-1] + 1), SQUARES):
        for across in np.array_split(np.arange(columns[0], columns[-1] + 1), SQUARES):
            square = np.ix_(down, across)
            own = strange[square][lit[square]]
            if len(own) >= FILLED * lit[square].size:
                count = max(1, int(STRANGE * len(own)))
                means.append(float(np.partition(own, -count)[-count:].mean()))
    return float(np.median(means))


def steady_limit(maps: Sequence[Array], reference: Array) -> float:
    """Up to where a picture's `all_round` is that of a good one: some are each compared with all the others."""
    asked = range(0, len(maps), -(-len(maps) // LEFT_OUT))
    rounds = []
    for left_out in asked:
        others = fit_places([each for number, each in enumerate(maps) if number != left_out])
        if others is not None:
            rounds.append(all_round(others.away(maps[left_out])[0], reference))
    return max(ROUND, (ROOM + FEW / len(maps)) * max(rounds)) if rounds else float("inf")


def _offset(small: Array, reference: Array) -> tuple[float, float]:
    """Rows and columns by which the picture lies off the reference: Gauss-Newton steps on smooth pictures.

    Edges tell the place and differ most while it is wrong, so every pixel has a say until it is nearly right.
    """
    goal = gaussian_filter(reference, 1.5)
    rows, columns = np.gradient(goal)
    slopes = np.stack([rows.ravel(), columns.ravel()], axis=1)
    total = np.zeros(2)
    for number in range(STEPS):
        moved = gaussian_filter(shift(small, total, order=1, mode="nearest"), 1.5)
        off = (moved * _gain(moved, goal) - goal).ravel()
        agree = np.abs(off) <= max(OUTLYING * 1.4826 * float(np.median(np.abs(off))), 0.02)
        if number < STEPS_OF_ALL:
            agree[:] = True
        step, *_ = np.linalg.lstsq(slopes[agree], off[agree], rcond=None)
        total = np.clip(total + step, -8, 8)
    return float(total[0]), float(total[1])


def _gain(laid: Array, reference: Array) -> float:
    """What most lit pixels must be multiplied with to be as bright as the reference."""
    lit = _lit(reference)
    return float(np.median(reference[lit] / np.maximum(laid[lit], 1e-3)))


def _lit(reference: Array) -> Array:
    return np.asarray(reference > LIT * reference.max())
