"""A camera above a part: materials, lamps, brushed metal, occluded corners, blur, noise, exposure, aim.

The part as designed is traced once; a unit's picture traces anew only what its defect can reach. Shading is that of
Blinn and Phong. It knows nothing of the scanner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter, gaussian_filter1d

from ....core.types import Array
from .defects import GREY, PAINTS, Flaw
from .edits import Field, beside, edited
from .parts import Part
from .views import View, look, march, trace

PIXELS = 320
BACKGROUND = 0.08
LAMPS = ((0.6, 0.42), (2.7, 0.22), (4.6, 0.16))  # the direction round the part, and the power
TILT = 0.66  # how high the lamps stand: the height of the unit vector towards them
VISIBLE, LEAST = 0.04, 12  # grey by which a pixel must change, and how many must, to be visible
MATERIALS = {  # how bright, how shiny, how brushed
    "aluminium": (1.0, 0.35, 1.0),
    "steel": (0.85, 0.45, 0.7),
    "brass": (0.9, 0.40, 0.6),
    "iron": (0.6, 0.05, 0.5),
    "oxide": (0.45, 0.25, 0.4),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """The view from above with what no unit changes: how open each hit is to the room, and each lamp's shadow."""

    view: View
    part: Part
    opened: Array  # [hit]
    lit: Array  # [lamp, hit]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How the conditions differ from those of the good units: "none" is the same day, same lamp."""

    kind: Literal["none", "lamp", "exposure", "dead", "defocus"] = "none"


def camera(part: Part, pixels: int = PIXELS) -> Camera:
    """The camera of a part, square, looking down."""
    eye = np.array([0.0, 0.0, 1.0])
    side = 2.3 * float(np.abs(part.triangles[..., :2]).max()) / pixels
    solid = part.solid
    if solid is None:
        view = look(part.triangles, eye, step=side, shape=(pixels, pixels))
        blank = np.ones(len(view.points))
        return Camera(view=view, part=part, opened=blank, lit=np.ones((len(LAMPS), len(view.points))))

    def field(points: Array, _: Array) -> Array:
        return solid.distance(points, solid.sizes)

    view = trace(
        lambda points: solid.distance(points, solid.sizes), solid.reach, eye, step=side, shape=(pixels, pixels)
    )
    return Camera(view=view, part=part, opened=_opened(field, view), lit=_lit(field, view))


def photograph(
    camera: Camera, flaw: Flaw | None, good: Field, generator: np.random.Generator, shift: Shift = Shift()
) -> tuple[Array, Array]:
    """Pixels `[height, width]` uint8, and the mask of those that the defect visibly changed."""
    grain = _grain(camera, generator)
    clean = _picture(camera, None, good, grain, shift)
    picture = _picture(camera, flaw, good, grain, shift) if flaw is not None else clean
    truth = (np.abs(gaussian_filter(picture - clean, 0.7)) > VISIBLE).astype(float)
    turn, aim = np.deg2rad(generator.normal() * 0.3), generator.normal(size=2) * 0.7
    picture, truth = _aimed(picture, turn, aim), _aimed(truth, turn, aim) > 0.5
    exposure = 1 + 0.03 * generator.normal() - (0.3 if shift.kind == "exposure" else 0.0)
    blur = generator.uniform(0.6, 0.9) + (1.8 if shift.kind == "defocus" else 0.0)
    picture = gaussian_filter(picture, blur) * exposure
    picture = picture + generator.normal(size=picture.shape) * (0.010 * np.sqrt(np.clip(picture, 0, 1)) + 0.003)
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8), truth


def visible(mask: Array) -> bool:
    """Whether enough pixels changed for anyone to see it."""
    return int(mask.sum()) >= LEAST


def _picture(camera: Camera, flaw: Flaw | None, good: Field, grain: Array, shift: Shift) -> Array:
    """Light on every pixel, before the lens."""
    view = camera.view
    light = _light(camera.part, view.normals, camera.opened, camera.lit, view.eye, shift)
    light = light * (1 + grain[view.pixel[view.hits]])
    picture = np.full(view.shape[0] * view.shape[1], BACKGROUND)
    picture[view.pixel[view.hits]] = light
    if flaw is None:
        return picture.reshape(view.shape)
    rays = _near(view, flaw)
    if flaw.kind != "stain" and len(rays):
        picture[view.pixel[rays]] = BACKGROUND
        met, points, normals = view.strike(edited(good, flaw), rays)
        place = np.full(len(view.start), -1)
        place[view.hits] = np.arange(len(view.hits))
        known = np.maximum(place[met], 0)
        light = _light(camera.part, normals, camera.opened[known], camera.lit[:, known], view.eye, shift)
        sunk = np.clip(good(points, met) / -0.6, 0, 1)  # light hardly falls into a crack or a drilled hole
        picture[view.pixel[met]] = light * (1 + grain[view.pixel[met]]) * (1 - 0.7 * sunk)
    if flaw.kind in PAINTS:
        on = view.pixel[view.hits]
        picture[on] *= 1 - darkened(view.points, view.normals, flaw)
    return picture.reshape(view.shape)


def _near(view: View, flaw: Flaw) -> Array:
    """The rays that can meet what the defect changed."""
    local = view.start - flaw.centre
    beside_ray = np.linalg.norm(local - (local @ view.eye)[:, None] * view.eye, axis=1)
    return np.flatnonzero(beside_ray < flaw.reach)


def darkened(points: Array, normals: Array, flaw: Flaw) -> Array:
    """How much darker each hit is for what lies on the surface: not geometry, but oxide, oil or bare metal."""
    local = points - flaw.centre
    near = (normals @ flaw.normal > 0.7) & (np.abs(local @ flaw.normal) < 1.5) & (np.linalg.norm(local, axis=1) < 20)
    dark, index = np.zeros(len(points)), np.flatnonzero(near)
    if not len(index):
        return dark
    if flaw.kind == "stain":
        u, v = local[index] @ flaw.along, local[index] @ flaw.across
        edge = 1 + 0.25 * flaw.wander[0] * np.sin(3 * np.arctan2(v, u) + 3 * flaw.wander[1])
        inside = 1 / (1 + np.exp((np.hypot(u, v) / (flaw.radius * edge) - 1) * 12))
        dark[index] = inside * min(GREY * flaw.severity, 0.5)
        return dark
    line = np.exp(-((beside(points[index], flaw) / 0.3) ** 2))
    tone = -1.0 if flaw.kind == "scratch" else 1.0  # bare metal shines, a crack is dark
    dark[index] = tone * line * min(2.0 * GREY * flaw.severity, 0.7)
    return dark


def _light(part: Part, normals: Array, opened: Array, lit: Array, eye: Array, shift: Shift) -> Array:
    """Lamps and the light of the room on the material."""
    bright, shine, _ = MATERIALS[part.material]
    light = 0.20 * opened
    for number, (angle, power) in enumerate(LAMPS):
        if shift.kind == "dead" and number == 1:
            continue
        angle += np.deg2rad(20.0) if shift.kind == "lamp" else 0.0
        flat = np.sqrt(1 - TILT**2)
        way = np.array([np.cos(angle) * flat, np.sin(angle) * flat, TILT])
        half = (way + eye) / np.linalg.norm(way + eye)
        glint = shine * np.clip(normals @ half, 0, None) ** 24
        light = light + power * lit[number] * (np.clip(normals @ way, 0, None) + glint)
    return bright * light


def _grain(camera: Camera, generator: np.random.Generator) -> Array:
    """Streaks along x, as a milling head leaves them, and fine grain, for every pixel."""
    brushed = MATERIALS[camera.part.material][2]
    shape = camera.view.shape
    noise = gaussian_filter1d(generator.normal(size=shape), 9, axis=1) * 0.10 * brushed
    noise += gaussian_filter(generator.normal(size=shape), 0.7) * 0.03
    return noise.reshape(-1)


def _opened(field: Field, view: View) -> Array:
    """How much of the room each hit sees, from five steps along its normal (Evans 2006)."""
    closed, rays = np.zeros(len(view.points)), view.hits
    for step in range(1, 6):
        height = 1.2 * step
        closed += (height - field(view.points + height * view.normals, rays)) / 2**step / height
    return 1 - 0.6 * np.clip(closed, 0, 1)


def _lit(field: Field, view: View) -> Array:
    """0.35 where the part stands between a hit and the lamp, else 1."""
    answer = np.ones((len(LAMPS), len(view.points)))
    for number, (angle, _) in enumerate(LAMPS):
        flat = np.sqrt(1 - TILT**2)
        way = np.array([np.cos(angle) * flat, np.sin(angle) * flat, TILT])
        start = view.points + 0.4 * view.normals + 0.4 * way
        blocked, _ = march(field, start, -way, view.hits, until=0.05)
        answer[number] = np.where(blocked, 0.35, 1.0)
    return answer


def _aimed(picture: Array, turn: float, aim: Array) -> Array:
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array(picture.shape) / 2
    return affine_transform(picture, rotation, offset=middle - rotation @ middle + aim, order=1, mode="nearest")
