"""From a scan to candidates: lungs, a sliding window of the detector over them, peaks and the voxels around them.

It knows nothing of indications, reports or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ....core.types import Array, Volume
from ..studies.geometry import Grid, regrid
from .detector import FACTOR, STEP, Detector
from .engines import precision_of
from .lungs import Lungs, find_lungs
from .tiling import Box, tiled
from .windows import chances

WINDOW_SIZE, OVERLAP = 64, 16  # voxels; as large as the patches that the detector learnt from
MARGIN = 8  # voxels that a window sees beyond the lungs
FAINT = 0.1  # probability from which voxels join a candidate
APART = 5.0  # mm between two peaks of one region that are two candidates
VALLEY = 0.5  # and how low the way between them falls, as a share of the lower peak
MOST = 96  # candidates that are judged
CROP = 32  # voxels a side of what the judge sees


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A scan after the detector: Hounsfield units and nodule probability on the working grid, and the lungs.

    `precision` says what computed it, as "torch bf16".
    """

    grid: Grid
    heat: Array
    lungs: Lungs
    precision: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """Connected voxels of the working grid that may be a nodule: their box, peak as a logit, and the crop around."""

    centre: Array  # indices of the working grid
    low: Array
    mask: Array
    logit: float
    crop: Array  # Hounsfield units [CROP, CROP, CROP]

    @property
    def millilitres(self) -> float:
        return float(self.mask.sum() * STEP**3 / 1000)


def look(detector: Detector, volume: Volume) -> Seen | None:
    """The detector over the lungs of a canonical volume; None where there are none."""
    lungs = find_lungs(volume)
    if lungs is None:
        return None
    margin = np.ceil(MARGIN * STEP / np.array(volume.spacing)).astype(int)
    shape = np.array(volume.voxels.shape)
    grid = regrid(volume, STEP, low=np.maximum(lungs.low - margin, 0), high=np.minimum(lungs.high + margin, shape))
    region = region_on(lungs, grid)
    boxes = windows_over(region)
    heat = slide(detector, grid.values, boxes)
    precision = precision_of(detector, windows=len(boxes))
    return Seen(grid=grid, heat=np.where(region, heat, 0.0).astype(np.float32), lungs=lungs, precision=precision)


def region_on(lungs: Lungs, grid: Grid) -> Array:
    """The lung region on another grid of the same volume, by nearest neighbour."""
    region = lungs.region.values > 0
    for axis, size in enumerate(grid.values.shape):
        index = np.zeros((size, 3))
        index[:, axis] = np.arange(size)
        where = lungs.region.from_source(grid.to_source(index))[:, axis]
        region = np.take(region, np.clip(np.round(where).astype(int), 0, region.shape[axis] - 1), axis)
    return region


def slide(detector: Detector, values: Array, boxes: Sequence[Box]) -> Array:
    """Probability of nodule for every voxel: the windows of `windows_over`, blended where they overlap; 0 outside."""
    detector.eval()
    beyond = [max([box[axis].stop for box in boxes] + [n]) - n for axis, n in enumerate(values.shape)]
    padded = np.pad(values, [(0, n) for n in beyond], constant_values=-1000.0)
    total, weight = np.zeros(padded.shape, np.float32), np.full(padded.shape, 1e-6, np.float32)
    for box, chance in zip(boxes, chances(detector, padded, boxes), strict=True):
        ramp = _ramp(chance.shape)
        total[box] += chance * ramp
        weight[box] += ramp
    return (total / weight)[tuple(slice(0, n) for n in values.shape)]


def windows_over(region: Array) -> list[Box]:
    """The detector's windows over a region; a picture that is smaller than a window is continued with air."""
    size = [min(WINDOW_SIZE, -(-n // FACTOR) * FACTOR) for n in region.shape]
    padded = np.pad(region, [(0, max(s - n, 0)) for s, n in zip(size, region.shape, strict=True)])
    return tiled(padded, size, overlap=OVERLAP, margin=MARGIN)


def candidates_of(seen: Seen) -> list[Candidate]:
    """The candidates of a scan."""
    return candidates_in(seen.heat, seen.grid.values)


def candidates_in(heat: Array, values: Array) -> list[Candidate]:
    """Peaks with the faint voxels around them, the surest first, at most `MOST`.

    A region with several peaks is divided among them: a nodule at a vessel that is faint as well stays a candidate of
    its own.
    """
    labels, count = ndimage.label(heat > FAINT, structure=np.ones((3, 3, 3)))
    found: list[tuple[float, tuple[slice, ...], Array]] = []
    for index, box in enumerate(ndimage.find_objects(labels, count), start=1):
        part = np.where(labels[box] == index, heat[box], 0.0)
        if part.max() > 1.5 * FAINT:
            found += [(float(each.max()), box, each) for each in _divided(part)]
    found.sort(key=lambda each: -each[0])
    return [_candidate(values, box, part) for _, box, part in found[:MOST]]


def _divided(heat: Array) -> list[Array]:
    """The heat of one region, once for each of its peaks: a voxel belongs to the nearest."""
    peaks = _peaks(heat)
    if len(peaks) == 1:
        return [heat]
    places = np.indices(heat.shape).reshape(3, -1).T
    nearest = cKDTree(peaks).query(places)[1].reshape(heat.shape)
    return [np.where(nearest == number, heat, 0.0) for number in range(len(peaks))]


def _peaks(heat: Array) -> Array:
    """Local maxima `[peak, 3]`, the highest first, without those that hang together with a higher one."""
    smooth = ndimage.gaussian_filter(heat, 0.7)
    places = np.argwhere((smooth == ndimage.maximum_filter(smooth, 3)) & (heat > FAINT))
    if not len(places):
        return np.array([np.unravel_index(int(heat.argmax()), heat.shape)])
    places = places[np.argsort(-smooth[tuple(places.T)])]
    kept = [places[0]]
    for place in places[1:]:
        bar = VALLEY * smooth[tuple(place)]
        if all(STEP * np.linalg.norm(place - each) > APART and _valley(smooth, place, each) < bar for each in kept):
            kept.append(place)
    return np.array(kept)


def _valley(values: Array, one: Array, other: Array) -> float:
    """The lowest value on the straight way between two voxels."""
    steps = np.linspace(0, 1, int(np.abs(one - other).max()) + 1)[:, None]
    return float(values[tuple(np.round(one + steps * (other - one)).astype(int).T)].min())


def cut(values: Array, centre: Array, size: int = CROP) -> Array:
    """A cube around a point, filled with air where it leaves the picture."""
    corner = np.round(centre).astype(int) - size // 2
    low, high = np.maximum(corner, 0), np.minimum(corner + size, values.shape)
    cube = np.full((size, size, size), -1000.0, np.float32)
    if (high > low).all():
        goal = tuple(slice(a - c, b - c) for a, b, c in zip(low, high, corner, strict=True))
        cube[goal] = values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return cube


def _candidate(values: Array, box: tuple[slice, ...], heat: Array) -> Candidate:
    peak = float(heat.max())
    mask = heat > min(0.5, 0.6 * peak)
    low = np.array([each.start for each in box])
    centre = low + np.average(np.argwhere(mask), axis=0, weights=heat[mask])
    chance = min(max(peak, 1e-5), 1 - 1e-5)
    logit = float(np.log(chance / (1 - chance)))
    return Candidate(centre=centre, low=low, mask=mask, logit=logit, crop=cut(values, centre))


@cache
def _ramp(size: tuple[int, ...]) -> Array:
    """Full weight inside, falling to the sides, so that no seam shows."""
    lines = [np.minimum(np.minimum(np.arange(n) + 1, n - np.arange(n)) / OVERLAP, 1.0) for n in size]
    return (lines[0][:, None, None] * lines[1][:, None] * lines[2]).astype(np.float32)
