"""Lesions put into CT: a LIDC shape gets the attenuation its ratings describe and is blended in; scanner physics.

Works on any voxel grid (partial volume by sampling within each voxel). Software-inserted nodules fool readers
(Eur. Radiol. 2006, s00330-006-0254-x) and CAD alike (PMID 27897029). It knows nothing of networks, and not where the
background is from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ....core.types import Array
from .shapes import STEP, Shape

THICKNESS = ((1.25, 0.34), (2.0, 0.12), (2.5, 0.26), (3.0, 0.12), (5.0, 0.16))  # LIDC's mix (mm, share), 5 mm raised


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesion:
    """A shape made ready: scaled and turned, with its attenuation."""

    shape: Shape
    turn: Array  # rotation and mirror from world to shape
    scale: float
    solid: float  # HU of the solid part
    halo: float | None  # HU of the ground-glass part, where there is one
    core: float  # share of the depth that is halo
    edge: float  # mm, softness of the surface
    calcified: float  # HU of a calcified centre, 0 for none
    strands: Array  # spicules [strand, direction xyz and length mm]
    ripple: float  # SD of the texture inside, HU

    @property
    def diameter(self) -> float:
        return self.shape.diameter * self.scale


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """Where a lesion lies: centre (voxel indices), mask as low corner and voxels, equal-volume diameter in mm."""

    centre: Array
    low: Array
    mask: Array
    diameter: float
    lesion: Lesion


def lesion_of(shape: Shape, generator: np.random.Generator) -> Lesion:
    """Attenuation by the readers' ratings: texture 1 is ground glass, 3 part-solid, 5 solid; calcification 6 none."""
    texture = shape.ratings["texture"] + generator.normal(0, 0.25)
    solid, halo, core = generator.normal(30, 25), None, 0.0
    if texture < 2:
        solid = halo = generator.uniform(-720, -480)
    elif texture < 4.2:
        solid, halo = generator.normal(-10, 40), generator.uniform(-680, -450)
        core = generator.uniform(0.2, 0.6) * (4.5 - texture) / 1.5
    elif generator.random() < 0.3:
        solid = generator.uniform(-200, 0)
    calcified = shape.ratings["calcification"] < 5 and generator.random() < 0.8
    spikes = generator.poisson(max(0.0, 2.5 * (shape.ratings["spiculation"] - 1.7)))
    strands = generator.normal(size=(spikes, 3))
    strands /= np.linalg.norm(strands, axis=1, keepdims=True) + 1e-9
    length = generator.uniform(2, 8, (spikes, 1))
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    return Lesion(
        shape=shape, turn=turn, scale=float(generator.uniform(0.85, 1.2)), solid=float(solid), halo=halo, core=core,
        edge=0.2 + 0.25 * (5 - shape.ratings["margin"]) / 4,
        calcified=float(generator.uniform(200, 800)) if calcified else 0.0,
        strands=np.concatenate([strands, length], axis=1), ripple=float(generator.uniform(8, 30)),
    )  # fmt: skip


def insert(
    voxels: Array, spacing: Array, lesion: Lesion, centre: Array, *, room: Array, generator: np.random.Generator
) -> Placed | None:
    """Blend a lesion into `voxels` in place, at `centre` (indices); `room` is lung and its vessels, where it may be.

    Returns None, and changes nothing, where less than 60 % of the lesion finds room or it leaves the picture.
    """
    reach = (np.array(lesion.shape.distance.shape).max() * STEP / 2 * lesion.scale) / spacing
    low = np.floor(centre - reach).astype(int)
    high = np.ceil(centre + reach).astype(int) + 1
    low, high = np.maximum(low, 0), np.minimum(high, voxels.shape)
    if (high - low < 2).any():
        return None
    depth = _depth(lesion, low, high, np.asarray(spacing), centre)
    edge = max(lesion.edge, 0.3 * min(float(np.mean(spacing)), 1.3))
    share = 1 / (1 + np.exp(-np.clip(depth / edge, -30, 30)))
    attenuation = _attenuation(lesion, depth, generator)
    occupied, wanted = _pooled(share), _pooled(share * attenuation)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    mask = (occupied > 0.5) & room[box]
    if not mask.any():
        if occupied.max() < 0.2 or not room[box].reshape(-1)[occupied.argmax()]:
            return None
        mask = occupied >= occupied.max()
    if mask.sum() < 0.6 * max((occupied > 0.5).sum(), 1):
        return None
    here = voxels[box]
    target = np.divide(wanted, occupied, out=np.full_like(wanted, lesion.solid), where=occupied > 1e-3)
    target = np.maximum(target, here) if lesion.halo is not None else np.where(here > 100, here, target)
    voxels[box] = here + occupied * (target - here)
    volume = float(mask.sum() * np.prod(spacing))
    middle = low + np.argwhere(mask).mean(axis=0)
    return Placed(centre=middle, low=low, mask=mask, diameter=(6 / np.pi * volume) ** (1 / 3), lesion=lesion)


def _depth(lesion: Lesion, low: Array, high: Array, spacing: Array, centre: Array) -> Array:
    """Signed distance in mm at points within each voxel, `[i, a, j, b, k, c]` flattened to `[i * a, j * b, k * c]`."""
    parts = np.maximum(np.ceil(spacing / 1.3).astype(int), 1)
    axes = [
        (np.arange((b - a) * n) + 0.5) / n - 0.5 + a - c for a, b, n, c in zip(low, high, parts, centre, strict=True)
    ]
    mesh = np.stack(np.meshgrid(*(axis * step for axis, step in zip(axes, spacing, strict=True)), indexing="ij"), -1)
    inside = mesh @ lesion.turn.T / (STEP * lesion.scale) + (np.array(lesion.shape.distance.shape) - 1) / 2
    depth = (
        ndimage.map_coordinates(lesion.shape.distance, np.moveaxis(inside, -1, 0), order=1, mode="nearest")
        * lesion.scale
    )
    radius = lesion.diameter / 2
    for *direction, length in lesion.strands:
        along = mesh @ np.array(direction)
        aside = np.sqrt(np.maximum((mesh**2).sum(-1) - along**2, 0))
        taper = 0.7 * np.clip(1 - (along - 0.6 * radius) / (0.4 * radius + length), 0, 1)
        depth = np.maximum(depth, np.where(along > 0.6 * radius, taper - aside - 0.3, -9.0))
    return np.array(depth.reshape(high[0] - low[0], parts[0], high[1] - low[1], parts[1], high[2] - low[2], parts[2]))


def _pooled(values: Array) -> Array:
    return values.mean(axis=(1, 3, 5))


def _attenuation(lesion: Lesion, depth: Array, generator: np.random.Generator) -> Array:
    """HU at each point: a halo around a core, a calcified centre, a slow ripple."""
    deepest = max(float(depth.max()), 1e-3)
    values = np.full(depth.shape, lesion.solid)
    if lesion.halo is not None:
        values = np.where(depth > lesion.core * deepest, values, lesion.halo)
    if lesion.calcified:
        values = np.where(depth > 0.5 * deepest, lesion.calcified, values)
    i, _, j, _, k, _ = depth.shape
    noise = generator.normal(size=(i, 1, j, 1, k, 1))
    noise = ndimage.gaussian_filter(noise, (0.8, 0, 0.8, 0, 0.8, 0))
    return values + lesion.ripple * noise / (noise.std() + 1e-6)


def scanned(voxels: Array, step: float, generator: np.random.Generator) -> tuple[Array, float]:
    """What a scanner makes of a patch on an even grid: kernel, slice thickness of LIDC's mix, noise, calibration.

    Gives the patch and the thickness in mm.
    """
    thickness = float(generator.choice([mm for mm, _ in THICKNESS], p=[share for _, share in THICKNESS]))
    blur = generator.uniform(0.0, 0.55) / step
    values = ndimage.gaussian_filter(voxels, (blur, blur, 0)) if blur > 0.15 else voxels
    grain = generator.uniform(0.4, 1.1) / step
    level = float(np.exp(generator.uniform(np.log(6), np.log(45))))
    if thickness > 1.2 * step:
        values, level = _thick(values, thickness / step, generator), level / np.sqrt(thickness / 1.25)
    rough = generator.standard_normal(values.shape, dtype=np.float32)
    rough = ndimage.gaussian_filter(rough, (grain, grain, 0.35 * thickness / step))
    values = values + level * rough / (rough.std() + 1e-6)
    return (values * generator.uniform(0.97, 1.03) + generator.normal(0, 12)).astype(np.float32), thickness


def _thick(values: Array, width: float, generator: np.random.Generator) -> Array:
    """Slices `width` voxels thick and as far apart, interpolated back to every voxel."""
    depth = values.shape[2]
    centres = np.arange(generator.uniform(0, width), depth, width)
    edges = np.concatenate([np.zeros((*values.shape[:2], 1), values.dtype), np.cumsum(values, axis=2)], axis=2)
    low, high = np.clip(centres - width / 2, 0, depth), np.clip(centres + width / 2, 0, depth)
    slabs = (_at(edges, high) - _at(edges, low)) / np.maximum(high - low, 1e-3)
    return _at(slabs, (np.arange(depth) + 0.5 - centres[0]) / width)


def _at(values: Array, where: Array) -> Array:
    last = values.shape[2] - 1
    where = np.clip(where, 0, last)
    low = np.minimum(where.astype(int), max(last - 1, 0))
    weight = (where - low).astype(values.dtype)
    return values[:, :, low] * (1 - weight) + values[:, :, np.minimum(low + 1, last)] * weight
