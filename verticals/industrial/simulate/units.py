"""Whole units: one latent defect, rendered to every sense from the same truth with independent noise.

A unit is bad if any of its senses carries a visible defect (the rule of MulSen-AD, Li et al. 2025), and the truth says
which: a single sense is capped by what it can see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....core.random import numpy_generator
from ....core.types import Array, Image, PointCloud, Waveform
from ..records import Unit
from .camera import Shift, photograph, visible
from .defects import HEARD, PAINTS, SEVERITIES, SOUNDS, Flaw, draw, kinds_of
from .edits import edited
from .machine import RATE, run
from .sensors import Body, Rig, Scanned, body, scan

TRIES = 8  # places that are drawn before a defect is given up as one that no sense can see
LEAST_POINTS = 8  # scanned points that must lie out of place for the scanner to see a defect
LOUDEST = 25.0  # the severity that a fault of full loudness has
FAINTEST = 2.99  # and the severity below which nobody hears what a visible defect does to the sound


@dataclass(frozen=True, kw_only=True)
class Batch:
    """How many units, how many of them bad, of which kinds (none named: all that the part can have) and severities.

    `severity` are multiples of the noise; a unit has one of them. `snr` is in decibels below the machine.
    """

    good: int = 32
    bad: int = 0
    kinds: tuple[str, ...] = ()
    severity: tuple[float, ...] = SEVERITIES
    snr: float = 0.0
    shift: Shift = field(default_factory=Shift)
    lost: int = 0  # views of the scanner that gave nothing


def units(rig: Rig, batch: Batch, *, seed: int) -> list[Unit]:
    """Good units first, then bad ones with their kinds in turn; each from a generator of its own."""
    kinds = kinds_for(rig, batch)
    found = []
    for number in range(batch.good + batch.bad):
        generator = numpy_generator(seed, f"unit {number} of {rig.part.name}")
        kind = None if number < batch.good else kinds[(number - batch.good) % len(kinds)]
        found.append(unit(rig, kind, batch, generator=generator, name=f"{number:04d}"))
    return found


def kinds_for(rig: Rig, batch: Batch) -> tuple[str, ...]:
    """The kinds that the batch names, or all that the part can have."""
    return batch.kinds or kinds_of(rig.part.solid.holes if rig.part.solid is not None else ())


def unit(rig: Rig, kind: str | None, batch: Batch, *, generator: np.random.Generator, name: str) -> Unit:
    """One unit with scan, image and sound.

    `truth`: the `mask` of the image, the `deviation` of every scanned point and of every sample of the nominal surface
    (`lacking`) in mm, the `pose` of the scan, `visible` by sense, the `flaw`, its `severity` and the fault heard.
    """
    severity = float(batch.severity[int(generator.integers(len(batch.severity)))]) if kind is not None else 0.0
    shaped = body(rig.part, generator)
    fault, loudness = _fault(kind, severity)
    for _ in range(TRIES):
        flaw = None if kind is None or kind in SOUNDS else flaw_on(rig, kind, severity, generator)
        scanned = scan(rig, flaw, shaped, generator, lost=batch.lost)
        pixels, mask = photograph(rig.camera, flaw, shaped.field(rig.part, rig.camera.view), generator, batch.shift)
        truth = _truth(rig, flaw, shaped, scanned, mask)
        truth["visible"]["sound"] = fault is not None and loudness >= FAINTEST / LOUDEST
        if kind is None or any(truth["visible"].values()):
            break
    samples = run(fault, loudness, generator, snr=batch.snr)
    return Unit(
        name=name,
        group=name,
        given={
            "scan": PointCloud(points=scanned.points),
            "nominal": rig.part.nominal,
            "image": Image(pixels=pixels),
            "sound": Waveform(samples=samples, rate=RATE),
        },
        defect=kind or "good",
        truth=truth | {"flaw": flaw, "severity": severity, "fault": fault},
    )


def glimpse(rig: Rig, kind: str | None, batch: Batch, *, generator: np.random.Generator, name: str) -> Unit:
    """One unit with image and sound alone, in a seventh of the time: nobody scans it.

    `truth`: the `mask` of the image, `visible` by sense, the `severity` and the fault heard. A defect that neither
    sense can see is drawn anew, up to eight times.
    """
    severity = float(batch.severity[int(generator.integers(len(batch.severity)))]) if kind is not None else 0.0
    shaped = body(rig.part, generator)
    fault, loudness = _fault(kind, severity)
    heard = fault is not None and loudness >= FAINTEST / LOUDEST
    for _ in range(TRIES):
        flaw = None if kind is None or kind in SOUNDS else flaw_on(rig, kind, severity, generator)
        pixels, mask = photograph(rig.camera, flaw, shaped.field(rig.part, rig.camera.view), generator, batch.shift)
        if kind is None or heard or visible(mask):
            break
    samples = run(fault, loudness, generator, snr=batch.snr)
    return Unit(
        name=name,
        group=name,
        given={"image": Image(pixels=pixels), "sound": Waveform(samples=samples, rate=RATE)},
        defect=kind or "good",
        truth={
            "mask": mask,
            "visible": {"image": visible(mask), "sound": heard},
            "severity": severity,
            "fault": fault,
        },
    )


def tau(rig: Rig) -> float:
    """mm beyond which a displacement counts as a defect."""
    return max(2 * rig.scanner.sigma, 0.06)


def _truth(rig: Rig, flaw: Flaw | None, shaped: Body, scanned: Scanned, mask: Array) -> dict[str, Any]:
    lacking = lacking_on(rig, flaw, shaped)
    out = int((np.abs(scanned.deviation) > tau(rig)).sum())
    missed = int((lacking > tau(rig)).sum()) * rig.part.nominal.spacing**2
    seen = {"scan": bool(out >= LEAST_POINTS or missed > 10.0), "image": visible(mask)}
    return {
        "mask": mask,
        "deviation": scanned.deviation,
        "lacking": lacking,
        "pose": scanned.pose,
        "tau": tau(rig),
        "visible": seen,
    }


def lacking_on(rig: Rig, flaw: Flaw | None, shaped: Body) -> Array:
    """How far, in mm, the material of each sample of the nominal surface is gone (or, negative, buried)."""
    samples, normals = rig.part.nominal.samples, rig.part.nominal.normals
    if flaw is None:
        return np.zeros(len(samples))
    solid = rig.part.solid

    def good(points: Array, rays: Array) -> Array:
        if solid is not None:
            return solid.distance(points, shaped.sizes) - shaped.form(points)
        return np.einsum("ij,ij->i", points - samples[rays], normals[rays])

    rays = np.arange(len(samples))
    return np.asarray(edited(good, flaw)(samples, rays) - good(samples, rays))


def flaw_on(rig: Rig, kind: str, severity: float, generator: np.random.Generator) -> Flaw:
    """Where a sense that can see the kind would see it: paint under the camera, shapes anywhere on the part."""
    views = [rig.camera.view] if kind in PAINTS else [*rig.views]
    view = views[int(generator.integers(len(views)))]
    faces = view.facing > 0.6
    nominal = rig.part.nominal
    points, normals = view.points[faces], view.normals[faces]
    if kind == "missing":  # what is outermost is looked for on the whole part
        points, normals = nominal.samples, nominal.normals
    return draw(
        kind,
        points,
        normals,
        severity=severity,
        sigma=rig.scanner.sigma,
        generator=generator,
        holes=rig.part.solid.holes if rig.part.solid is not None else (),
    )


def _fault(kind: str | None, severity: float) -> tuple[str | None, float]:
    """The fault of the machine, and how loud it is, 0..1."""
    if kind in SOUNDS:
        return kind, severity / LOUDEST
    if kind in HEARD:
        fault, share = HEARD[kind]
        return fault, share * severity / LOUDEST
    return None, 0.0
