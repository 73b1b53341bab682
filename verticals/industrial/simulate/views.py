"""What a sensor sees of a mesh: orthographic z-buffers with the point, the normal and the pixel of each hit.

A view is made once for a part and used for every unit of it: units differ by millimetre-sized edits of the hits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.types import Array

MOST_FRAGMENTS = 30_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """Hits of one view: `points`, `normals` `[hit, xyz]`, `pixel` `[hit]` of an image, and the way to the eye."""

    points: Array
    normals: Array
    pixel: Array
    shape: tuple[int, int]
    eye: Array
    right: Array
    up: Array
    step: float  # mm a pixel

    @property
    def facing(self) -> Array:
        """The cosine between normal and line of sight, for each hit."""
        return self.normals @ self.eye


def look(
    triangles: Array, eye: Array, *, step: float, shape: tuple[int, int] | None = None, offset: float = 0.0
) -> View:
    """The nearest surface along parallel rays from the direction `eye`, one ray each `step` mm.

    `shape` fixes the image (centred on the origin); without it the image fits the part. Inner sides are not hits.
    """
    eye = np.asarray(eye, float) / np.linalg.norm(eye)
    right = np.cross([0.0, 1.0, 0.0] if abs(eye[1]) < 0.9 else [1.0, 0.0, 0.0], eye)
    right /= np.linalg.norm(right)
    up = np.cross(eye, right)
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
