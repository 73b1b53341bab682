"""The surface of a field as triangles: dual contouring, which keeps sharp edges (Ju, Losasso, Schaefer, Warren 2002).

One vertex a cell that the surface crosses, where the tangent planes of its crossings meet; one quadrilateral an edge of
the grid that the surface crosses. Knows nothing of parts.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from ....core.types import Array

PULL = 0.05  # towards the mean of the crossings, so that flat cells have one answer
NEAR = 1e-4  # mm: the step that normals are differenced with


def contour(field: Callable[[Array], Array], reach: tuple[float, float, float], *, step: float) -> Array:
    """Triangles `[triangle, corner, xyz]` of the zero level inside the box of half sides `reach`, facing outwards."""
    axes = [np.arange(-side - 1.37 * step, side + 2 * step, step) for side in reach]
    shape = tuple(len(axis) for axis in axes)
    corners = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = _valued(field, corners.reshape(-1, 3)).reshape(shape)
    found = [_crossings(values, corners, axis, field) for axis in range(3)]
    at = np.concatenate([each[1] for each in found])
    cells = np.concatenate([_cells(each[0], axis, shape) for axis, each in enumerate(found)])
    numbers, which = np.unique(cells, return_inverse=True)
    low = corners.reshape(-1, 3)[numbers]
    vertices = _vertices(at, normals_of(field, at), which.reshape(cells.shape), low, step)
    faces = []
    start = 0
    for axis, (_, points, rises) in enumerate(found):
        quads = which.reshape(cells.shape)[start : start + len(points)]
        quads = np.where((rises != (axis == 1))[:, None], quads, quads[:, ::-1])
        faces.append(quads)
        start += len(points)
    return _split(vertices, np.concatenate(faces))


def normals_of(field: Callable[[Array], Array], points: Array, near: float = NEAR) -> Array:
    """Unit gradients of the field at the points, from four evaluations on a tetrahedron."""
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], float)
    gradient = sum(corner * field(points + near * corner)[:, None] for corner in corners)
    return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-30)


def _valued(field: Callable[[Array], Array], points: Array, most: int = 400_000) -> Array:
    """The field, a bounded number of points at a time."""
    parts = [field(points[start : start + most]) for start in range(0, len(points), most)]
    return np.concatenate(parts)


def _crossings(values: Array, corners: Array, axis: int, field: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
    """Grid edges along one axis that the surface crosses: index of the lower end, the crossing, whether it rises."""
    low = np.take(values, range(values.shape[axis] - 1), axis=axis)
    high = np.take(values, range(1, values.shape[axis]), axis=axis)
    index = np.argwhere((low < 0) != (high < 0))
    begin = corners[tuple(index.T)]
    after = index.copy()
    after[:, axis] += 1
    end = corners[tuple(after.T)]
    inside = np.where((values[tuple(index.T)] < 0)[:, None], begin, end)
    outside = np.where((values[tuple(index.T)] < 0)[:, None], end, begin)
    for _ in range(14):  # bisection: robust where the field is not smooth
        middle = (inside + outside) / 2
        within = (field(middle) < 0)[:, None]
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
    return index, (inside + outside) / 2, values[tuple(index.T)] < 0


def _cells(index: Array, axis: int, shape: tuple[int, ...]) -> Array:
    """The four cells round each edge `[edge, 4]`, in order round it, as flat numbers of their lowest corners."""
    one, two = [each for each in range(3) if each != axis]
    around = []
    for a, b in ((0, 0), (1, 0), (1, 1), (0, 1)):
        cell = index.copy()
        cell[:, one] -= 1 - a
        cell[:, two] -= 1 - b
        around.append(np.ravel_multi_index(tuple(cell.T), shape))
    return np.stack(around, axis=1)


def _vertices(at: Array, normals: Array, cells: Array, low: Array, step: float) -> Array:
    """Where the tangent planes of each cell's crossings meet best, kept inside the cell."""
    count = len(low)
    weight = np.bincount(cells.ravel(), minlength=count)[:, None]
    mean = (
        np.stack([np.bincount(cells.ravel(), np.repeat(at[:, x], 4), minlength=count) for x in range(3)], axis=1)
        / weight
    )
    left, right = np.zeros((count, 3, 3)), np.zeros((count, 3))
    away = np.einsum("ex,ecx->ec", normals, at[:, None] - mean[cells])
    for a, b in product(range(3), repeat=2):
        left[:, a, b] = np.bincount(cells.ravel(), np.repeat(normals[:, a] * normals[:, b], 4), minlength=count)
    for a in range(3):
        right[:, a] = np.bincount(cells.ravel(), (normals[:, a, None] * away).ravel(), minlength=count)
    left += PULL * np.eye(3)
    return np.clip(mean + np.linalg.solve(left, right[:, :, None])[:, :, 0], low, low + step)


def _split(vertices: Array, quads: Array) -> Array:
    """Two triangles a quadrilateral, along its shorter diagonal, so that edges stay straight."""
    corner = vertices[quads]
    first = np.linalg.norm(corner[:, 0] - corner[:, 2], axis=1)
    second = np.linalg.norm(corner[:, 1] - corner[:, 3], axis=1)
    ahead = (first <= second)[:, None]
    one = np.where(ahead, quads[:, [0, 1, 2]], quads[:, [0, 1, 3]])
    two = np.where(ahead, quads[:, [0, 2, 3]], quads[:, [1, 2, 3]])
    return vertices[np.concatenate([one, two])]
