"""What a sensor sees of a part along parallel rays: a z-buffer of a mesh, or sphere tracing of a field.

A view is made once for a part: its rays then start where the part as designed first comes near, and a unit, which
differs by less than that, is traced from there. Sources: sphere tracing, Hart 1996.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....core.types import Array
from .edits import Field

MOST_FRAGMENTS = 30_000_000
MARGIN = 1.5  # mm: no unit differs from the design by more, outwards
STEPS, CAUTION, CLOSE = 60, 0.9, 2e-3  # of a march: at most so many, each a share of the distance, until so near
NEAR = 5e-3  # mm: the step that normals are differenced with


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """Rays of one view: where each starts, its pixel, and the hit on the part as designed (`hits` names those rays).

    `points` and `normals` are `[hit, xyz]`. The tangent planes at the hits stand for a mesh that has no field.
    """

    start: Array  # [ray, xyz]
    pixel: Array  # [ray], of an image of this shape
    hits: Array  # [hit]: rays
    points: Array
    normals: Array
    shape: tuple[int, int]
    eye: Array
    right: Array
    up: Array
    step: float  # mm a pixel

    @property
    def facing(self) -> Array:
        """The cosine between normal and line of sight, for each hit."""
        return self.normals @ self.eye

    def planes(self, points: Array, rays: Array) -> Array:
        """The signed distance to the tangent plane at the hit of each ray (every ray of a mesh's view hits)."""
        return np.einsum("ij,ij->i", points - self.points[rays], self.normals[rays])

    def strike(self, field: Field, rays: Array) -> tuple[Array, Array, Array]:
        """Those of the rays that meet the field, where, and the normals there."""
        met, points = march(field, self.start[rays], self.eye, rays)
        rays = rays[met]
        normals = gradients(field, points, rays)
        facing = np.maximum(normals @ self.eye, 0.1)
        points = points - (field(points, rays) / facing)[:, None] * self.eye
        return rays, points, normals


def march(field: Field, start: Array, eye: Array, rays: Array, *, until: float = CLOSE) -> tuple[Array, Array]:
    """Sphere tracing against the way to the eye: which rays come as near as `until`, and their points there."""
    points = start.copy()
    active, met = np.arange(len(start)), np.zeros(len(start), bool)
    lowest = float((start @ eye).min(initial=0.0)) - 200.0
    for _ in range(STEPS):
        if not len(active):
            break
        distance = field(points[active], rays[active])
        near = distance < until
        met[active[near]] = True
        active, distance = active[~near], distance[~near]
        points[active] -= (CAUTION * np.maximum(distance, until / 2))[:, None] * eye
        inside = points[active] @ eye > lowest
        active = active[inside]
    return met, points[met]


def gradients(field: Field, points: Array, rays: Array) -> Array:
    """Unit normals of the field, from four evaluations on a tetrahedron."""
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], float)
    gradient = sum(corner * field(points + NEAR * corner, rays)[:, None] for corner in corners)
    return np.asarray(gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-30))


def trace(
    distance: Callable[[Array], Array],
    reach: tuple[float, float, float],
    eye: Array,
    *,
    step: float,
    shape: tuple[int, int] | None = None,
) -> View:
    """The view of a field that lies in a box of half sides `reach`, one ray each `step` mm."""
    eye, right, up = axes(eye)
    corners = np.stack(np.meshgrid(*([-side, side] for side in reach)), axis=-1).reshape(-1, 3)
    if shape is None:
        shape = (int(2 * (corners @ up).max() / step) + 2, int(2 * (corners @ right).max() / step) + 2)
    height, width = shape
    pixel = np.arange(height * width)
    across, down = pixel % width + 0.5 - width / 2, pixel // width + 0.5 - height / 2
    front = float((corners @ eye).max()) + MARGIN
    start = step * (across[:, None] * right - down[:, None] * up) + front * eye

    def field(points: Array, _: Array) -> Array:
        return distance(points)

    near, start = march(field, start, eye, pixel, until=MARGIN)
    inside = (np.abs(start) < np.asarray(reach) + 2 * MARGIN).all(axis=1)
    pixel, start = pixel[near][inside], start[inside]
    rays = np.arange(len(start))
    met, points = march(field, start, eye, rays)
    normals = gradients(field, points, rays[met])
    points = points - (distance(points) / np.maximum(normals @ eye, 0.1))[:, None] * eye
    return View(
        start=start,
        pixel=pixel,
        hits=rays[met],
        points=points,
        normals=normals,
        shape=shape,
        eye=eye,
        right=right,
        up=up,
        step=step,
    )


def axes(eye: Array) -> tuple[Array, Array, Array]:
    """The way to the eye, and right and up as the eye sees them."""
    eye = np.asarray(eye, float) / np.linalg.norm(eye)
    right = np.cross([0.0, 1.0, 0.0] if abs(eye[1]) < 0.9 else [1.0, 0.0, 0.0], eye)
    right /= np.linalg.norm(right)
    return eye, right, np.cross(eye, right)


def look(
    triangles: Array, eye: Array, *, step: float, shape: tuple[int, int] | None = None, offset: float = 0.0
) -> View:
    """The nearest surface along parallel rays from the direction `eye`, one ray each `step` mm.

    `shape` fixes the image (centred on the origin); without it the image fits the part. Inner sides are not hits.
    """
    eye, right, up = axes(eye)
    flat = np.stack([triangles @ right, triangles @ up, triangles @ eye], axis=-1)
    if shape is None:
        reach = np.abs(flat[..., :2]).max(axis=(0, 1)) + 2 * step
        shape = (int(2 * reach[1] / step), int(2 * reach[0] / step))
    height, width = shape
    plane = np.stack([flat[..., 0] / step + width / 2 + offset, height / 2 - flat[..., 1] / step + offset], axis=-1)
    which, pixel, weights = _fragments(plane, shape)
    depth = np.einsum("fc,fc->f", weights, flat[which, :, 2])
    order = np.argsort(depth, kind="stable")
    nearest = np.full(height * width, -1)
    nearest[pixel[order]] = order  # the last written is the nearest to the eye
    hit = nearest[nearest >= 0]
    edges = triangles[:, 1:] - triangles[:, :1]
    normals = np.cross(edges[:, 0], edges[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    hit = hit[normals[which[hit]] @ eye > 0.02]
    points = np.einsum("fc,fcx->fx", weights[hit], triangles[which[hit]])
    return View(
        start=points + MARGIN * eye,
        hits=np.arange(len(hit)),
        points=points,
        normals=normals[which[hit]],
        pixel=pixel[hit],
        shape=shape,
        eye=eye,
        right=right,
        up=up,
        step=step,
    )


def _fragments(plane: Array, shape: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Triangle, pixel and corner weights of every pixel centre inside every triangle `[triangle, corner, (x, y)]`."""
    height, width = shape
    low = np.clip(np.ceil(plane.min(axis=1) - 0.5), 0, [width, height]).astype(int)
    high = np.clip(np.floor(plane.max(axis=1) - 0.5), -1, [width - 1, height - 1]).astype(int)
    size = np.clip(high - low + 1, 0, None)
    count = size.prod(axis=1)
    if count.sum() > MOST_FRAGMENTS:
        raise MemoryError(f"{count.sum()} fragments for a view of {width} by {height}")
    which = np.repeat(np.arange(len(plane)), count)
    within = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    x = low[which, 0] + within % np.maximum(size[which, 0], 1)
    y = low[which, 1] + within // np.maximum(size[which, 0], 1)
    a, b, c = (plane[which, corner] for corner in range(3))
    centre = np.stack([x + 0.5, y + 0.5], axis=1)
    double = _cross(b - a, c - a)
    with np.errstate(divide="ignore", invalid="ignore"):
        second, third = _cross(centre - a, c - a) / double, _cross(b - a, centre - a) / double
        weights = np.stack([1 - second - third, second, third], axis=1)
    inside = (np.abs(double) > 1e-12) & (weights >= -1e-9).all(axis=1)
    return which[inside], (y * width + x)[inside], weights[inside]


def _cross(one: Array, two: Array) -> Array:
    return one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
