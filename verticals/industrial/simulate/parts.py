"""Parts to generate units of: extruded and turned bodies in mm, and any mesh of the user's own.

Outlines are triangulated by Delaunay over dense boundary points, so no boolean library is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial import Delaunay

from ....core.errors import UnknownName
from ....core.types import Array
from ..points.clouds import nominal_of, read_nominal
from ..records import Nominal


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A part as designed, centred, with the side the camera looks at upwards (z)."""

    name: str
    nominal: Nominal

    @property
    def triangles(self) -> Array:
        return self.nominal.triangles


def part(name: str) -> Part:
    """One of the generator's parts by name.

    Raises:
        UnknownName: there is none of that name.
    """
    if name not in PARTS:
        raise UnknownName("generated part", name, PARTS)
    return _built(name)


def part_of_mesh(path: str | Path) -> Part:
    """A part of the user's own, from STL, OBJ or PLY in mm."""
    return Part(name=Path(path).stem, nominal=read_nominal(path))


@cache
def _built(name: str) -> Part:
    triangles = PARTS[name]()
    middle = (triangles.min(axis=(0, 1)) + triangles.max(axis=(0, 1))) / 2
    return Part(name=name, nominal=nominal_of(triangles - middle))


def flange() -> Array:
    """A disk of radius 40 with a bore and six bolt holes."""
    bolts = [_circle(3.5, 30 * np.cos(a), 30 * np.sin(a)) for a in np.arange(6) * np.pi / 3]
    return extrude(_circle(40.0), [_circle(12.0), *bolts], 10.0)


def plate() -> Array:
    """A rectangular plate with three holes that break its symmetry."""
    holes = [_circle(5.0, -22.0, 8.0), _circle(5.0, 22.0, 8.0), _circle(8.0, 8.0, -6.0)]
    return extrude(_rectangle(70.0, 40.0), holes, 8.0)


def bracket() -> Array:
    """An angle: an L profile drawn out to 40 mm."""
    profile = np.array([[0, 0], [45, 0], [45, 7], [11, 7], [7, 11], [7, 32], [0, 32]], float)
    triangles = extrude(_dense(profile), [], 40.0)
    return triangles[:, :, [0, 2, 1]][:, ::-1]  # the inner corner looks up


def ring() -> Array:
    """A bearing ring, turned: radii 26 and 36, 18 wide, with a race of radius 5."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 15)[1:-1]
    race = np.stack([26 + 4 * np.cos(angle), 5 * np.sin(angle)], axis=1)
    profile = np.concatenate(
        [[[26.0, -9.0]], [[26.0, -5.0]], race, [[26.0, 5.0]], [[26.0, 9.0]], [[36.0, 9.0]], [[36.0, -9.0]]]
    )
    return revolve(profile[::-1], 120)


PARTS: dict[str, Callable[[], Array]] = {"flange": flange, "plate": plate, "bracket": bracket, "ring": ring}


def extrude(outline: Array, holes: Sequence[Array], height: float, step: float = 1.5) -> Array:
    """Triangles `[triangle, corner, xyz]` of the body from z = 0 to `height` with the outline less holes as section."""
    loops = [_dense(outline, step), *(_dense(hole, step) for hole in holes)]
    low, high = outline.min(axis=0), outline.max(axis=0)
    grid = np.stack(np.meshgrid(*(np.arange(a, b, 2 * step) + step / 3 for a, b in zip(low, high, strict=True))), -1)
    grid = grid.reshape(-1, 2)
    edge = np.concatenate(loops)
    clear = np.linalg.norm(grid[:, None] - edge[None], axis=2).min(axis=1) > 0.8 * step
    points = np.concatenate([edge, grid[_inside(grid, loops) & clear]])
    faces = Delaunay(points).simplices
    faces = faces[_inside(points[faces].mean(axis=1), loops)]
    faces = _turned(points, faces)
    top = np.concatenate([points, np.full((len(points), 1), height)], axis=1)[faces]
    bottom = np.concatenate([points, np.zeros((len(points), 1))], axis=1)[faces][:, ::-1]
    walls = [_wall(loop, height, outward=number == 0) for number, loop in enumerate(loops)]
    return np.concatenate([top, bottom, *walls])


def revolve(profile: Array, steps: int) -> Array:
    """Triangles of the body that a closed profile `[corner, (radius, z)]` sweeps round the z axis."""
    angles = np.arange(steps + 1) * 2 * np.pi / steps
    closed = np.concatenate([profile, profile[:1]])
    rows = np.stack(
        [
            closed[:, 0, None] * np.cos(angles),
            closed[:, 0, None] * np.sin(angles),
            np.broadcast_to(closed[:, 1, None], (len(closed), steps + 1)),
        ],
        axis=-1,
    )
    a, b, c, d = rows[:-1, :-1], rows[1:, :-1], rows[1:, 1:], rows[:-1, 1:]
    return np.concatenate(
        [np.stack([a, c, b], axis=2).reshape(-1, 3, 3), np.stack([a, d, c], axis=2).reshape(-1, 3, 3)]
    )


def _wall(loop: Array, height: float, *, outward: bool) -> Array:
    area = 0.5 * np.sum(loop[:, 0] * np.roll(loop[:, 1], -1) - loop[:, 1] * np.roll(loop[:, 0], -1))
    if (area > 0) != outward:
        loop = loop[::-1]
    after = np.roll(loop, -1, axis=0)
    low, low_after = (np.concatenate([each, np.zeros((len(loop), 1))], axis=1) for each in (loop, after))
    lift = np.array([0.0, 0.0, height])
    high, high_after = low + lift, low_after + lift
    return np.concatenate([np.stack([low, low_after, high_after], axis=1), np.stack([low, high_after, high], axis=1)])


def _inside(points: Array, loops: Sequence[Array]) -> Array:
    """Even-odd rule over all loops."""
    inside = np.zeros(len(points), bool)
    for loop in loops:
        after = np.roll(loop, -1, axis=0)
        crosses = (loop[None, :, 1] > points[:, 1:]) != (after[None, :, 1] > points[:, 1:])
        rise = np.where(after[:, 1] == loop[:, 1], 1e-12, after[:, 1] - loop[:, 1])
        at = loop[None, :, 0] + (points[:, 1:] - loop[None, :, 1]) * ((after[:, 0] - loop[:, 0]) / rise)[None]
        inside ^= (crosses & (points[:, :1] < at)).sum(axis=1) % 2 == 1
    return inside


def _turned(points: Array, faces: Array) -> Array:
    """Faces with their corners counter-clockwise."""
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    one, two = b - a, c - a
    negative = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] < 0
    return np.where(negative[:, None], faces[:, ::-1], faces)


def _dense(loop: Array, step: float = 1.5) -> Array:
    """The closed loop with points at most `step` apart."""
    pieces = []
    for start, end in zip(loop, np.roll(loop, -1, axis=0), strict=True):
        count = max(1, int(np.ceil(np.linalg.norm(end - start) / step)))
        pieces.append(start + (end - start) * (np.arange(count) / count)[:, None])
    return np.concatenate(pieces)


def _circle(radius: float, x: float = 0.0, y: float = 0.0) -> Array:
    angle = np.arange(max(24, int(radius * 4))) * 2 * np.pi / max(24, int(radius * 4))
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def _rectangle(width: float, height: float) -> Array:
    return np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
