"""What attributes are read from: numbers measured on a crop, of size, form, density, surface and surroundings.

Forms are measured twice: on the mask as it was drawn, and on the region brighter than halfway between nodule and lung,
since a mask is smoother than what it outlines. Nothing is learnt here, and nothing is told of where the nodule lies.
Power of outlines by degree is rotation-invariant (Kazhdan et al. 2003).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.special import eval_legendre

from ....core.types import Array
from ..measure import axial_axes
from .crop import GRID, Crop

AROUND = 8  # voxels around the mask that are looked at
DEGREES = (2, 3, 4, 5, 6, 7, 8)
DIRECTIONS = 200
REACH = 26  # mm along each direction
AIR = -850.0  # HU of lung where none is seen
_BALL = ndimage.generate_binary_structure(3, 1)


def measured(crop: Crop) -> dict[str, float]:
    """The measurements of a crop, by name; all finite."""
    values, mask = _close(crop)
    outside = ndimage.distance_transform_edt(~mask)
    depth = ndimage.distance_transform_edt(mask)
    core = depth > 1.5 if (depth > 1.5).sum() >= 4 else mask
    typical, lung = float(np.median(values[core])), _lung(values, outside)
    bar = max((typical + lung) / 2, lung + 60)
    region = _region(values, mask, outside, bar)
    contrast = max(typical - lung, 60.0)
    found = _density(values, mask, core) | _shells(values, outside, lung, bar)
    found |= _sharpness(values, region, contrast) | {"contrast": contrast, "lung": lung}
    found |= _form(mask, "drawn") | _form(region, "bright")
    found["spikes_share"], found["spikes"] = _spikes(region)
    found |= _outline(values, mask, bar)
    found["log_diameter"] = float(np.log(_diameter(mask)))
    return found


def _close(crop: Crop) -> tuple[Array, Array]:
    """The crop cut to what lies near the mask, in float32 and clipped to the densities that differ in a chest."""
    where = np.argwhere(crop.mask)
    low = np.maximum(where.min(axis=0) - AROUND, 0)
    high = np.minimum(where.max(axis=0) + AROUND + 1, crop.mask.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return np.clip(crop.values[box], -1000, 1000).astype(np.float32), crop.mask[box]


def _lung(values: Array, outside: Array) -> float:
    """The density of the lung around: what is air-like beyond the blurred surface."""
    around = values[(outside > 3) & (outside <= 8)]
    around = around[around < -500]
    return float(np.median(around)) if len(around) >= 10 else AIR


def _region(values: Array, mask: Array, outside: Array, bar: float) -> Array:
    """Voxels brighter than `bar` within 4 mm of the mask that hang together with it."""
    bright = (values > bar) & (outside <= 4)
    labels, count = ndimage.label(bright)
    if not count:
        return mask
    touched = np.bincount(labels[mask], minlength=count + 1)
    touched[0] = 0
    return labels == touched.argmax() if touched.any() else mask


def _diameter(mask: Array) -> float:
    """Mean axial diameter, as findings are measured."""
    axes = [axial_axes(mask[:, :, k], (GRID, GRID)) for k in np.flatnonzero(mask.any(axis=(0, 1)))]
    return sum(max(axes)) / 2


def _density(values: Array, mask: Array, core: Array) -> dict[str, float]:
    inside, deep = values[mask], values[core]
    quantiles = np.quantile(deep, (0.05, 0.25, 0.5, 0.75, 0.95))
    found = {f"hu_{name}": float(each) for name, each in zip(("05", "25", "50", "75", "95"), quantiles, strict=True)}
    found |= {"hu_most": float(inside.max()), "hu_spread": float(deep.std())}
    for name, low, high in (("solid", -300, 1e4), ("dense", 150, 1e4), ("glass", -750, -300)):
        found[f"share_{name}"] = float(((inside > low) & (inside <= high)).mean())
    smooth = ndimage.gaussian_filter(values, 1.0)
    found["hu_smooth_most"], found["hu_smooth_least"] = float(smooth[mask].max()), float(smooth[core].min())
    return found


def _shells(values: Array, outside: Array, lung: float, bar: float) -> dict[str, float]:
    found = {}
    for low, high in ((0, 2), (2, 4), (4, 7)):
        shell = values[(outside > low) & (outside <= high)]
        shell = shell if len(shell) else np.array([lung])
        found[f"shell_{high}"] = float(np.median(shell))
        found[f"shell_{high}_bright"] = float((shell > bar).mean())
        found[f"shell_{high}_dense"] = float((shell > -300).mean())
    return found


def _sharpness(values: Array, region: Array, contrast: float) -> dict[str, float]:
    """How steep the way down is at the surface of the bright region, in shares of the contrast a millimetre."""
    steep = ndimage.gaussian_gradient_magnitude(values, 0.7) / contrast
    surface = region & ~ndimage.binary_erosion(region, _BALL)
    quantiles = np.quantile(steep[surface], (0.1, 0.5, 0.9)) if surface.any() else np.zeros(3)
    away = ndimage.distance_transform_edt(~region)
    near, far = values[(away > 0) & (away <= 1.5)], values[(away > 2) & (away <= 3.5)]
    fall = (float(np.median(near)) - float(np.median(far))) / contrast if len(near) and len(far) else 0.0
    low, middle, high = (float(each) for each in quantiles)
    return {"steep_10": low, "steep_50": middle, "steep_90": high, "steep_spread": high - low, "fall": fall}


def _form(mask: Array, name: str) -> dict[str, float]:
    """Volume, axes, sphericity, convexity, thickness and roughness of a region."""
    where = np.argwhere(mask).astype(float)
    volume = len(where)
    axes = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(where.T) if volume > 3 else np.eye(3) / 12), 0) + 1 / 12)
    faces = sum(int(np.diff(np.pad(mask, 1).astype(np.int8), axis=axis).astype(bool).sum()) for axis in range(3))
    area = faces * 2 / 3  # a surface in a random direction shows 3/2 of its area in voxel faces
    surface = where[~ndimage.binary_erosion(mask, _BALL)[mask]]
    away = np.linalg.norm(surface - where.mean(axis=0), axis=1) + 0.5
    radius = (3 * volume / (4 * np.pi)) ** (1 / 3)
    return {
        f"{name}_log_volume": float(np.log(volume)),
        f"{name}_flat": float(axes[0] / axes[2]),
        f"{name}_long": float(axes[1] / axes[2]),
        f"{name}_sphere": float((36 * np.pi * volume**2) ** (1 / 3) / area),
        f"{name}_convex": volume / max(_hull(surface), volume),
        f"{name}_thick": float(ndimage.distance_transform_edt(np.pad(mask, 1)).max() / radius),
        f"{name}_rough": float(away.std() / away.mean()),
    }


def _hull(points: Array) -> float:
    """Volume of the convex hull of voxels; 0 where they span none."""
    if len(points) < 4:
        return 0.0
    corners = points[:, None] + 0.5 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    try:
        return float(ConvexHull(corners.reshape(-1, 3)).volume)
    except QhullError:
        return 0.0


def _spikes(region: Array) -> tuple[float, float]:
    """The share of a region that an opening takes away, and how many pieces of 3 voxels or more that is."""
    away = ndimage.distance_transform_edt(np.pad(region, 3))
    opened = ndimage.distance_transform_edt(away <= 2)[3:-3, 3:-3, 3:-3] <= 2 if (away > 2).any() else region
    left = region & ~opened
    labels, count = ndimage.label(left, structure=np.ones((3, 3, 3)))
    pieces = int((np.bincount(labels.ravel())[1:] >= 3).sum()) if count else 0
    return float(left.sum() / max(region.sum(), 1)), float(np.log1p(pieces))


def _outline(values: Array, mask: Array, bar: float) -> dict[str, float]:
    """How far it reaches in each direction, drawn and bright: power by degree over the mean squared; directions in
    which brightness goes on."""
    middle = np.argwhere(mask).mean(axis=0)
    steps = np.arange(0.5, REACH, 0.5)
    points = middle[:, None, None] + _directions().T[:, :, None] * steps
    inside = ndimage.map_coordinates(mask.astype(np.float32), points, order=1, mode="constant", cval=0.0) > 0.5
    drawn = 0.5 * (1 + np.where(inside, np.arange(1, len(steps) + 1), 0).max(axis=1))
    bright = ndimage.map_coordinates(values, points, order=1, mode="constant", cval=AIR) > bar
    reach = np.minimum(0.5 * (1 + np.cumprod(bright | (steps < 1.5), axis=1).sum(axis=1)), drawn + 6)
    found = {}
    for name, radii in (("drawn", drawn), ("bright", reach)):
        square = float(radii.mean() ** 2)
        for degree, kernel in zip(DEGREES, _kernels(), strict=True):
            power = max(float(radii @ kernel @ radii), 0.0) / square
            found[f"{name}_power_{degree}"] = float(np.log(power + 1e-5))
    found["goes_on"] = float((reach > drawn + 2).mean())
    found["goes_far"] = float((reach > drawn + 4).mean())
    found["falls_short"] = float((reach < drawn - 1).mean())
    return found


@cache
def _directions() -> Array:
    """Nearly even directions `[direction, 3]` on a spiral."""
    n = np.arange(DIRECTIONS) + 0.5
    z, turn = 1 - 2 * n / DIRECTIONS, np.pi * (1 + 5**0.5) * n
    flat = np.sqrt(1 - z**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


@cache
def _kernels() -> tuple[Array, ...]:
    """For each degree the matrix that gives the power of a function on the directions."""
    cosines = np.clip(_directions() @ _directions().T, -1, 1)
    return tuple((2 * degree + 1) / DIRECTIONS**2 * eval_legendre(degree, cosines) for degree in DEGREES)
