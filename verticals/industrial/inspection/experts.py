"""Three experts that need no defects to learn from, one a sense: what each measures on a unit, in its own raw numbers.

Scan: signed deviation from the nominal part. Image: distance to the patch memory. Sound: distance to good recordings.
Raw numbers are kept as measured; beside them the same numbers in spreads of good units. It knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.types import Array, Table
from ..camera.memory import PatchMemory
from ..points.clouds import unit_suspected
from ..points.deviation import Deviation, measure
from ..points.registration import Pose, register
from ..records import SENSES, Nominal, Photo, Registration, Scan, Sound
from ..sound.memory import SoundMemory
from ..sound.sounds import usable
from ..sound.spectrum import views

SCORE = "score"  # the expert's raw score, the last column of every sense
COLUMNS = {
    "scan": ("extra", "lacking", "spread", "uncovered", "residual"),
    "image": ("worst", "strange", "mean"),
    "sound": ("spectrum", "envelope", "loudness"),
}
TOP = 0.002  # share of the scanned points, and of the pixels times five, that makes the worst region
LEAST_TOP = 12  # points


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What one sense gave: named numbers, one raw score, and what a picture needs; or why it gave nothing."""

    numbers: Mapping[str, float]
    score: float
    shown: Any = None
    refused: str = ""

    @property
    def usable(self) -> bool:
        return not self.refused


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """What the scan expert shows: the pose, its quality and the deviation."""

    pose: Pose
    registration: Registration
    deviation: Deviation
    nominal: Nominal


@dataclass(frozen=True, kw_only=True, eq=False)
class Coverage:
    """The part that was learned: its bounding box and area, and how often good scans met each of some samples."""

    box: Array  # [2, 3]
    area: float
    samples: Array
    share: Array
    residual: float  # the largest among good scans, mm

    def matches(self, nominal: Nominal) -> bool:
        """Whether this is the part that was learned, in the same place: box within a thousandth of its size."""
        box = np.stack([nominal.samples.min(axis=0), nominal.samples.max(axis=0)])
        near = np.abs(box - self.box).max() < 0.004 * nominal.size
        return bool(near and abs(nominal.area - self.area) < 0.02 * self.area)

    def expected(self, nominal: Nominal) -> Array:
        """The share for each sample of the nominal part given."""
        from scipy.spatial import cKDTree

        return np.asarray(self.share[cKDTree(self.samples).query(nominal.samples)[1]])


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale:
    """Centre and spread of each number over good units that no memory has seen, by sense and column."""

    centre: Mapping[str, Mapping[str, float]]
    spread: Mapping[str, Mapping[str, float]]

    def table(self, sense: str, seen: Seen) -> Table:
        """The numbers in spreads of good units, drawn in by asinh: strictly increasing, so no rank is lost."""
        numbers = {}
        for column, value in {**{name: seen.numbers[name] for name in COLUMNS[sense]}, SCORE: seen.score}.items():
            away = (value - self.centre[sense][column]) / self.spread[sense][column]
            numbers[column] = float(np.arcsinh(away))
        return Table(numbers=numbers)

    def z(self, sense: str, score: float) -> float:
        """The raw score in spreads of good units."""
        return (score - self.centre[sense][SCORE]) / self.spread[sense][SCORE]


def fit_scale(rows: Mapping[str, list[Seen]]) -> Scale:
    """Median and 1.48 times the median absolute deviation; a number that never moves gets a small spread."""
    centre: dict[str, dict[str, float]] = {}
    spread: dict[str, dict[str, float]] = {}
    for sense, seen in rows.items():
        columns = {name: np.array([each.numbers[name] for each in seen]) for name in COLUMNS[sense]}
        columns[SCORE] = np.array([each.score for each in seen])
        centre[sense] = {name: float(np.median(values)) for name, values in columns.items()}
        spread[sense] = {name: _spread(values) for name, values in columns.items()}
    return Scale(centre=centre, spread=spread)


@dataclass(frozen=True, kw_only=True, eq=False)
class Experts:
    """What was learned from good units, by sense; None where no good unit had that sense."""

    coverage: Coverage | None = None
    patches: PatchMemory | None = None
    sounds: SoundMemory | None = None

    def look(self, record: Mapping[str, Any]) -> dict[str, Seen]:
        """What each sense that is present (a scan with its nominal part) gives."""
        found: dict[str, Seen] = {}
        if "scan" in record and "nominal" in record:
            found["scan"] = self._scan(record["scan"], record["nominal"])
        if "image" in record:
            found["image"] = self._image(record["image"])
        if "sound" in record:
            found["sound"] = self._sound(record["sound"])
        return {sense: found[sense] for sense in SENSES if sense in found}

    def _scan(self, scan: Scan, nominal: Nominal) -> Seen:
        suspect = unit_suspected(scan, nominal)
        if suspect is not None:
            factor, unit = suspect
            return _refused(f"the scan seems to be in {unit}: multiply it by {factor:g} to have millimetres")
        pose = register(scan, nominal)
        known = self.coverage if self.coverage is not None and self.coverage.matches(nominal) else None
        registration = judged(pose, nominal, known)
        expected = known.expected(nominal) if known is not None else None
        deviation = measure(pose.apply(scan.points), nominal, expected)
        shown = Surface(pose=pose, registration=registration, deviation=deviation, nominal=nominal)
        numbers = numbers_of(deviation, nominal, pose)
        score = max(numbers["extra"], numbers["lacking"])
        reason = "" if registration.ok else _misfit(registration)
        return Seen(numbers=numbers, score=score, shown=shown, refused=reason)

    def _image(self, photo: Photo) -> Seen:
        if self.patches is None:
            return _refused("no good photograph was learned: fit on good units with images")
        if float(photo.pixels.std()) < 0.002:
            return _refused("the image is uniform: there is nothing to judge on it")
        anomaly = self.patches.map(photo)
        flat = np.sort(anomaly.ravel())
        strange = float(flat[-max(1, len(flat) // 100) :].mean())
        numbers = {"worst": float(flat[-1]), "strange": strange, "mean": float(flat.mean())}
        return Seen(numbers=numbers, score=strange, shown=(photo, anomaly))

    def _sound(self, sound: Sound) -> Seen:
        if self.sounds is None:
            return _refused("no good recording was learned: fit on good units with sounds")
        if not usable(sound):
            return _refused("the recording is silent")
        distances = self.sounds.distances(views(sound))
        level = float(np.log(np.sqrt(np.mean(sound.wave.samples.astype(np.float64) ** 2))))
        numbers = {**distances, "loudness": abs(level - self.sounds.level)}
        return Seen(numbers=numbers, score=float(np.linalg.norm(list(distances.values()))), shown=sound)


def numbers_of(deviation: Deviation, nominal: Nominal, pose: Pose) -> dict[str, float]:
    """The scan's numbers: mean of the most extreme points each way (mm), spread (mm), uncovered area (log mm^2)."""
    local = np.sort(deviation.local)
    top = max(LEAST_TOP, int(TOP * len(local)))
    return {
        "extra": float(local[-top:].mean()),
        "lacking": float(-local[:top].mean()),
        "spread": float(np.sqrt(np.mean(np.sort(local**2)[: int(0.98 * len(local))]))),
        "uncovered": float(np.log1p(deviation.uncovered.sum() * nominal.spacing**2)),
        "residual": pose.residual,
    }


def judged(pose: Pose, nominal: Nominal, known: Coverage | None) -> Registration:
    """Whether the pose can be trusted: the residual of good scans times three, or half a per cent of the part."""
    general = max(0.1, 0.005 * nominal.size)
    limit = general if known is None else min(general, max(3 * known.residual, 0.05))
    ok = bool(pose.residual <= limit and pose.overlap >= 0.8)
    return Registration(
        residual_mm=pose.residual,
        limit_mm=float(limit),
        overlap=pose.overlap,
        starts=pose.starts,
        ok=ok,
        matrix=tuple(tuple(float(cell) for cell in row) for row in pose.matrix),
    )


def _misfit(found: Registration) -> str:
    return (
        f"the scan does not lie on the nominal part (residual {found.residual_mm:.3f} mm, limit {found.limit_mm:.3f} "
        f"mm, {found.overlap:.0%} of the points near it): another part, another unit of length, or too little scanned"
    )


def _refused(reason: str) -> Seen:
    return Seen(numbers={}, score=float("nan"), refused=reason)


def _spread(values: Array) -> float:
    middle = np.median(values)
    robust = 1.4826 * float(np.median(np.abs(values - middle)))
    return max(robust, 0.2 * float(values.std()), 1e-3 * abs(float(middle)), 1e-6)
