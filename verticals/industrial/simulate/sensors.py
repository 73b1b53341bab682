"""A scanner and a camera over a part: the faults that real ones have, and the defect seen through them.

Scanner: range noise that grows with incidence, drop-out at grazing angles, flying points, a residual of each view's
registration, uneven density, any pose. Camera: two lamps, brushed metal, blur, shot and read noise, exposure, aim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter, gaussian_filter1d
from scipy.spatial.transform import Rotation

from ....core.types import Array
from .defects import PAINTS, Flaw, moved, paint
from .parts import Part
from .views import View, look

SIGMA = 0.03  # mm: a laser-line scanner
PIXELS = 192


@dataclass(frozen=True, kw_only=True, eq=False)
class Rig:
    """The views of one part, made once: where the scanner stands, and the camera above."""

    part: Part
    scanner: tuple[View, ...]
    camera: View


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How far the conditions lie from those of the good units: 0 is the same day, same lamp."""

    kind: Literal["none", "lamp", "exposure"] = "none"


def rig(part: Part, *, spacing: float = 0.7) -> Rig:
    """Eight oblique views and the two straight ones; the camera looks down from above."""
    eyes = [[np.cos(a), np.sin(a), z] for z in (1.0, -1.0) for a in np.arange(4) * np.pi / 2 + 0.3]
    views = tuple(
        look(part.triangles, np.array(eye), step=spacing * 1.4) for eye in [*eyes, [0, 0.0, 1.0], [0, 0.0, -1.0]]
    )
    reach = float(np.abs(part.triangles[..., :2]).max())
    camera = look(part.triangles, np.array([0.0, 0.0, 1.0]), step=2.3 * reach / PIXELS, shape=(PIXELS, PIXELS))
    return Rig(part=part, scanner=views, camera=camera)


def scan(rig: Rig, flaw: Flaw | None, body: Body, generator: np.random.Generator) -> Array:
    """Points `[point, xyz]` of one scan in a pose of its own."""
    merged = []
    for view in rig.scanner:
        facing = view.facing
        keep = generator.random(len(facing)) < np.where(facing < 0.15, 0.0, 0.25 + 0.75 * facing) * generator.uniform(
            0.7, 0.95
        )
        points, normals, eye = view.points[keep], view.normals[keep], facing[keep]
        points = points + body(points)[:, None] * normals
        if flaw is not None:
            points, normals, alive = moved(points, normals, flaw)
            points, normals, eye = points[alive], normals[alive], eye[alive]
        noise = generator.normal(size=len(points)) * SIGMA * (1 + 0.6 * (1 / np.clip(eye, 0.15, 1) - 1))
        points = points + noise[:, None] * view.eye + _along(normals, generator) * 0.1 * view.step
        flying = generator.random(len(points)) < 0.0008
        points[flying] += generator.uniform(0.3, 1.5, size=(int(flying.sum()), 1)) * view.eye
        turn = Rotation.from_rotvec(np.deg2rad(0.01) * generator.normal(size=3)).as_matrix()
        merged.append(points @ turn.T + generator.normal(size=3) * 0.008)
    whole = np.concatenate(merged)
    pose = Rotation.from_rotvec(np.deg2rad(6) * generator.normal(size=3)).as_matrix()
    return (whole @ pose.T + generator.normal(size=3) * 2.0).astype(np.float32).astype(np.float64)


def photograph(
    rig: Rig, flaw: Flaw | None, generator: np.random.Generator, shift: Shift = Shift()
) -> tuple[Array, Array]:
    """Pixels `[height, width]` uint8 from above, and the mask of the pixels that the defect changed."""
    view = rig.camera
    points, normals = view.points, view.normals
    dark, alive = np.zeros(len(points)), np.ones(len(points), bool)
    if flaw is not None:
        points, normals, alive = moved(points, normals, flaw)
        if flaw.kind in PAINTS:
            dark = paint(points, normals, flaw)
    grain = _brushed(view, generator)
    light = _shaded(normals, view.eye, lamp=np.deg2rad(25.0) if shift.kind == "lamp" else 0.0) + grain
    light = np.where(alive, light * (1 - dark), 0.06)
    changed = (np.abs(dark) > 0.03) | ~alive | (np.linalg.norm(points - view.points, axis=1) > 0.06)
    picture, truth = _laid(view, light, 0.10), _laid(view, changed.astype(float), 0.0)
    turn, aim = np.deg2rad(generator.normal() * 0.6), generator.normal(size=2) * 1.0
    picture, truth = _aimed(picture, turn, aim), _aimed(truth, turn, aim) > 0.5
    exposure = 1 + 0.04 * generator.normal() - (0.3 if shift.kind == "exposure" else 0.0)
    picture = gaussian_filter(picture, generator.uniform(0.6, 0.9)) * exposure
    picture = picture + generator.normal(size=picture.shape) * (0.012 * np.sqrt(np.clip(picture, 0, 1)) + 0.004)
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8), truth


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """How a good unit differs from the design: waves along the surface, far within tolerance."""

    waves: Array  # [wave, xyz]
    phases: Array
    heights: Array

    def __call__(self, points: Array) -> Array:
        return np.cos(points @ self.waves.T + self.phases) @ self.heights


def body(size: float, generator: np.random.Generator) -> Body:
    """Three waves of about the size of the part, 0.015 mm each."""
    waves = generator.normal(size=(3, 3)) * 2 * np.pi / size
    return Body(waves=waves, phases=generator.uniform(0, 2 * np.pi, 3), heights=generator.normal(size=3) * 0.015)


def _along(normals: Array, generator: np.random.Generator) -> Array:
    """Steps along the surface: the lateral jitter of a scanner moves a point, not the surface."""
    step = generator.normal(size=normals.shape)
    return step - np.einsum("ij,ij->i", step, normals)[:, None] * normals


def _shaded(normals: Array, eye: Array, lamp: float) -> Array:
    """Two lamps by Blinn and Phong, and the light of the room."""
    light = 0.22 * np.ones(len(normals))
    for angle, power in ((0.6 + lamp, 0.42), (3.4 + lamp, 0.22)):
        way = np.array([np.cos(angle) * 0.75, np.sin(angle) * 0.75, 0.66])
        half = (way + eye) / np.linalg.norm(way + eye)
        light += power * np.clip(normals @ way, 0, None) + 0.35 * power * np.clip(normals @ half, 0, None) ** 24
    return light


def _brushed(view: View, generator: np.random.Generator) -> Array:
    """Streaks along x, as a milling head leaves them, and fine grain."""
    noise = gaussian_filter1d(generator.normal(size=view.shape), 9, axis=1) * 0.09
    noise += gaussian_filter(generator.normal(size=view.shape), 0.7) * 0.03
    return noise.reshape(-1)[view.pixel]


def _laid(view: View, values: Array, background: float) -> Array:
    picture = np.full(view.shape[0] * view.shape[1], background)
    picture[view.pixel] = values
    return picture.reshape(view.shape)


def _aimed(picture: Array, turn: float, aim: Array) -> Array:
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array(picture.shape) / 2
    return affine_transform(picture, rotation, offset=middle - rotation @ middle + aim, order=1, mode="nearest")
