"""Nodules cut out of labelled scans, and put back at other places: turned, mirrored, a little larger or smaller.

A cutting keeps the outline (as a soft shape) and how dense the nodule is; the place it comes to keeps its own noise, so
that it looks as this scanner would have shown it. It knows nothing of networks or files.
Source: insertion of nodules teaches and tests detectors as real ones do (Eur. Radiol. 2006, s00330-006-0254-x).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import ndimage

from ....core.types import Array
from ..simulation.shapes import MARGIN, STEP, Shape
from ..simulation.simulate import Lesion, Placed, insert

SCALES = (0.6, 1.25)  # smaller rather than larger: what is missed is small
EDGE = 0.35  # mm, softness of the surface
SOFT, DENSE = -700.0, 700.0  # HU between which a nodule's density is taken to lie; sharp kernels overshoot
GLASS = -300.0  # HU below which a nodule lets vessels be seen through it
RING = 3.0  # mm around a nodule where the lung beside it is looked at
GRAIN = 2.5  # standard deviations of noise: what stands out more is a vessel


def cuttings(values: Array, labels: Array, spacing: Array, *, name: str = "") -> Iterator[Lesion]:
    """Every labelled nodule of a scan `[i, j, k]` in HU, as it lies there; one that touches the rim is left out."""
    for number, box in enumerate(ndimage.find_objects(labels.astype(np.int32)), start=1):
        if box is None:
            continue
        wide = np.ceil((MARGIN * STEP + RING) / spacing).astype(int)
        low = np.array([each.start for each in box]) - wide
        high = np.array([each.stop for each in box]) + wide
        if (np.array([each.start for each in box]) < 1).any() or (
            np.array([each.stop for each in box]) > np.array(labels.shape) - 1
        ).any():
            continue
        low, high = np.maximum(low, 0), np.minimum(high, labels.shape)
        around = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        mask = labels[around] == number
        shape = Shape(patient=name, number=number, distance=_distance(mask, spacing), ratings={})
        yield _lesion(shape, values[around].astype(np.float32), mask, spacing)


def _distance(mask: Array, spacing: Array) -> Array:
    """Signed distance to the outline in mm, inside positive, on an even grid of `STEP` mm with the nodule amid."""
    wide = np.pad(mask.astype(np.float32), MARGIN)
    soft = ndimage.zoom(wide, spacing / STEP, order=1, mode="nearest", grid_mode=True)
    inside = soft > 0.5 if (soft > 0.5).any() else soft >= soft.max()
    even = STEP * (ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside))
    where = np.argwhere(inside)
    low, high = where.min(axis=0) - MARGIN, where.max(axis=0) + MARGIN + 1
    return np.array(even[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], np.float32)


def _lesion(shape: Shape, values: Array, mask: Array, spacing: Array) -> Lesion:
    """Its density is what, blended in by the same rule, would look as bright as it does."""
    away = ndimage.distance_transform_edt(~mask, sampling=spacing)
    ring = (away > RING / 2) & (away <= 1.5 * RING + spacing.min())
    air = float(np.percentile(values[ring], 30)) if ring.any() else -850.0
    unit = Lesion(
        shape=shape, turn=np.eye(3), scale=1.0, solid=1000.0, halo=None, core=0.0, edge=EDGE, calcified=0.0,
        strands=np.zeros((0, 4)), ripple=0.0,
    )  # fmt: skip
    blank = np.zeros(mask.shape, np.float32)
    middle = np.argwhere(mask).mean(axis=0)
    placed = insert(blank, spacing, unit, middle, room=np.ones(mask.shape, bool), generator=np.random.default_rng(0))
    share = float(blank[mask].mean()) / 1000 if placed is not None else 1.0
    solid = air + (float(values[mask].mean()) - air) / max(share, 0.3)
    solid = float(np.clip(solid, SOFT, DENSE))
    return replace(unit, solid=solid, halo=solid if solid < GLASS else None)


def turned(cutting: Lesion, generator: np.random.Generator) -> Lesion:
    """The nodule as another one: turned and mirrored by chance, of another size, a little denser or fainter."""
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    solid = float(np.clip(cutting.solid + generator.normal(0, 40), SOFT, DENSE))
    return replace(
        cutting, turn=turn, scale=float(generator.uniform(*SCALES)), solid=solid,
        halo=solid if cutting.halo is not None else None, ripple=float(generator.uniform(5, 25)),
    )  # fmt: skip


def noise_of(values: Array, room: Array) -> float:
    """The standard deviation of what changes from voxel to voxel within a slice, in HU, robustly, where lung is."""
    rough = (values - ndimage.gaussian_filter(values, (1, 1, 0)))[room]
    return float(1.4826 * np.median(np.abs(rough - np.median(rough)))) if rough.size else 0.0


def put(
    values: Array, spacing: Array, cutting: Lesion, centre: Array, *,
    room: Array, noise: float, generator: np.random.Generator,
) -> Placed | None:  # fmt: skip
    """Insert into `values` in place, at `centre` (indices), so that the noise of the place stays (`noise` HU).

    Returns None, and changes nothing, where there is no room.
    """
    rough = values - ndimage.gaussian_filter(values, (1, 1, 0))
    rough = np.clip(rough, -GRAIN * noise, GRAIN * noise)
    smooth = values - rough
    placed = insert(smooth, spacing, cutting, centre, room=room, generator=generator)
    if placed is not None:
        values[...] = smooth + rough
    return placed
