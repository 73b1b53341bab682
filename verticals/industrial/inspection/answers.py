"""What an inspection answers: the verdict, every score as measured, the regions, and the files that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from ....core.types import Array
from ..points.dimensions import Dimension
from ..records import Defect, Registration
from ..sound.lines import Line
from .decision import Verdict
from .experts import Seen, Surface

OWN = ("surface", "anomaly", "places")  # kept for files and pictures, not for JSON


@dataclass(frozen=True, kw_only=True, eq=False)
class Inspected:
    """`score` is the log-odds of a defect by the senses in `judged`; `scores` are raw: mm, patch distance, spreads.

    A good unit is rejected with probability at most `promised_false_rejects` by the score (None: nothing was promised).
    """

    verdict: Verdict
    score: float
    p_value: float
    threshold: float
    promised_false_rejects: float | None
    judged: tuple[str, ...]
    scores: Mapping[str, float]
    spreads: Mapping[str, float]
    reasons: tuple[str, ...]
    defects: tuple[Defect, ...]
    tolerance_mm: float
    registration: Registration | None
    p_values: Mapping[str, float] = field(default_factory=dict)  # of each judged sense alone
    kinds: Mapping[str, float] = field(default_factory=dict)  # what the defect is, if it is one, likeliest first
    dimensions: tuple[Dimension, ...] = ()
    lines: tuple[Line, ...] = ()  # of the sound, that stand out
    surface: Surface | None = None
    anomaly: tuple[Any, Array] | None = None
    places: tuple[Array, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in OWN}

    def save_files(self, folder: Path) -> None:
        """`deviation.ply` (points on the nominal part, coloured: deviation in mm, log-odds) and `anomaly_map.png`."""
        if self.surface is not None:
            deviation, odds = self.surface.deviation, self.surface.odds
            write_ply(folder / "deviation.ply", deviation.points, deviation.local, self.tolerance_mm, odds=odds)
        if self.anomaly is not None:
            from PIL import Image

            _, values = self.anomaly
            shown = (np.clip(values / max(float(values.max()), 1e-9), 0, 1) * 255).round().astype(np.uint8)
            Image.fromarray(shown).save(folder / "anomaly_map.png")
            np.savez_compressed(folder / "anomaly_map.npz", distance=values.astype(np.float32))


def appearance(seen: Seen, limit: float) -> list[Defect]:
    """Connected regions of the photograph that are stranger than any pixel of good ones, the strangest first."""
    from scipy.ndimage import center_of_mass, label

    _, values = seen.shown
    numbered, count = label(values > limit)
    found = []
    for which in range(1, min(count, 50) + 1):
        mask = numbered == which
        row, column = center_of_mass(mask)
        size = int(mask.sum())
        if size >= 12:
            strange = float(values[mask].max())
            found.append((strange, _region(float(column), float(row), size)))
    return [defect for _, defect in sorted(found, key=lambda each: -each[0])]


def _region(x: float, y: float, size: int) -> Defect:
    return Defect(
        modality="image",
        centroid_mm=None,
        area_mm2=None,
        max_deviation_mm=None,
        kind="appearance",
        centroid_px=(x, y),
        area_px=size,
    )


def unmeasured(observed: Mapping[str, Seen]) -> dict[str, str]:
    """Why a sense gave nothing, by sense."""
    return {sense: seen.refused for sense, seen in observed.items() if not seen.usable}


def colours(values: Array, limit: float) -> Array:
    """Deviation to colour `[row, 3]` in 0..1: blue is missing material, grey is nominal, red is extra material."""
    share = np.clip(np.asarray(values) / limit, -1, 1)[:, None]
    grey, red, blue = np.array([0.86, 0.86, 0.86]), np.array([0.75, 0.10, 0.12]), np.array([0.10, 0.30, 0.75])
    return np.where(share >= 0, grey + share * (red - grey), grey - share * (blue - grey))


def write_ply(path: Path, points: Array, values: Array, limit: float, odds: Array | None = None) -> None:
    """Binary PLY with x, y, z, colour and the deviation in mm, as viewers of point clouds read it.

    `odds` are the point expert's log-odds of a defect: the property `odds`, where there is one.
    """
    own = [("deviation", values), *([("odds", odds)] if odds is not None else [])]
    row = np.dtype([("xyz", "<f4", 3), ("rgb", "u1", 3), *((name, "<f4") for name, _ in own)])
    table = np.empty(len(points), row)
    table["xyz"] = points
    for name, each in own:
        table[name] = each
    table["rgb"] = (colours(values, limit) * 255).round()
    names = [
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {hue}" for hue in ("red", "green", "blue")),
    ]
    head = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(points)}",
        *names,
        *(f"property float {name}" for name, _ in own),
    ]
    path.write_bytes(("\n".join([*head, "end_header"]) + "\n").encode() + table.tobytes())
