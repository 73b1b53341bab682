"""Defects: what kinds there are, which sense can see them, and one of them drawn at a place, with a size in mm.

Severity is in multiples of the noise of the sense that it is made for: 3 is faint, 25 is plain. The geometry is in
`edits`, the paint in `camera`, the noise that a fault makes in `machine`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ....core.types import Array
from .parts import Hole

LOCAL = ("dent", "bulge", "hole", "missing", "contamination")  # shapes at a place of the surface
AT_HOLES = ("burr", "oversize", "feature")  # shapes of a cylindrical feature: a mesh that names none has none of them
SHAPES = (*LOCAL, "bent", *AT_HOLES)
PAINTS = ("scratch", "stain", "crack")  # seen by the camera (scratch and crack hardly by the scanner)
SOUNDS = ("outer_race", "inner_race", "tooth", "imbalance", "lubrication")
HEARD = {  # what else a visible defect does to the sound, at which share of its severity
    "crack": ("tooth", 0.35),
    "missing": ("imbalance", 0.5),
    "bent": ("misalignment", 0.8),
    "oversize": ("looseness", 0.6),
}
KINDS = SHAPES + PAINTS + SOUNDS
SEVERITIES = (3.0, 6.0, 12.0, 25.0)
DEEPEST = 1.2  # mm: no displacement is larger, whatever the scanner
GREY = 0.02  # the spread of a good picture's grey over a millimetre: one unit of severity of a paint


def seen_by(kind: str) -> tuple[str, ...]:
    """The senses that a defect of that kind changes at all; how much, the truth of each unit says."""
    scan = ("scan",) if kind in SHAPES or kind in ("scratch", "crack") else ()
    image = ("image",) if kind in SHAPES or kind in PAINTS else ()
    sound = ("sound",) if kind in SOUNDS or kind in HEARD else ()
    return scan + image + sound


def kinds_of(holes: tuple[Hole, ...]) -> tuple[str, ...]:
    """The kinds that a part with these features can have."""
    return tuple(kind for kind in KINDS if holes or kind not in AT_HOLES)


@dataclass(frozen=True, kw_only=True, eq=False)
class Flaw:
    """One defect: a point of the surface and its normal, a direction along it, half width and depth in mm.

    `wander` are numbers in -1..1 that make a crack's path, a stain's edge and the blobs of contamination irregular.
    """

    kind: str
    severity: float
    centre: Array
    normal: Array
    along: Array
    radius: float
    depth: float
    hole: Hole | None = None
    wander: Array = field(default_factory=lambda: np.zeros(16))

    @property
    def across(self) -> Array:
        return np.cross(self.normal, self.along)

    @property
    def reach(self) -> float:
        """Nothing farther than this from the centre changes, mm."""
        if self.kind in ("bent", "missing"):
            return np.inf
        if self.hole is not None:
            return self.hole.radius + self.hole.depth + self.depth + 2.0
        return 1.5 * self.radius + 4 * self.depth + 2.0


def draw(
    kind: str,
    points: Array,
    normals: Array,
    *,
    severity: float,
    sigma: float,
    generator: np.random.Generator,
    holes: tuple[Hole, ...] = (),
) -> Flaw:
    """A defect of that kind at a place drawn from the hits given; `sigma` is the scanner's noise in mm."""
    at = int(generator.integers(len(points)))
    centre, normal = points[at], normals[at]
    height = min(severity * sigma, DEEPEST)
    faint = np.sqrt(severity / 25.0)  # 0.35 .. 1
    hole = None
    if kind == "missing":
        normal = _corner(points, 0.6 + 3.5 * height, generator)
        centre = points[int((points @ normal).argmax())]
    if kind in AT_HOLES:
        hole = holes[int(generator.integers(len(holes)))]
        centre, normal = np.array(hole.centre), np.array(hole.axis)
    along = generator.normal(size=3)
    along -= (along @ normal) * normal
    along /= max(float(np.linalg.norm(along)), 1e-9)
    size = {  # half width and depth, mm
        "dent": (generator.uniform(3.0, 5.0), height),
        "bulge": (generator.uniform(3.0, 5.0), height),
        "contamination": (generator.uniform(2.0, 4.0), 1.2 * height),
        "hole": (0.8 + 1.4 * faint, 2.0),
        "missing": (3.0, 0.6 + 3.5 * height),
        "bent": (np.abs(points).max(), height),
        "burr": (0.5 * (hole.radius if hole else 1.0), height),
        "oversize": (hole.radius if hole else 1.0, height),
        "feature": (hole.radius if hole else 1.0, 0.0),
        "scratch": (generator.uniform(5.0, 12.0), 0.25 * height),
        "crack": (generator.uniform(4.0, 9.0), height),
        "stain": (generator.uniform(2.5, 5.0), 0.0),
    }
    radius, depth = size[kind]
    return Flaw(
        kind=kind,
        severity=severity,
        centre=centre,
        normal=normal,
        along=along,
        radius=float(radius),
        depth=float(depth),
        hole=hole,
        wander=generator.uniform(-1, 1, size=16),
    )


def _corner(points: Array, depth: float, generator: np.random.Generator) -> Array:
    """A way in which a cut of that depth below the outermost point takes little: a corner or an edge, not a face."""
    ways = generator.normal(size=(12, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    heights = points @ ways.T
    taken = (heights > heights.max(axis=0) - depth).sum(axis=0)
    return np.asarray(ways[int(np.argsort(taken)[2])])
