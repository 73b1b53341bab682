"""Defects planted into real good units, so that fusion can be trained where a user has no defects: a scan's points are
moved, a photograph painted, a fault mixed into a recording. Their places and strengths are drawn; the unit stays real.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from ....core.types import Array, Image, PointCloud, Waveform
from ..records import Nominal, Photo, Scan, Sound
from .camera import darkened
from .defects import HEARD, LOCAL, PAINTS, SEVERITIES, SOUNDS, Flaw, draw
from .edits import edited
from .machine import fault_signal

SIGMA = 0.03  # mm: the noise that severities are multiples of
LOUDEST = 25.0
ROUNDS = 24  # steps towards the planted surface
SEEN_BOTH = ("hole", "missing")  # kinds of the scanner that a camera would see as well, if it looks there
PAINTED_MM = 60.0  # the width that a photograph stands for when defects are painted on it


def kinds_for(senses: tuple[str, ...]) -> tuple[str, ...]:
    """The kinds of defect that at least one of these senses can see."""
    by_sense = {"scan": LOCAL, "image": (*PAINTS, *SEEN_BOTH), "sound": SOUNDS}
    return tuple(dict.fromkeys(kind for sense in senses for kind in by_sense.get(sense, ())))


def plant(record: Mapping[str, Any], kind: str, *, generator: np.random.Generator) -> dict[str, Any]:
    """The record with a defect of that kind in every sense that would notice it, of a severity drawn."""
    bad = dict(record)
    severity = float(SEVERITIES[int(generator.integers(len(SEVERITIES)))])
    if kind in LOCAL and "scan" in record and "nominal" in record:
        bad["scan"] = _scan(record["scan"], record["nominal"], kind, severity, generator)
    seen = kind in PAINTS or (kind in SEEN_BOTH and ("scan" not in record or generator.random() < 0.5))
    if seen and "image" in record:
        bad["image"] = _image(record["image"], kind, severity, generator)
    fault, share = (kind, 1.0) if kind in SOUNDS else HEARD.get(kind, (None, 0.0))
    if fault is not None and "sound" in record:
        bad["sound"] = _sound(record["sound"], fault, share * severity / LOUDEST, generator)
    return bad


def _scan(scan: Scan, nominal: Nominal, kind: str, severity: float, generator: np.random.Generator) -> Scan:
    """Points of a scan that lies on its nominal part already, moved along the nominal normals."""
    nearest = cKDTree(nominal.samples).query(scan.points)[1]
    normals = nominal.normals[nearest]
    flaw = draw(kind, scan.points, normals, severity=severity, sigma=SIGMA, generator=generator)
    return Scan(cloud=PointCloud(points=moved(scan.points, normals, flaw)), notes=scan.notes)


def moved(points: Array, normals: Array, flaw: Flaw) -> Array:
    """The points after the defect: each slides along its normal to where its tangent plane is once it was edited."""

    def plane(at: Array, rays: Array) -> Array:
        return np.einsum("ij,ij->i", at - points[rays], normals[rays])

    field = edited(plane, flaw)
    near = np.flatnonzero(((points - flaw.centre) ** 2).sum(axis=1) < flaw.reach**2)
    height = np.full(len(near), 1.2)
    for _ in range(ROUNDS):
        height -= 0.9 * field(points[near] + height[:, None] * normals[near], near)
    after = points.copy()
    after[near] += np.where(np.abs(height) > 1e-3, height, 0.0)[:, None] * normals[near]
    return after


def _image(photo: Photo, kind: str, severity: float, generator: np.random.Generator) -> Photo:
    """The photograph as a flat surface of some millimetres, painted or holed where it is not dark."""
    pixels = photo.pixels
    height, width = pixels.shape[:2]
    step = PAINTED_MM / max(height, width)
    rows, columns = np.mgrid[:height, :width]
    points = np.stack([columns.ravel() * step, rows.ravel() * step, np.zeros(height * width)], axis=1)
    up = np.broadcast_to([0.0, 0.0, 1.0], points.shape)
    level = gaussian_filter(pixels.mean(axis=2), 3).ravel()
    places = np.flatnonzero(level > np.quantile(level, 0.3))
    painted = kind if kind in PAINTS else "stain"
    flaw = draw(painted, points[places], up[places], severity=severity, sigma=SIGMA, generator=generator)
    dark = darkened(points, up, flaw).reshape(height, width)
    if kind in SEEN_BOTH:
        dark = (dark > 0.01) * 0.85
    soft = gaussian_filter(dark, 0.6)[:, :, None]
    return Photo(image=Image(pixels=np.clip(pixels * (1 - soft), 0, 1)), notes=photo.notes)


def _sound(sound: Sound, fault: str, strength: float, generator: np.random.Generator) -> Sound:
    """The recording with a fault of a share of its own level mixed in."""
    samples = sound.wave.samples
    level = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    added = fault_signal(fault, strength, len(samples) / sound.wave.rate, generator)
    loud = np.pad(added, (0, max(0, len(samples) - len(added))))[: len(samples)]
    return Sound(wave=Waveform(samples=samples + 2.0 * level * loud, rate=sound.wave.rate), notes=sound.notes)


def on_nominal(scan: Scan, matrix: Array) -> Scan:
    """The scan in the place of the nominal part."""
    points = scan.points @ matrix[:3, :3].T + matrix[:3, 3]
    return Scan(cloud=PointCloud(points=points), notes=scan.notes)
