"""Whole units: one latent defect, rendered to every sense from the same truth with independent noise.

A unit is bad if any of its senses carries a defect; a single sense is capped by what it can see.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ....core.random import numpy_generator
from ....core.types import Array, Image, PointCloud, Waveform
from ..records import Unit
from .defects import HEARD, KINDS, PAINTS, SHAPES, SOUNDS, Flaw, draw
from .machine import RATE, run
from .sensors import Rig, Shift, body, photograph, scan


@dataclass(frozen=True, kw_only=True)
class Batch:
    """How many units, how many of them bad, and under which conditions."""

    good: int = 32
    bad: int = 0
    kinds: tuple[str, ...] = KINDS
    severity: tuple[float, float] = (0.1, 1.0)
    snr: float = 0.0
    shift: Shift = field(default_factory=Shift)


def units(rig: Rig, batch: Batch, *, seed: int) -> list[Unit]:
    """Good units first, then bad ones with their kinds in turn; each from a generator of its own."""
    found = []
    for number in range(batch.good + batch.bad):
        generator = numpy_generator(seed, f"unit {number} of {rig.part.name}")
        kind = None if number < batch.good else batch.kinds[(number - batch.good) % len(batch.kinds)]
        found.append(unit(rig, kind, batch, generator=generator, name=f"{number:04d}"))
    return found


def unit(rig: Rig, kind: str | None, batch: Batch, *, generator: np.random.Generator, name: str) -> Unit:
    """One unit with scan, image and sound; `truth` holds the mask of the image and what each sense can see."""
    low, high = batch.severity
    severity = float(generator.uniform(low, high))
    flaw = None if kind is None or kind in SOUNDS else _flaw(rig, kind, severity, generator)
    fault, loudness = _fault(kind, severity)
    shape = flaw if kind in SHAPES else None
    points = scan(rig, shape, body(rig.part.nominal.size, generator), generator)
    pixels, mask = photograph(rig, flaw, generator, batch.shift)
    samples = run(fault, loudness, generator, snr=batch.snr)
    return Unit(
        name=name,
        group=name,
        given={
            "scan": PointCloud(points=points),
            "nominal": rig.part.nominal,
            "image": Image(pixels=pixels),
            "sound": Waveform(samples=samples, rate=RATE),
        },
        defect=kind or "good",
        truth={"mask": mask, "flaw": flaw, "severity": severity if kind else 0.0},
    )


def _flaw(rig: Rig, kind: str, severity: float, generator: np.random.Generator) -> Flaw:
    """Where a sense that can see the kind would see it: paint under the camera, shapes anywhere on the part."""
    views = [rig.camera] if kind in PAINTS else [*rig.scanner]
    view = views[int(generator.integers(len(views)))]
    faces = view.facing > 0.5
    return draw(kind, view.points[faces], view.normals[faces], severity=severity, generator=generator)


def _fault(kind: str | None, severity: float) -> tuple[str | None, float]:
    if kind in SOUNDS:
        return kind, severity
    if kind in HEARD:
        fault, share = HEARD[kind]
        return fault, share * severity
    return None, 0.0


def truth_on(points: Array, flaw: Flaw | None, normals: Array) -> Array:
    """How far, in mm and signed, the defect moved each point of the nominal surface along its normal."""
    from .defects import moved

    if flaw is None:
        return np.zeros(len(points))
    after, _, alive = moved(points, normals, flaw)
    height = np.einsum("ij,ij->i", after - points, normals)
    return np.where(alive, height, np.nan)
