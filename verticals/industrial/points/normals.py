"""Normals of a scan: planes through neighbours, and one outside for all of them. Knows nothing of the nominal part.

Sources: Hoppe et al. 1992 (signs handed on along the tree of least turns), Xie et al. 2003 (over sharp edges). The
side is settled by the volume that the signed points enclose, which no bore and no pocket can turn round.
"""

from __future__ import annotations

import numpy as np

from ....core.types import Array

LINKS = 8  # neighbours along which signs are handed on


def plane_normals(points: Array, near: Array) -> Array:
    """Unit normals `[point, xyz]` of planes through the points `near [point, neighbour]`; their sign is arbitrary."""
    local = points[near]
    local = local - local.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(np.swapaxes(local, 1, 2) @ local)
    return np.asarray(vectors[:, :, 0])


def oriented(points: Array, normals: Array, near: Array) -> Array:
    """The normals with signs that agree between neighbours `near [point, neighbour]`, outwards."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

    count = len(points)
    links = near[:, 1 : LINKS + 1]
    one, two = np.repeat(np.arange(count), links.shape[1]), links.ravel()
    turn = 1.001 - np.abs(_agreement(points, normals, one, two))
    tree = minimum_spanning_tree(coo_array((turn, (one, two)), shape=(count, count)).tocsr())
    pieces, label = connected_components(tree, directed=False)
    sign = np.ones(count)
    for piece in range(pieces):
        members = np.flatnonzero(label == piece) if pieces > 1 else np.arange(count)
        order, parent = breadth_first_order(tree, members[0], directed=False)
        _hand_on(sign, points, normals, order, parent)
        height = np.einsum("ij,ij->i", points[members] - points.mean(axis=0), normals[members]) * sign[members]
        if height.sum() < 0:
            sign[members] *= -1
    return normals * sign[:, None]


def _agreement(points: Array, normals: Array, one: Array, two: Array) -> Array:
    """The cosine between one normal, mirrored in the line between both points, and the other.

    On an arc it is 1 however far it turns, and over a sharp edge of a part too, where the plain cosine is 0.
    """
    line = points[two] - points[one]
    squared = np.maximum(np.einsum("ij,ij->i", line, line), 1e-30)
    along = np.einsum("ij,ij->i", normals[one], line) * np.einsum("ij,ij->i", normals[two], line) / squared
    return np.asarray(np.einsum("ij,ij->i", normals[one], normals[two]) - 2 * along)


def _hand_on(sign: Array, points: Array, normals: Array, order: Array, parent: Array) -> None:
    """Every point takes the sign that agrees with its parent's: products along the way from the root."""
    above = np.where(parent >= 0, parent, np.arange(len(parent)))
    flips = np.where(_agreement(points, normals, np.arange(len(above)), above) < 0, -1.0, 1.0)
    walk = flips.tolist()
    parents = above.tolist()
    for at in order[1:].tolist():
        walk[at] *= walk[parents[at]]
    sign[order] = np.array(walk)[order]
