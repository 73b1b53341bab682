"""The nouns of inspection: a scan, the part as designed, a photograph, a recording, and the unit they belong to.

Millimetres everywhere. Each noun carries what its reader noticed, in sentences that reach the user as warnings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...core.types import Array, Image, PointCloud, Waveform

PIECE = 1.5  # times the spacing of the samples: the longest edge of a piece of a triangle
SIZES = 5  # of pieces, each half of the one before
SENSES = ("scan", "image", "sound")  # what is judged; the nominal part only says what a scan is compared with


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """Measured points, mm, in any pose."""

    cloud: PointCloud
    notes: tuple[str, ...] = ()

    @property
    def points(self) -> Array:
        return self.cloud.points


class Anchors(NamedTuple):
    """A k-d tree of places on the surface, and the triangle of each; every point of a triangle lies within `reach` mm
    of one of its places."""

    tree: Any
    triangle: Array
    reach: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Nominal:
    """The part as designed: triangles in mm, and points `[sample, xyz]` spread evenly over them with outward normals.

    `triangle` names the triangle of each sample; a part given as a cloud has no triangles (an empty array) and its
    samples are its points.
    """

    triangles: Array  # [triangle, corner, xyz]
    samples: Array
    normals: Array
    triangle: Array
    notes: tuple[str, ...] = ()

    @cached_property
    def tree(self) -> Any:
        """A k-d tree of the samples, built once."""
        from scipy.spatial import cKDTree

        return cKDTree(self.samples)

    @cached_property
    def anchors(self) -> tuple[Anchors, ...]:
        """Places on every triangle, large ones in pieces: from these the nearest triangle to a point is found."""
        import trimesh
        from scipy.spatial import cKDTree

        corners, faces = self.triangles.reshape(-1, 3), np.arange(3 * len(self.triangles)).reshape(-1, 3)
        corners, faces, triangle = trimesh.remesh.subdivide_to_size(
            corners, faces, PIECE * self.spacing, max_iter=20, return_index=True
        )
        pieces = corners[faces]
        points = pieces.mean(axis=1)
        reach = np.linalg.norm(pieces - points[:, None], axis=2).max(axis=1)
        size = np.minimum(np.floor(np.log2(reach.max() / np.maximum(reach, 1e-9))).astype(int), SIZES - 1)
        return tuple(
            Anchors(cKDTree(points[size == each]), np.asarray(triangle)[size == each], float(reach[size == each].max()))
            for each in np.unique(size)
        )

    @cached_property
    def upright(self) -> Array:
        """The outward normal of each triangle."""
        cross = np.cross(self.triangles[:, 1] - self.triangles[:, 0], self.triangles[:, 2] - self.triangles[:, 0])
        return np.asarray(cross / np.linalg.norm(cross, axis=1, keepdims=True))

    @cached_property
    def size(self) -> float:
        """The diagonal of the bounding box, mm."""
        return float(np.linalg.norm(np.ptp(self.samples, axis=0)))

    @property
    def spacing(self) -> float:
        """The side of the surface patch that one sample stands for, mm."""
        return float(np.sqrt(self.area / len(self.samples)))

    @cached_property
    def area(self) -> float:
        """The surface, mm^2 (a cloud's is estimated from the distances between neighbours)."""
        if len(self.triangles):
            edges = self.triangles[:, 1:] - self.triangles[:, :1]
            return float(np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1).sum() / 2)
        nearest = self.tree.query(self.samples, k=2)[0][:, 1]
        return float(len(self.samples) * (2 * np.median(nearest)) ** 2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Photo:
    """Pixels in 0..1, and what was noticed about them; `refused` says why they cannot be judged, if so."""

    image: Image
    notes: tuple[str, ...] = ()
    refused: str = ""

    @property
    def pixels(self) -> Array:
        return self.image.pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class Sound:
    """A recording at the rate the inspector listens at; `refused` says why it cannot be judged, if so."""

    wave: Waveform
    notes: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Unit:
    """One manufactured unit with whatever was recorded of it, as paths or nouns by modality."""

    name: str
    group: str  # units that must not be split apart (photographs of one tile)
    given: Mapping[str, Any]
    defect: str = "good"
    truth: Mapping[str, Any] = field(default_factory=dict)  # pixel masks and the like, where known

    @property
    def good(self) -> bool:
        return self.defect == "good"


@dataclass(frozen=True, kw_only=True)
class Defect:
    """A region of the surface that is out of place, or of the picture that looks strange."""

    modality: str
    centroid_mm: tuple[float, ...] | None
    area_mm2: float | None
    max_deviation_mm: float | None
    kind: (
        str  # "extra material", "missing material", "not covered", "appearance", "sound": what was seen, not its cause
    )
    centroid_px: tuple[float, ...] | None = None
    area_px: int | None = None


@dataclass(frozen=True, kw_only=True)
class Registration:
    """How well the scan lies on the nominal part: `residual_mm` is the trimmed root mean square to the surface."""

    residual_mm: float
    limit_mm: float
    overlap: float
    starts: int
    ok: bool
    matrix: tuple[tuple[float, ...], ...] = ()
