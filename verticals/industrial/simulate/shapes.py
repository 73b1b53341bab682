"""The distance of points to each of the generator's parts, for sizes in mm. Geometry only: no tolerance, no sensor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....core.types import Array
from .fields import around, box, cut, cylinder, join, meet, polygon, prism, torus, tube

EDGE = 0.4  # mm: the radius that edges are broken with


def by(*shift: float) -> Array:
    """How far a body lies from the origin."""
    return np.array(shift)


def plate(points: Array, sizes: Mapping[str, float]) -> Array:
    """The slab lies between z = -5.5 and 2.5, the ribs reach 5.5."""
    low = points + by(0.0, 0.0, 1.5)
    body = box(low, (sizes["length"] / 2, sizes["width"] / 2, sizes["height"] / 2), rounding=EDGE)
    tall = sizes["height"] / 2 + sizes["rib"]
    for side in (-1.0, 1.0):
        rib = box(low - by(0.0, side * 17.0, tall / 2), (sizes["length"] / 2 - 3, 1.6, tall / 2), rounding=EDGE)
        body = join(body, rib, fillet=1.5)
    half = sizes["spacing"] / 2
    for x, y, width in ((-half, 6.0, "small bore"), (half, 6.0, "small bore"), (8.0, -5.0, "large bore")):
        body = cut(body, tube(low - by(x, y, 0.0), sizes[width] / 2), fillet=EDGE)
    return body


def flange(points: Array, sizes: Mapping[str, float]) -> Array:
    disk = cylinder(points + by(0.0, 0.0, 4.0), sizes["diameter"] / 2, sizes["height"] / 2, rounding=EDGE)
    tall = (
        sizes["height"] / 2 + sizes["hub height"]
    ) / 2  # from the middle of the disk: a union of two flush faces bulges
    hub = cylinder(points - by(0.0, 0.0, tall - 4.0), sizes["hub"] / 2, tall, rounding=EDGE)
    body = join(disk, hub, fillet=4.0)
    body = cut(body, tube(points, sizes["bore"] / 2), fillet=EDGE)
    bolt = around(points, 6) - by(sizes["pitch circle"] / 2, 0.0, 0.0)
    return cut(body, tube(bolt, sizes["bolt"] / 2), fillet=EDGE)


def bracket(points: Array, sizes: Mapping[str, float]) -> Array:
    thick, leg, deep, wall = sizes["thickness"], sizes["leg"] / 2, sizes["depth"] / 2, sizes["wall"] / 2
    flat = points[:, [0, 2]]
    inner = box(flat - by(thick - 25.0 + 50.0, thick - 16.0 + 50.0), (50.0, 50.0), rounding=6.0)
    profile = cut(box(flat - by(leg - 25.0, wall - 16.0), (leg, wall), rounding=EDGE), inner, fillet=EDGE)
    body = prism(profile, np.abs(points[:, 1]) - deep)
    for x, y in ((-4.0, 12.0), (-4.0, -12.0), (15.0, 0.0)):
        bore = cylinder(points - by(x, y, -12.5), sizes["bore"] / 2, 8.0)
        body = cut(body, bore, fillet=EDGE)
    return body


def ring(points: Array, sizes: Mapping[str, float]) -> Array:
    body = cylinder(points, sizes["outer"] / 2, sizes["width"] / 2, rounding=EDGE)
    body = cut(body, tube(points, sizes["inner"] / 2), fillet=EDGE)
    return cut(body, torus(points, sizes["inner"] / 2 - 1.0, sizes["race"]), fillet=EDGE)


def gear(points: Array, sizes: Mapping[str, float]) -> Array:
    one = around(points, 18)
    tip, root, half = sizes["tip"] / 2, sizes["root"] / 2, sizes["tooth"] / 2
    flank = np.array([[0.0, half * 1.62], [root, half * 1.55], [tip, half * 0.62], [tip, 0.0], [0.0, 0.0]])
    folded = np.stack([one[:, 0], np.abs(one[:, 1])], axis=1)
    tooth = polygon(folded, np.concatenate([flank[:3], flank[2:0:-1] * [1, -1], [[0.0, -half * 1.62]]]))
    flat = join(tooth, tube(points, root), fillet=1.2)
    body = prism(flat, np.abs(points[:, 2]) - sizes["width"] / 2)
    hub = cylinder(points, sizes["hub"] / 2, 10.0, rounding=EDGE)
    return cut(join(body, hub, fillet=2.0), tube(points, sizes["bore"] / 2), fillet=EDGE)


def nut(points: Array, sizes: Mapping[str, float]) -> Array:
    side = around(points, 6)[:, 0] - sizes["flats"] / 2
    half = sizes["height"] / 2
    body = prism(side, np.abs(points[:, 2]) - half)
    radius = np.hypot(points[:, 0], points[:, 1])
    slope = np.deg2rad(30.0)
    chamfer = (np.abs(points[:, 2]) - half) * np.cos(slope) + (radius - sizes["flats"] / 2 + 0.8) * np.sin(slope)
    sink = (radius - sizes["bore"] / 2 - 1.2 + (half - np.abs(points[:, 2]))) / np.sqrt(2.0)
    bored = cut(meet(body, chamfer), tube(points, sizes["bore"] / 2))
    return cut(bored, sink)


def elbow(points: Array, sizes: Mapping[str, float]) -> Array:
    """The bend's centre lies at (-27, -27); its ends look along -y and along -x."""
    at = points + by(27.0, 27.0, 0.0)
    large, small = sizes["bend"], sizes["pipe"] / 2
    pipe = torus(at, large, small)
    quarter = 3.0 - np.minimum(at[:, 0], at[:, 1])
    body = meet(pipe, quarter)
    tall = sizes["collar height"] / 2
    one = cylinder(at[:, [0, 2, 1]] - by(large, 0.0, tall), sizes["collar"] / 2, tall, rounding=EDGE)
    two = cylinder(at[:, [1, 2, 0]] - by(large, 0.0, tall), sizes["collar"] / 2, tall, rounding=EDGE)
    body = join(join(body, one, fillet=2.0), two, fillet=2.0)
    inside = torus(at, large, small - sizes["wall"])
    for turned in (at[:, [0, 2, 1]], at[:, [1, 2, 0]]):
        inside = join(inside, cylinder(turned - by(large, 0.0, 0.0), small - sizes["wall"], 2 * tall))
    return cut(body, inside, fillet=EDGE)


def shaft(points: Array, sizes: Mapping[str, float]) -> Array:
    turned = points[:, [1, 2, 0]]  # the axis is x
    half = sizes["length"] / 2
    thin = cylinder(turned - by(0.0, 0.0, 10.0), sizes["small"] / 2, half - 10.0, rounding=EDGE)
    wide = cylinder(turned + by(0.0, 0.0, half - sizes["shoulder"] / 2), sizes["large"] / 2, sizes["shoulder"] / 2)
    body = join(thin, wide, fillet=1.5)
    key = box(
        points - by(27.0, 0.0, sizes["small"] / 2), (11.0, sizes["keyway"] / 2, sizes["key depth"]), rounding=EDGE
    )
    return cut(body, key, fillet=EDGE)
