"""Whether a mesh and a scan can be held against each other at all: said in sentences, before any number is believed.

A mesh may be open, or its triangles may disagree on which side is outside; a scan may be of the mirror image. It knows
nothing of verdicts: it says what is wrong, and the inspection answers `unmeasurable`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.types import Array, PointCloud
from ..records import Nominal, Scan
from .registration import Pose, register

BETTER = 0.7  # a mirrored scan that lies this much nearer says that one of the two is mirrored
LEAST_SEEN = 0.2  # share of the nominal surface below which a scan says little about the part
SAME = 1e-6  # of the part's size: corners closer than that are one
MOST_CHECKED = 500_000  # triangles


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """What the edges of a mesh say: those of one triangle only (mm), and those that two run along the same way."""

    open_edges: int
    open_mm: float
    clashing: int

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for whoever gave the mesh; none for a closed one."""
        said = []
        if self.open_edges:
            said.append(
                f"the nominal surface is open ({self.open_edges} edges, {self.open_mm:.1f} mm, border one triangle "
                "only): which side is outside was read from the order of the corners; close the mesh to be sure"
            )
        if self.clashing:
            said.append(
                f"the triangles of the nominal part disagree on which side is outside ({self.clashing} edges): "
                "they were turned to agree; export the mesh with one orientation to be sure"
            )
        return tuple(said)


def checked(triangles: Array) -> tuple[Array, Mesh]:
    """The triangles `[triangle, corner, xyz]`, turned to agree where they did not, and what their edges said."""
    if len(triangles) > MOST_CHECKED:
        return triangles, Mesh(open_edges=0, open_mm=0.0, clashing=0)
    faces = corner_numbers(triangles)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    length = np.linalg.norm(triangles - np.roll(triangles, -1, axis=1), axis=2).ravel()
    real = start != end  # slivers have edges without length
    start, end, length = start[real], end[real], length[real]
    count = int(faces.max()) + 1
    forward, both = start * count + end, np.minimum(start, end) * count + np.maximum(start, end)
    _, first, times = np.unique(both, return_index=True, return_counts=True)
    clashing = len(forward) - len(np.unique(forward))
    border = first[times == 1]
    mesh = Mesh(open_edges=len(border), open_mm=float(length[border].sum()), clashing=clashing)
    if clashing:
        triangles = _agreeing(triangles, faces)
    return triangles, mesh


def mirrored(scan: Scan, nominal: Nominal, pose: Pose) -> bool:
    """Whether the mirror image of the scan lies clearly better on the nominal part than the scan itself.

    It takes another registration: ask where the scan does not lie well, or where much of it is out of tolerance.
    """
    flipped = Scan(cloud=PointCloud(points=scan.points * np.array([-1.0, 1.0, 1.0])))
    return register(flipped, nominal).fit < BETTER * pose.fit


def refusal(scan: Scan, nominal: Nominal, pose: Pose, *, covered: Array, suspicious: bool) -> str:
    """Why nothing should be said of this scan, or "": it shows too little, or (where `suspicious`) it is mirrored.

    `covered [sample]` is that of the deviation. Ask with `suspicious` where the residual or a deviation is large.
    """
    share = float(covered.mean())
    if share < LEAST_SEEN:
        return (
            f"the scan meets {share:.0%} of the nominal surface, at least {LEAST_SEEN:.0%} are needed: scan more of "
            "the part, or check that it is the part that the nominal part shows"
        )
    if suspicious and mirrored(scan, nominal, pose):
        return (
            "the mirror image of the scan lies on the nominal part and the scan itself does not: the scan or the "
            "nominal part is mirrored (a left-handed export, or the other hand of the part)"
        )
    return ""


def corner_numbers(triangles: Array) -> Array:
    """Corners as numbers `[triangle, corner]`: corners in one place have one number."""
    corners = triangles.reshape(-1, 3)
    low = corners.min(axis=0)
    size = max(float(np.linalg.norm(np.ptp(corners, axis=0))), 1e-30)
    place = np.round((corners - low) / (SAME * size)).astype(np.int64)  # below 2**20 along each axis
    key = (place[:, 0] << 42) | (place[:, 1] << 21) | place[:, 2]
    return np.asarray(np.unique(key, return_inverse=True)[1]).reshape(-1, 3)


def _agreeing(triangles: Array, faces: Array) -> Array:
    """Each connected piece turned so that neighbours agree (the outside of the whole is settled by its volume)."""
    import trimesh

    mesh = trimesh.Trimesh(_places(triangles, faces), faces, process=False)
    trimesh.repair.fix_winding(mesh)
    return np.asarray(mesh.vertices[mesh.faces])


def _places(triangles: Array, faces: Array) -> Array:
    places = np.zeros((int(faces.max()) + 1, 3))
    places[faces.ravel()] = triangles.reshape(-1, 3)
    return places
