"""A scanner over a part: rays traced against the unit, and the faults that real scanners have.

Range noise that grows with incidence, drop-out at grazing angles and where a shiny surface mirrors the lamp, flying
points at edges, the residual of each view's registration, quantisation, uneven density, a view lost, stray points of
the fixture, any pose. Truth is taken at the hits before all this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from ....core.errors import UnknownName
from ....core.types import Array
from .camera import Camera, camera
from .defects import Flaw
from .edits import Field, edited
from .parts import Part
from .views import View, look, trace

SIGMA = 0.03  # mm: a laser-line scanner
SHINY = {"steel": 0.5, "brass": 0.35, "aluminium": 0.25, "iron": 0.0, "oxide": 0.0}


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """One scanner: noise along the ray (mm, at right angles), steps of its range, shares of flying and stray points."""

    sigma: float = SIGMA
    quantum: float = 0.005
    flying: float = 0.0008
    stray: float = 0.0002
    residual: float = 0.008  # mm between the views
    turned: float = 0.01  # degrees between the views


SCANNERS = {
    "blue-light": Scanner(sigma=0.01, quantum=0.002, residual=0.005, turned=0.005),
    "laser-line": Scanner(),
    "tof": Scanner(sigma=0.2, quantum=0.05, flying=0.004, stray=0.001, residual=0.05, turned=0.03),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Rig:
    """The views of one part, made once: where the scanner stands, and the camera above."""

    part: Part
    views: tuple[View, ...]
    camera: Camera
    scanner: Scanner = Scanner()


@dataclass(frozen=True, kw_only=True, eq=False)
class Scanned:
    """One scan with its truth: how far each point lies from the good unit (mm, signed), and the pose that it is in."""

    points: Array
    deviation: Array
    pose: Array  # [4, 4]: from the part to the scan


def rig(part: Part, *, spacing: float = 0.7, scanner: str = "laser-line") -> Rig:
    """Eight oblique views and the two straight ones; the camera looks down from above.

    Raises:
        UnknownName: there is no scanner of that name.
    """
    if scanner not in SCANNERS:
        raise UnknownName("scanner", scanner, SCANNERS)
    eyes = [[np.cos(a), np.sin(a), z] for z in (1.0, -1.0) for a in np.arange(4) * np.pi / 2 + 0.3]
    views = tuple(_view(part, np.array(eye), spacing * 1.4) for eye in [*eyes, [0, 0.0, 1.0], [0, 0.0, -1.0]])
    return Rig(part=part, views=views, camera=camera(part), scanner=SCANNERS[scanner])


def _view(part: Part, eye: Array, step: float) -> View:
    solid = part.solid
    if solid is None:
        return look(part.triangles, eye, step=step)
    return trace(lambda points: solid.distance(points, solid.sizes), solid.reach, eye, step=step)


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """How a good unit differs from the design: its sizes within tolerance, and waves along the surface."""

    sizes: dict[str, float]
    stretch: Array  # [xyz], shares: the sizes of a mesh, which names none
    waves: Array  # [wave, xyz]
    phases: Array
    heights: Array

    def form(self, points: Array) -> Array:
        """How far the waves lift the surface, mm."""
        return np.cos(points @ self.waves.T + self.phases) @ self.heights

    def field(self, part: Part, view: View) -> Field:
        """The good unit as the rays of that view meet it."""
        solid = part.solid
        if solid is not None:
            return lambda points, rays: solid.distance(points, self.sizes) - self.form(points)
        return lambda points, rays: view.planes(points / (1 + self.stretch), rays) - self.form(points)


def body(part: Part, generator: np.random.Generator) -> Body:
    """Sizes from their tolerances, and three waves of about the size of the part, 5 micrometres each."""
    waves = generator.normal(size=(3, 3)) * 2 * np.pi / part.nominal.size
    return Body(
        sizes=part.solid.drawn(generator) if part.solid is not None else {},
        stretch=generator.normal(size=3) * 2e-4,
        waves=waves,
        phases=generator.uniform(0, 2 * np.pi, 3),
        heights=generator.normal(size=3) * 0.005,
    )


def scan(rig: Rig, flaw: Flaw | None, body: Body, generator: np.random.Generator, *, lost: int = 0) -> Scanned:
    """One scan in a pose of its own; `lost` views gave nothing."""
    gone = set(generator.permutation(len(rig.views))[:lost].tolist())
    merged, truth = [], []
    for number, view in enumerate(rig.views):
        if number in gone:
            continue
        good = body.field(rig.part, view)
        density = float(generator.uniform(0.7, 0.95))
        rays = np.flatnonzero(generator.random(len(view.start)) < density)
        rays, points, normals = view.strike(edited(good, flaw), rays)
        kept = _returned(normals, view.eye, rig, generator)
        rays, points, normals = rays[kept], points[kept], normals[kept]
        merged.append(_measured(points, normals, view, rig.scanner, generator))
        truth.append(good(points, rays) if flaw is not None else np.zeros(len(points)))
    points, deviation = np.concatenate(merged), np.concatenate(truth)
    stray = generator.random(len(points)) < rig.scanner.stray
    points[stray] += generator.normal(size=(int(stray.sum()), 3)) * 0.05 * rig.part.nominal.size
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(np.deg2rad(6) * generator.normal(size=3)).as_matrix()
    pose[:3, 3] = generator.normal(size=3) * 2.0
    points = (points @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32).astype(np.float64)
    return Scanned(points=points, deviation=deviation, pose=pose)


def _returned(normals: Array, eye: Array, rig: Rig, generator: np.random.Generator) -> Array:
    """Which rays come back: few at grazing angles, and few where a shiny surface mirrors the projector."""
    facing = normals @ eye
    chance = np.where(facing < 0.15, 0.0, 0.25 + 0.75 * facing)
    projector = eye + np.array([0.25, 0.1, 0.0])
    half = (projector / np.linalg.norm(projector) + eye) / 2
    mirrored = np.clip(normals @ (half / np.linalg.norm(half)), 0, 1) ** 400 > 0.6
    chance = np.where(mirrored, chance * (1 - SHINY.get(rig.part.material, 0.0)), chance)
    return np.asarray(generator.random(len(facing)) < chance)


def _measured(points: Array, normals: Array, view: View, scanner: Scanner, generator: np.random.Generator) -> Array:
    """Noise along the ray and across it, flying points, quantisation, and the misfit of the view."""
    facing = np.clip(normals @ view.eye, 0.15, 1)
    noise = generator.normal(size=len(points)) * scanner.sigma * (1 + 0.6 * (1 / facing - 1))
    noise = scanner.quantum * np.round(noise / scanner.quantum + generator.uniform(-0.5, 0.5))
    flying = generator.random(len(points)) < scanner.flying * (1 + 4 * (facing < 0.3))
    noise = noise + np.where(flying, generator.uniform(0.3, 1.5, len(points)), 0.0)
    points = points + noise[:, None] * view.eye + _along(normals, generator) * 0.1 * view.step
    turn = Rotation.from_rotvec(np.deg2rad(scanner.turned) * generator.normal(size=3)).as_matrix()
    return np.asarray(points @ turn.T + generator.normal(size=3) * scanner.residual)


def _along(normals: Array, generator: np.random.Generator) -> Array:
    """Steps along the surface: the lateral jitter of a scanner moves a point, not the surface."""
    step = generator.normal(size=normals.shape)
    return step - np.einsum("ij,ij->i", step, normals)[:, None] * normals
