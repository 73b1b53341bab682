"""What a scan and its nominal part look like to the page: numbers for a drawing, as bytes. It decides nothing.

The bytes are little-endian, one block behind the other: points float32 `[point, 3]`, deviations float32 `[point]`,
normals int8 `[point, 3]` filled to a multiple of four, uncovered samples float32 `[missed, 3]`, triangles float32
`[triangle, 3, 3]`. How many of each is told beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....core.types import Array
from ..inspection.experts import Surface
from ..records import Defect, Nominal

MOST_POINTS = 150_000  # of a scan that are drawn
MOST_TRIANGLES = 300_000  # of a nominal part; a finer one is drawn as its samples would be: not at all


def drawn(surface: Surface) -> tuple[dict[str, Any], bytes]:
    """How many of each, the box, the spacing in mm; and the bytes."""
    found, nominal = surface.deviation, surface.nominal
    step = max(-(-len(found.points) // MOST_POINTS), 1)
    points, values = found.points[::step], found.local[::step]
    triangles = nominal.triangles if len(nominal.triangles) <= MOST_TRIANGLES else nominal.triangles[:0]
    missed = nominal.samples[found.uncovered]
    box = np.stack([nominal.samples.min(axis=0), nominal.samples.max(axis=0)])
    told = {
        "points": len(points), "of": len(found.points), "missed": len(missed), "triangles": len(triangles),
        "spacing_mm": float(found.spacing * np.sqrt(step)), "box_mm": box.tolist(),
        "lowest_mm": float(values.min()), "highest_mm": float(values.max()),
    }  # fmt: skip
    normals = np.round(127 * normals_at(points, nominal)).astype(np.int8).tobytes()
    blocks = [_floats(points), _floats(values), normals + bytes(-len(normals) % 4), _floats(missed), _floats(triangles)]
    return told, b"".join(blocks)


def normals_at(points: Array, nominal: Nominal) -> Array:
    """The outward normal of the nominal surface next to each point."""
    return nominal.normals[nominal.tree.query(points)[1]]


def facing(defect: Defect, place: Array | None, nominal: Nominal) -> list[float]:
    """The direction `[3]` from which a region is seen best: the mean normal under it, or that of its middle where the
    region goes around."""
    centre = np.asarray(defect.centroid_mm)
    under = normals_at(centre[None], nominal)[0] if place is None else normals_at(place, nominal).mean(axis=0)
    if np.linalg.norm(under) < 0.3:
        under = normals_at(centre[None], nominal)[0]
    return [float(each) for each in under / max(np.linalg.norm(under), 1e-9)]


def listed(defects: Sequence[Defect], places: Sequence[Array], surface: Surface | None) -> list[dict[str, Any]]:
    """Every region with its number, and where on the surface to look from."""
    found, at = [], iter(places)
    for number, each in enumerate(defects, start=1):
        told: dict[str, Any] = {
            "number": number, "sense": each.modality, "kind": each.kind, "area_mm2": each.area_mm2,
            "worst_mm": each.max_deviation_mm, "area_px": each.area_px,
            "centre_px": None if each.centroid_px is None else list(each.centroid_px),
            "centre_mm": None if each.centroid_mm is None else list(each.centroid_mm), "facing": None,
        }  # fmt: skip
        if each.modality == "scan" and each.centroid_mm is not None and surface is not None:
            told["facing"] = facing(each, next(at, None), surface.nominal)
        found.append(told)
    return found


def _floats(values: Array) -> bytes:
    return np.ascontiguousarray(values, "<f4").tobytes()
