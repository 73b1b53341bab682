"""How far each scanned point lies from the nominal surface, and where the nominal surface was not met. Millimetres.

Positive is extra material, negative is missing material. The mean over the 13 nearest neighbours lowers the floor of
good parts about fourfold against single points. It knows nothing of verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ....core.types import Array
from ..records import Anchors, Defect, Nominal

NEIGHBOURS = 13
FIRST = 6  # places nearby whose triangles are searched first; where that proves nothing, four times as many
MOST = 96  # at which it ends: where hundreds of slivers meet, the distance may be a hundred-thousandth of the part off
AVERAGED = 30_000  # places at which neighbours are averaged; a denser scan takes the average of the nearest place
WORKERS = 2  # threads of a k-d tree query: the answer does not depend on them


@dataclass(frozen=True, kw_only=True, eq=False)
class Deviation:
    """`points` on the nominal part with signed deviation (`raw`, and `local`: averaged), and what was not covered.

    `uncovered [sample]` is True for samples of the nominal part that the scanner should have met and did not.
    `patch` is the area in mm^2 that one scanned point stands for.
    """

    points: Array
    raw: Array
    local: Array
    uncovered: Array
    covered: Array
    spacing: float

    @property
    def patch(self) -> float:
        return self.spacing**2


def measure(points: Array, nominal: Nominal, expected: Array | None = None) -> Deviation:
    """Deviation of registered points `[point, xyz]`.

    `expected [sample]` says how often good scans covered each sample; without it a sample counts as uncovered where
    the scan surrounds it and yet leaves it out.
    """
    raw = signed_distance(points, nominal)
    cloud = cKDTree(points, leafsize=32, balanced_tree=False, compact_nodes=False)
    bounded = np.clip(raw, -3 * nominal.size, 3 * nominal.size)
    local, spacing = _averaged(cloud, points, bounded)
    spacing = max(spacing if len(points) > 4 else nominal.spacing, 1e-9)
    covered = coverage(cloud, nominal, spacing)
    if expected is None:
        uncovered = ~covered & _surrounded(covered, nominal, spacing)
    else:
        uncovered = ~covered & (expected >= 0.95)
    return Deviation(
        points=points,
        raw=raw,
        local=local,
        uncovered=uncovered & _clustered(uncovered, nominal),
        covered=covered,
        spacing=spacing,
    )


def coverage(cloud: cKDTree, nominal: Nominal, spacing: float) -> Array:
    """True for each nominal sample with a scanned point within two and a half point spacings."""
    distance, _ = cloud.query(nominal.samples, workers=WORKERS)
    return distance < 2.5 * max(spacing, nominal.spacing)


def signed_distance(points: Array, nominal: Nominal) -> Array:
    """Distance to the surface with the sign of the outward normal there; to a cloud, along its normals."""
    if not len(nominal.triangles):
        near = np.asarray(nominal.tree.query(points, workers=WORKERS)[1])
        return np.einsum("ij,ij->i", points - nominal.samples[near], nominal.normals[near])
    distance, height = np.full(len(points), np.inf), np.zeros(len(points))
    for anchors in nominal.anchors:
        open_, count = np.arange(len(points)), FIRST
        while len(open_):
            open_, count = _searched(points, open_, nominal, anchors, count, distance, height), 4 * count
    return np.where(height < 0, -distance, distance)


def _searched(
    points: Array, rows: Array, nominal: Nominal, anchors: Anchors, count: int, distance: Array, height: Array
) -> Array:
    """Hold some points against the triangles of so many places nearby: `distance` and `height` keep the nearest, and
    of those equally near (on an edge) the one that the offset is most along, which says which side it is. Rows are
    given back where another may be nearer: the next place is not beyond what was found and the reach together."""
    count = min(count, len(anchors.triangle))
    bound = distance[rows] + anchors.reach
    far, near = anchors.tree.query(points[rows], k=count, workers=WORKERS)
    far, near = far.reshape(len(rows), -1), near.reshape(len(rows), -1)
    row, column = np.nonzero(far < bound[:, None])
    which = anchors.triangle[near[row, column]]
    fresh = np.ones(len(row), bool)
    fresh[1:] = (which[1:] != which[:-1]) | (row[1:] != row[:-1])
    row, which = row[fresh], which[fresh]
    triangles, at = nominal.triangles[which], points[rows[row]]
    upright = nominal.upright[which]
    over = np.einsum("ij,ij->i", at - triangles[:, 0], upright)
    beside = _to_triangles(at, triangles, over)
    before = distance[rows]
    best = before.copy()
    np.minimum.at(best, row, beside)
    tied = beside <= best[row] + 1e-6
    most = np.where(before <= best + 1e-6, np.abs(height[rows]), 0.0)
    sign = np.where(before <= best + 1e-6, np.sign(height[rows]), 0.0)
    order = np.flatnonzero(tied)[np.argsort(np.abs(over[tied]), kind="stable")]
    stronger = order[np.abs(over[order]) >= most[row[order]]]
    most[row[stronger]], sign[row[stronger]] = np.abs(over[stronger]), np.sign(over[stronger])  # the last one stays
    distance[rows], height[rows] = best, sign * most
    open_ = (far[:, -1] < best + anchors.reach) & (count < len(anchors.triangle)) & (count < MOST)
    return rows[open_]


def _to_triangles(points: Array, triangles: Array, height: Array) -> Array:
    """Unsigned distance of each point to its triangle: its height over the plane, or beside it to the nearest edge."""
    corner = triangles[:, 0]
    one, two, away = triangles[:, 1] - corner, triangles[:, 2] - corner, points - corner
    a, b, c = _dot(one, one), _dot(one, two), _dot(two, two)
    d, e = _dot(away, one), _dot(away, two)
    v, w, whole = c * d - b * e, a * e - b * d, a * c - b * b
    distance = np.abs(height)
    beside = np.flatnonzero((v < 0) | (w < 0) | (v + w > whole))
    if len(beside):
        one, two, away = one[beside], two[beside], away[beside]
        nearest = _to_edge(away, one, a[beside])
        nearest = np.minimum(nearest, _to_edge(away, two, c[beside]))
        third = two - one
        nearest = np.minimum(nearest, _to_edge(away - one, third, _dot(third, third)))
        distance[beside] = np.sqrt(nearest)
    return distance


def _to_edge(away: Array, edge: Array, squared: Array) -> Array:
    """Squared distance of points to an edge that starts at the origin."""
    share = np.clip(_dot(away, edge) / np.maximum(squared, 1e-30), 0, 1)
    rest = away - share[:, None] * edge
    return _dot(rest, rest)


def _dot(one: Array, two: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", one, two))


def regions(
    found: Deviation, nominal: Nominal, *, limit: float, least_area: float, strange: Array | None = None
) -> list[tuple[Defect, Array]]:
    """Connected regions beyond `limit` mm and the uncovered ones, largest deviation first, each with its points.

    Points that are `strange [point]` belong to a region however far they are off.
    """
    listed: list[tuple[Defect, Array]] = []
    for sign, kind in ((1, "extra material"), (-1, "missing material")):
        chosen = sign * found.local > limit
        if strange is not None:
            chosen |= strange & (sign * found.local > 0)
        beyond = np.flatnonzero(chosen)
        for members in _components(found.points[beyond], 2.5 * found.spacing):
            index = beyond[members]
            area = len(index) * found.patch
            if area >= least_area:
                worst = float(found.local[index][np.abs(found.local[index]).argmax()])
                listed.append((_defect(found.points[index], area, worst, kind), found.points[index]))
    blank = np.flatnonzero(found.uncovered)
    patch = nominal.spacing**2
    for members in _components(nominal.samples[blank], 2.5 * nominal.spacing):
        index = blank[members]
        if len(index) * patch >= least_area:
            listed.append(
                (_defect(nominal.samples[index], len(index) * patch, None, "not covered"), nominal.samples[index])
            )
    return sorted(listed, key=lambda each: (-abs(each[0].max_deviation_mm or 0.0), -(each[0].area_mm2 or 0.0)))


def _defect(points: Array, area: float, worst: float | None, kind: str) -> Defect:
    centre = tuple(float(value) for value in points.mean(axis=0))
    return Defect(modality="scan", centroid_mm=centre, area_mm2=float(area), max_deviation_mm=worst, kind=kind)


def _averaged(cloud: cKDTree, points: Array, values: Array) -> tuple[Array, float]:
    """The robust mean of the values around each point, and the median distance to the three nearest points."""
    step = -(-len(points) // AVERAGED)
    places = points[::step]  # in Morton order, so evenly spread
    away, near = cloud.query(places, k=min(NEIGHBOURS, len(points)), workers=WORKERS)
    if near.ndim == 1:
        return values.copy(), 0.0
    local = _robust_mean(values[near])
    if step > 1:
        local = local[cKDTree(places).query(points, workers=WORKERS)[1]]
    return local, float(np.median(away[:, 1:4]))


def _robust_mean(values: Array) -> Array:
    """The mean of each row without its two extremes: one flying point must not make a defect."""
    if values.shape[1] < 5:
        return values.mean(axis=1)
    return np.sort(values, axis=1)[:, 1:-1].mean(axis=1)


def _surrounded(covered: Array, nominal: Nominal, spacing: float) -> Array:
    """Samples of whose wider neighbourhood the scanner met at least two thirds: it could see there."""
    count = min(96, len(nominal.samples))
    _, near = nominal.tree.query(nominal.samples[~covered], k=count, workers=WORKERS)
    answer = np.zeros(len(covered), bool)
    answer[~covered] = covered[near].mean(axis=1) > 0.66 if len(near) else False
    return answer


def _clustered(mask: Array, nominal: Nominal) -> Array:
    """Drops lone samples: of the eight nearest, at least three must be uncovered as well."""
    index = np.flatnonzero(mask)
    kept = np.zeros(len(mask), bool)
    if len(index):
        _, near = nominal.tree.query(nominal.samples[index], k=min(9, len(mask)))
        kept[index] = mask[near].sum(axis=1) >= 4
    return kept


def _components(points: Array, reach: float) -> list[Array]:
    """Groups of points linked by steps of at most `reach`."""
    if not len(points):
        return []
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = cKDTree(points).query_pairs(reach, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    count, label = connected_components(links, directed=False)
    return [np.flatnonzero(label == which) for which in range(count)] if count < 5000 else []
