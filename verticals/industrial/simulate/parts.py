"""Parts to generate units of: solids with toleranced sizes, as signed distance fields in mm, and meshes of the user's.

A size of a good unit is drawn from N(value, (tolerance / 6)^2), the tolerance being the whole width of its band. The
side that the camera looks at is up (z).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ....core.errors import UnknownName
from ....core.types import Array
from ..points.clouds import nominal_of, read_nominal
from ..records import Nominal
from . import shapes
from .contour import contour

Sizes: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Hole:
    """A cylindrical feature: where its axis leaves the part on top, the way along it, its radius and depth in mm."""

    centre: tuple[float, float, float]
    axis: tuple[float, float, float]
    radius: float
    depth: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Solid:
    """A part as a field: `distance(points, sizes)`, its sizes with the widths of their tolerance bands, its holes."""

    distance: Callable[[Array, Sizes], Array]
    sizes: Sizes
    tolerances: Sizes
    holes: tuple[Hole, ...]
    reach: tuple[float, float, float]  # half sides of a box that holds the part
    material: str

    def drawn(self, generator: np.random.Generator) -> dict[str, float]:
        """The sizes of one good unit."""
        return {
            name: float(value + generator.normal() * self.tolerances[name] / 6) for name, value in self.sizes.items()
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A part as designed: its surface, and the solid that it was made from (a mesh of the user's own has none)."""

    name: str
    nominal: Nominal
    solid: Solid | None = None

    @property
    def triangles(self) -> Array:
        return self.nominal.triangles

    @cached_property
    def material(self) -> str:
        return self.solid.material if self.solid is not None else "aluminium"


def part(name: str) -> Part:
    """One of the generator's parts by name.

    Raises:
        UnknownName: there is none of that name.
    """
    if name not in PARTS:
        raise UnknownName("generated part", name, PARTS)
    return _built(name)


def part_of_mesh(path: str | Path) -> Part:
    """A part of the user's own, from STL, OBJ or PLY in mm, moved so that its bounding box is about the origin."""
    read = read_nominal(path)
    middle = (read.triangles.min(axis=(0, 1)) + read.triangles.max(axis=(0, 1))) / 2
    nominal = read if np.abs(middle).max() < 1e-6 else nominal_of(read.triangles - middle)
    return Part(name=Path(path).stem, nominal=nominal)


@cache
def _built(name: str) -> Part:
    solid = PARTS[name]()
    triangles = contour(lambda points: solid.distance(points, solid.sizes), solid.reach, step=STEPS.get(name, 1.0))
    return Part(name=name, nominal=nominal_of(triangles), solid=solid)


def _solid(
    distance: Callable[[Array, Sizes], Array],
    sizes: dict[str, tuple[float, float]],
    *,
    reach: tuple[float, float, float],
    holes: tuple[Hole, ...] = (),
    material: str = "aluminium",
) -> Solid:
    return Solid(
        distance=distance,
        sizes={name: value for name, (value, _) in sizes.items()},
        tolerances={name: width for name, (_, width) in sizes.items()},
        holes=holes,
        reach=reach,
        material=material,
    )


def _hole(x: float, y: float, z: float, radius: float, depth: float) -> Hole:
    return Hole(centre=(x, y, z), axis=(0.0, 0.0, 1.0), radius=radius, depth=depth)


def plate() -> Solid:
    """A rectangular plate with three holes that break its symmetry, and two ribs on top."""
    sizes = {"length": (70.0, 0.10), "width": (40.0, 0.08), "height": (8.0, 0.06), "rib": (3.0, 0.04)}
    sizes |= {"small bore": (10.0, 0.05), "large bore": (16.0, 0.05), "spacing": (44.0, 0.08)}
    holes = (_hole(-22, 6, 2.5, 5, 8), _hole(22, 6, 2.5, 5, 8), _hole(8, -5, 2.5, 8, 8))
    return _solid(shapes.plate, sizes, reach=(35.3, 20.3, 5.8), holes=holes)


def flange() -> Solid:
    """A disk with a hub, a bore and six bolt holes on a pitch circle."""
    sizes = {"diameter": (80.0, 0.10), "height": (10.0, 0.06), "hub": (36.0, 0.08), "bore": (24.0, 0.05)}
    sizes |= {"bolt": (7.0, 0.06), "pitch circle": (60.0, 0.08), "hub height": (8.0, 0.06)}
    bolts = tuple(_hole(30 * np.cos(a), 30 * np.sin(a), 1, 3.5, 10) for a in np.arange(6) * np.pi / 3)
    holes = (_hole(0, 0, 9, 12, 18), *bolts)
    return _solid(shapes.flange, sizes, reach=(40.3, 40.3, 9.3), holes=holes)


def bracket() -> Solid:
    """An angle of two plates with a filleted inner corner and three holes."""
    sizes = {"leg": (50.0, 0.08), "depth": (40.0, 0.08), "thickness": (7.0, 0.05), "bore": (8.0, 0.05)}
    sizes |= {"wall": (32.0, 0.08)}
    holes = (_hole(-4, 12, -9, 4, 7), _hole(-4, -12, -9, 4, 7), _hole(15, 0, -9, 4, 7))
    return _solid(shapes.bracket, sizes, reach=(25.3, 20.3, 16.3), holes=holes, material="iron")


def ring() -> Solid:
    """The outer ring of a bearing with its race."""
    sizes = {"inner": (52.0, 0.05), "outer": (72.0, 0.05), "width": (18.0, 0.06), "race": (5.0, 0.03)}
    return _solid(shapes.ring, sizes, reach=(36.3, 36.3, 9.3), holes=(_hole(0, 0, 9, 26, 18),), material="steel")


def gear() -> Solid:
    """A spur gear of 18 teeth, module 4, with trapezoid flanks, a hub and a bore."""
    sizes = {"tip": (80.0, 0.10), "root": (62.0, 0.10), "tooth": (6.28, 0.05), "width": (14.0, 0.06)}
    sizes |= {"bore": (20.0, 0.05), "hub": (36.0, 0.08)}
    return _solid(shapes.gear, sizes, reach=(40.3, 40.3, 10.3), holes=(_hole(0, 0, 10, 10, 20),), material="steel")


def nut() -> Solid:
    """A hexagonal nut with chamfered corners and a countersunk bore (without its thread)."""
    sizes = {"flats": (46.0, 0.10), "height": (24.0, 0.08), "bore": (26.0, 0.06)}
    return _solid(shapes.nut, sizes, reach=(23.3, 26.9, 12.3), holes=(_hole(0, 0, 12, 13, 24),), material="oxide")


def elbow() -> Solid:
    """A quarter of a pipe bend with a flange at each end."""
    sizes = {"bend": (36.0, 0.10), "pipe": (24.0, 0.08), "wall": (3.0, 0.06), "collar": (36.0, 0.08)}
    sizes |= {"collar height": (6.0, 0.05)}
    return _solid(shapes.elbow, sizes, reach=(27.3, 27.3, 18.3), material="brass")


def shaft() -> Solid:
    """A stepped shaft along x with a keyway on top."""
    sizes = {"length": (90.0, 0.12), "large": (30.0, 0.05), "small": (20.0, 0.05), "shoulder": (50.0, 0.08)}
    sizes |= {"keyway": (6.0, 0.04), "key depth": (3.5, 0.04)}
    return _solid(shapes.shaft, sizes, reach=(45.3, 15.3, 15.3), material="steel")


PARTS: dict[str, Callable[[], Solid]] = {
    "plate": plate,
    "flange": flange,
    "bracket": bracket,
    "ring": ring,
    "gear": gear,
    "nut": nut,
    "elbow": elbow,
    "shaft": shaft,
}
STEPS = {"gear": 0.8}  # mm between the samples that the surface of a part is contoured from
