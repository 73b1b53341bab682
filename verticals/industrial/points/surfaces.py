"""Which features a nominal part has: planes, bores and outer cylinders, read from its triangles. Knows no tolerances.

Triangles that meet smoothly form one surface. It is a plane where its normals agree, and a cylinder where its corners
lie on one: a bore if its normals point to the axis. Cones, fillets and free forms are left to the deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ....core.types import Array
from ..records import Nominal
from .fitting import cylinder_along, fit_cylinder
from .quality import corner_numbers

FLAT = np.cos(np.deg2rad(0.5))  # normals that agree: one plane
SMOOTH = np.cos(np.deg2rad(31.0))  # a smooth edge; circles of twelve facets and more are smooth
LEAST_AREA = 0.002  # of the part's surface: the smallest feature
WIDE = 0.04  # of the root of the part's surface: a plane that runs out smoothly is wider, a facet of a cylinder a strip
TURNED = np.cos(np.deg2rad(2.0))  # normals of one plane lie within this of their mean
ALONG = 0.05  # cosine between a cylinder's normals and its axis: the fillets at its ends lie beyond
MOST_AXES = 6
ROUND = 240.0  # degrees: less of a cylinder is a fillet
OUT_OF_ROUND = 0.04  # of the radius: corners farther from the cylinder make it something else


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature:
    """A plane (`axis` is its outward normal) or a cylinder; `length` is a cylinder's height or a plane's longest side.

    `triangles` are indices into those of the nominal part; `radius` is 0 for a plane.
    """

    kind: Literal["plane", "bore", "boss"]
    name: str
    centre: Array
    axis: Array
    radius: float
    length: float
    area: float
    triangles: Array


def features_of(nominal: Nominal) -> tuple[Feature, ...]:
    """The planes and whole cylinders of a part, largest first; none for a part that is given as a cloud."""
    if not len(nominal.triangles):
        return ()
    triangles = nominal.triangles
    cross = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    double = np.linalg.norm(cross, axis=1)
    normals = cross / double[:, None]
    pairs, lengths = _neighbours(triangles)
    cosines = np.einsum("ij,ij->i", normals[pairs[:, 0]], normals[pairs[:, 1]])
    flats = _pieces(pairs[cosines > FLAT], len(triangles))
    whole = double.sum() / 2
    planar = np.zeros(len(triangles), bool)
    found: list[Feature] = []
    outline, smooth = _outlines(flats, pairs, lengths, cosines)
    for piece in np.flatnonzero(np.bincount(flats, double / 2) > LEAST_AREA * whole):
        members = np.flatnonzero(flats == piece)
        area = float(double[members].sum() / 2)
        if (normals[members] @ _mean(normals, double, members)).min() < TURNED:
            continue
        wide = area > 0.02 * whole and _width(triangles[members], double[members]) > WIDE * np.sqrt(whole)
        if smooth[piece] < 0.5 * outline[piece] or wide:
            planar[members] = True
            found.append(_plane(triangles, normals, double, members, area))
    axes = _axes([each.axis for each in found])
    rest = np.flatnonzero(~planar)
    smooth_pairs = pairs[(cosines > SMOOTH) & ~planar[pairs].any(axis=1)]
    for members in _parted(rest, smooth_pairs, double / 2, LEAST_AREA * whole):
        found += _cylinders(triangles, normals, double, members, smooth_pairs, axes)
    return _named(found)


def _neighbours(triangles: Array) -> tuple[Array, Array]:
    """Pairs of triangles that share an edge, and how long it is."""
    faces = corner_numbers(triangles)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    key = np.minimum(start, end) * (int(faces.max()) + 1) + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(np.diff(key[order]) == 0)
    one, two = order[same], order[same + 1]
    length = np.linalg.norm(np.roll(triangles, -1, axis=1) - triangles, axis=2).ravel()[one]
    return np.stack([one // 3, two // 3], axis=1), length


def _pieces(pairs: Array, count: int) -> Array:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1])


def _outlines(pieces: Array, pairs: Array, lengths: Array, cosines: Array) -> tuple[Array, Array]:
    """For each piece the length of its outline, and of that part over which the surface runs on smoothly."""
    across = pieces[pairs[:, 0]] != pieces[pairs[:, 1]]
    count = int(pieces.max()) + 1
    whole, smooth = np.zeros(count), np.zeros(count)
    for side in range(2):
        piece = pieces[pairs[across, side]]
        whole += np.bincount(piece, lengths[across], minlength=count)
        smooth += np.bincount(piece, lengths[across] * (cosines[across] > SMOOTH), minlength=count)
    return np.maximum(whole, 1e-12), smooth


def _parted(members: Array, pairs: Array, areas: Array, least: float) -> list[Array]:
    """Connected pieces of some triangles, those of at least an area."""
    kept = np.zeros(len(areas), bool)
    kept[members] = True
    piece = _pieces(pairs[kept[pairs].all(axis=1)], len(areas))
    sizes = np.bincount(piece[members], areas[members], minlength=len(areas))
    return [members[piece[members] == which] for which in np.flatnonzero(sizes > least)]


def _mean(normals: Array, double: Array, members: Array) -> Array:
    axis = double[members] @ normals[members]
    return np.asarray(axis / np.linalg.norm(axis))


def _width(triangles: Array, double: Array) -> float:
    """The narrower side of a flat piece, as that of the rectangle that spreads alike."""
    weights = double / double.sum()
    middles = triangles.mean(axis=1)
    local = triangles - weights @ middles
    spread = np.einsum("t,tci,tcj->ij", weights, local, local) / 3
    return float(np.sqrt(12 * max(np.linalg.eigvalsh(spread)[1], 0.0)))


def _axes(normals: Sequence[Array]) -> list[Array]:
    """The directions of the planes, each once: bores mostly run along one of them."""
    kept: list[Array] = []
    for normal in normals:
        if len(kept) < MOST_AXES and all(abs(float(normal @ other)) < 0.999 for other in kept):
            kept.append(normal)
    return kept


def _cylinders(
    triangles: Array, normals: Array, double: Array, members: Array, pairs: Array, axes: Sequence[Array]
) -> list[Feature]:
    """The cylinders in a smooth piece: without what is not along an axis, such as the fillets at their ends."""
    weighted = normals[members] * np.sqrt(double[members])[:, None]
    own = np.linalg.eigh(weighted.T @ weighted)[1][:, 0]
    found: list[Feature] = []
    least = LEAST_AREA * double.sum() / 2
    for axis in (own, *axes):
        beside = members[np.abs(normals[members] @ axis) < ALONG]
        for piece in _parted(beside, pairs, double / 2, least):
            cylinder = _cylinder(triangles, normals, double, piece, axis)
            if cylinder is not None:
                found.append(cylinder)
                members = np.setdiff1d(members, piece)
    return found


def _plane(triangles: Array, normals: Array, double: Array, members: Array, area: float) -> Feature:
    weights = double[members] / double[members].sum()
    axis = weights @ normals[members]
    corners = triangles[members].reshape(-1, 3)
    return Feature(
        kind="plane",
        name="",
        centre=weights @ triangles[members].mean(axis=1),
        axis=axis / np.linalg.norm(axis),
        radius=0.0,
        length=float(np.linalg.norm(np.ptp(corners, axis=0))),
        area=area,
        triangles=members,
    )


def _cylinder(triangles: Array, normals: Array, double: Array, members: Array, axis: Array) -> Feature | None:
    """The cylinder through the corners of a curved surface, if it is one and goes most of the way round."""
    area = float(double[members].sum() / 2)
    corners = np.unique(triangles[members].reshape(-1, 3).round(9), axis=0)
    if len(corners) < 12:
        return None
    found = fit_cylinder(corners, cylinder_along(corners, axis))
    offset = corners - found.point
    across = offset - (offset @ found.axis)[:, None] * found.axis
    if np.abs(np.linalg.norm(across, axis=1) - found.radius).max() > OUT_OF_ROUND * found.radius:
        return None
    if covered_degrees(across, found.axis) < ROUND:
        return None
    along = offset @ found.axis
    middle = found.point + found.axis * (along.min() + along.max()) / 2
    inward = np.einsum("ij,ij->i", triangles[members].mean(axis=1) - middle, normals[members])
    return Feature(
        kind="bore" if double[members] @ inward < 0 else "boss",
        name="",
        centre=middle,
        axis=found.axis,
        radius=found.radius,
        length=float(np.ptp(along)),
        area=area,
        triangles=members,
    )


def covered_degrees(across: Array, axis: Array) -> float:
    """360 less the largest gap between the directions `[point, xyz]`, all across the axis."""
    one = np.cross(axis, np.eye(3)[int(np.abs(axis).argmin())])
    one /= np.linalg.norm(one)
    angle = np.sort(np.arctan2(across @ np.cross(axis, one), across @ one))
    gaps = np.diff(angle, append=angle[0] + 2 * np.pi)
    return float(360 - np.degrees(gaps.max()))


def _named(found: list[Feature]) -> tuple[Feature, ...]:
    counts = {"plane": 0, "bore": 0, "boss": 0}
    named = []
    for feature in sorted(found, key=lambda each: -each.area):
        counts[feature.kind] += 1
        named.append(replace(feature, name=f"{feature.kind} {counts[feature.kind]}"))
    return tuple(named)
