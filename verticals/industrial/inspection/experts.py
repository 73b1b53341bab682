"""Three experts that need no defects to learn from, one a sense: what each measures on a unit, in its own raw numbers.

Scan: signed deviation from the nominal part. Image: distance to the patch memory. Sound: distance to good recordings.
Raw numbers are kept as measured; beside them the same numbers in spreads of good units. It knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.types import Array, Table
from ..camera.expert import CameraExpert
from ..camera.memory import PatchMemory
from ..points.cells import cells
from ..points.clouds import unit_suspected
from ..points.deviation import WORKERS, Deviation, measure
from ..points.dimensions import Dimension, dimensions
from ..points.expert import KINDS as SCANNED
from ..points.expert import PointExpert
from ..points.memory import ShapeMemory
from ..points.quality import refusal
from ..points.registration import Pose, register
from ..points.surfaces import features_of
from ..records import Nominal, Photo, Registration, Scan, Sound
from ..sound.expert import COLUMNS as HEARD
from ..sound.expert import STANDS_OUT, SoundExpert
from ..sound.lines import Line, Machine
from .places import Ground, Places, all_round, ground, picture, picture_maps, strangest, surface_maps

SCORE = "score"  # the expert's raw score, the last column but one of every sense
SURPRISE = "surprise"  # how rare the strangest of the sense's numbers is among good units, the last column
POINT = "point"  # the point expert's score
LIKE = tuple(f"like {kind}" for kind in SCANNED)  # and its log-odds of each kind
LINES = tuple(f"line {name}" for name in (*Machine().tones(), *Machine().orders()))  # spreads beyond STANDS_OUT
COLUMNS = {
    "scan": (
        "extra",
        "lacking",
        "spread",
        "uncovered",
        "residual",
        "place extra",
        "place lacking",
        "wide extra",
        "wide lacking",
        "shape",
        "dimension",
        POINT,
        *LIKE,
    ),
    "image": ("worst", "strange", "mean", "patch", "place bright", "place dark", "wide bright", "wide dark"),
    "sound": (*HEARD, *LINES),
}
TELLING = {  # the numbers that alone make a unit strange; of the others a good unit now and then has an odd one
    "scan": ("extra", "lacking", "wide extra", "wide lacking", POINT),
    "image": ("strange", "patch", "place bright", "place dark", "wide bright", "wide dark"),
    "sound": ("lines", "level", "bands"),
}
TOP = 0.002  # share of the scanned points, and of the pixels times five, that makes the worst region
ODD = 0.12  # mm of spread over the whole scan, from which it may be the mirror image of the part
LEAST_TOP = 12  # points


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What one sense gave: named numbers, one raw score, and what a picture needs; or why it gave nothing."""

    numbers: Mapping[str, float]
    score: float
    shown: Any = None
    refused: str = ""
    away: Array | None = None  # [place] spreads of good units, signed, at the places of the part or of the picture

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
    dimensions: tuple[Dimension, ...] = ()
    shape: Any = None  # how strange the shape around each point is, where a memory of shapes was learned
    odds: Array | None = None  # [point] log-odds of a defect, where a point expert reads the part


@dataclass(frozen=True, kw_only=True, eq=False)
class Coverage:
    """The part that was learned: its bounding box and area, and how often good scans met each of some samples."""

    box: Array  # [2, 3]
    area: float
    samples: Array
    share: Array
    residual: float  # the largest among good scans, mm
    places: Places | None = None  # what good scans deviate by at the samples
    sizes: Mapping[str, tuple[float, float]] | None = None  # mean and spread of each dimension of good scans, mm

    @cached_property
    def ground(self) -> Ground:
        return ground(self.samples.astype(np.float64))

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
    tail: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)

    def columns(self, sense: str) -> list[str]:
        """The numbers of the sense that it was fitted to, without the score."""
        return [name for name in COLUMNS[sense] if name in self.centre[sense]]

    def table(self, sense: str, seen: Seen) -> Table:
        """The numbers in spreads of good units, drawn in by asinh: strictly increasing, so no rank is lost."""
        numbers = {}
        for column in (*self.columns(sense), SCORE):
            numbers[column] = float(np.arcsinh(self.away(sense, column, seen)))
        numbers[SURPRISE] = float(np.arcsinh(self.surprise(sense, seen)))
        return Table(numbers=numbers)

    def away(self, sense: str, column: str, seen: Seen) -> float:
        """One number in spreads of good units."""
        value = seen.score if column == SCORE else seen.numbers[column]
        return (value - self.centre[sense][column]) / self.spread[sense][column]

    def surprise(self, sense: str, seen: Seen) -> float:
        """Minus the natural logarithm of the share of good units that are as strange, by the strangest number.

        Beyond the upper fifth of good units an exponential tail is assumed, so that it goes on rising; for one number
        it is strictly increasing. Of several the largest counts (Tippett 1931), which makes the senses comparable.
        """
        found = []
        for column, (start, excess) in self.tail[sense].items():
            away = self.away(sense, column, seen)
            low = np.log(TAIL) + (away - start) * np.log(TAIL / 2) / start
            found.append(np.log(TAIL) + (away - start) / excess if away > start else low)
        return float(max(found))

    def z(self, sense: str, score: float) -> float:
        """The raw score in spreads of good units."""
        return (score - self.centre[sense][SCORE]) / self.spread[sense][SCORE]


TAIL = 5.0  # one good unit of so many lies in the tail that is extrapolated


def fit_scale(rows: Mapping[str, list[Seen]]) -> Scale:
    """Median and 1.48 times the median absolute deviation; a number that never moves gets a small spread."""
    centre: dict[str, dict[str, float]] = {}
    spread: dict[str, dict[str, float]] = {}
    tail: dict[str, dict[str, tuple[float, float]]] = {}
    for sense, seen in rows.items():
        columns = {name: np.array([each.numbers[name] for each in seen]) for name in COLUMNS[sense]}
        columns[SCORE] = np.array([each.score for each in seen])
        centre[sense] = {name: float(np.median(values)) for name, values in columns.items()}
        spread[sense] = {name: 1.0 if name in LINES else _spread(values) for name, values in columns.items()}
        moving = {name: columns[name] for name in (*TELLING[sense], SCORE) if np.ptp(columns[name]) > 0}
        away = {name: (each - centre[sense][name]) / spread[sense][name] for name, each in moving.items()}
        tail[sense] = {name: _tail(values) for name, values in away.items()} or {SCORE: (1.0, 1.0)}
    return Scale(centre=centre, spread=spread, tail=tail)


def _tail(away: Array) -> tuple[float, float]:
    """Where the upper fifth begins, and its mean excess, shrunk towards that of a normal number."""
    start = max(float(np.quantile(away, 1 - 1 / TAIL)), 0.3)
    excess = away[away > start] - start
    return start, max(float((excess.sum() + 3 * 0.4) / (len(excess) + 3)), 0.1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Experts:
    """What was learned from good units, by sense; None where no good unit had that sense."""

    coverage: Coverage | None = None
    camera: CameraExpert | None = None
    patches: PatchMemory | None = None
    sounds: SoundExpert | None = None
    shapes: ShapeMemory | None = None
    points: PointExpert | None = None
    picture: Array | None = None  # [SIDE, SIDE] the mean good picture
    pixels: Places | None = None
    steady: float = float("inf")  # spreads all round the picture, beyond which its light is not that of good ones

    def look(self, record: Mapping[str, Any]) -> dict[str, Seen]:
        """What each sense that is present (a scan with its nominal part) gives; the senses look side by side."""
        calls: dict[str, Callable[[], Seen]] = {}
        if "scan" in record and "nominal" in record:
            calls["scan"] = lambda: self._scan(record["scan"], record["nominal"])
        elif "scan" in record and self.shapes is not None and self.coverage is None:
            calls["scan"] = lambda: self._shape(record["scan"])
        if "image" in record:
            calls["image"] = lambda: self._image(record["image"])
        if "sound" in record:
            calls["sound"] = lambda: self._sound(record["sound"])
        if "scan" not in calls or len(calls) == 1:
            return {sense: call() for sense, call in calls.items()}
        with ThreadPoolExecutor(1) as pool:
            scan = pool.submit(calls.pop("scan"))
            others = {sense: call() for sense, call in calls.items()}
            return {"scan": scan.result(), **others}

    def _scan(self, scan: Scan, nominal: Nominal) -> Seen:
        suspect = unit_suspected(scan, nominal)
        if suspect is not None:
            factor, unit = suspect
            return refused(f"the scan seems to be in {unit}: multiply it by {factor:g} to have millimetres")
        known = self.coverage if self.coverage is not None and self.coverage.matches(nominal) else None
        with ThreadPoolExecutor(1) as pool:
            alike = pool.submit(self.shapes.look, scan) if self.shapes is not None and known is not None else None
            pose = register(scan, nominal)
            registration = judged(pose, nominal, known)
            points = pose.apply(scan.points)
            deviation = measure(points, nominal, known.expected(nominal) if known is not None else None)
            sizes = dimensions(points, nominal, features=features(nominal)) if registration.ok else ()
            numbers, away, odds = numbers_of(deviation, nominal, pose), None, None
            numbers |= dict.fromkeys((*PLACED, POINT, *LIKE), 0.0)
            if known is not None and known.places is not None:
                place = np.asarray(known.ground.tree.query(points, workers=WORKERS)[1])
                maps = known.places.away(surface_maps(deviation, known.ground, place))
                numbers |= dict(zip(PLACED, strangest(maps), strict=True))
                away = maps[0]
                if self.points is not None:
                    read = self.points.read(cells(deviation, nominal, (place, maps)))
                    numbers |= {POINT: read.score, **dict(zip(LIKE, read.kinds.values(), strict=True))}
                    odds = read.odds
            numbers["dimension"] = _oddest(sizes, known)
            likeness = None
            try:
                likeness = alike.result() if alike is not None else None
            except InputError as error:
                return refused(str(error))
            numbers["shape"] = likeness.score if likeness is not None else 0.0
        shown = Surface(
            pose=pose,
            registration=registration,
            deviation=deviation,
            nominal=nominal,
            dimensions=sizes,
            shape=likeness,
            odds=odds,
        )
        score = max(numbers["extra"], numbers["lacking"])
        odd = not registration.ok or numbers["spread"] > ODD
        reason = refusal(scan, nominal, pose, covered=deviation.covered, suspicious=odd)
        if not reason and not registration.ok:
            reason = _misfit(registration)
        return Seen(numbers=numbers, score=score, shown=shown, refused=reason, away=away)

    def _shape(self, scan: Scan) -> Seen:
        """A scan of a part whose nominal surface nobody gave: the memory of good shapes alone judges it."""
        assert self.shapes is not None
        try:
            likeness = self.shapes.look(scan)
        except InputError as error:
            return refused(str(error))
        return Seen(numbers={**dict.fromkeys(COLUMNS["scan"], 0.0), "shape": likeness.score}, score=likeness.score)

    def _image(self, photo: Photo) -> Seen:
        if self.camera is None:
            return refused("no good photograph was learned: fit on good units with images")
        look = self.camera.look(photo)
        if look.refused:
            return refused(look.refused)
        numbers, away = {**look.numbers, "patch": 0.0, **dict.fromkeys(PICTURED, 0.0)}, None
        if self.picture is not None and self.pixels is not None:
            maps = self.pixels.away(picture_maps(picture(photo), self.picture))
            numbers, away = numbers | dict(zip(PICTURED, strangest(maps), strict=True)), maps[0]
            if (found := all_round(away, self.picture)) > self.steady:
                return refused(_other_light(found, self.steady))
        if self.patches is not None:
            anomaly = self.patches.map(photo).ravel()
            count = max(1, len(anomaly) // 200)
            numbers["patch"] = float(np.partition(anomaly, -count)[-count:].mean())
        return Seen(numbers=numbers, score=look.score, shown=(photo, look.map), away=away)

    def _sound(self, sound: Sound) -> Seen:
        if self.sounds is None:
            return refused("no good recording was learned: fit on good units with sounds")
        heard = self.sounds.look(sound)
        if heard.refused:
            return refused(heard.refused)
        return Seen(numbers={**heard.numbers, **standing(heard.lines)}, score=heard.score, shown=(sound, heard))


PLACED = ("place extra", "place lacking", "wide extra", "wide lacking")
PICTURED = ("place bright", "place dark", "wide bright", "wide dark")


def standing(found: Sequence[Line]) -> dict[str, float]:
    """How far each of LINES stands beyond where it is named, in spreads of good recordings."""
    beyond = {f"line {line.name}": line.spreads - STANDS_OUT for line in found}
    return {name: beyond.get(name, 0.0) for name in LINES}


def features(nominal: Nominal) -> Any:
    """The planes and cylinders of a nominal part, found once for each."""
    if "features" not in nominal.__dict__:
        nominal.__dict__["features"] = features_of(nominal) if len(nominal.triangles) else ()
    return nominal.__dict__["features"]


def _oddest(sizes: tuple[Dimension, ...], known: Coverage | None) -> float:
    """The dimension that is farthest from those of good units, in their spreads; 0 where none was learned."""
    if known is None or not known.sizes:
        return 0.0
    far = [
        abs(each.value - known.sizes[each.name][0]) / known.sizes[each.name][1]
        for each in sizes
        if each.name in known.sizes and each.verdict != "not evaluable"
    ]
    return max(far, default=0.0)


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


def _other_light(found: float, limit: float) -> str:
    return (
        f"the image differs from good ones on every side ({found:.1f} spreads, limit {limit:.1f}): a lamp that moved"
        " or failed, another focus, or another part"
    )


def refused(reason: str) -> Seen:
    return Seen(numbers={}, score=float("nan"), refused=reason)


def _spread(values: Array) -> float:
    middle = np.median(values)
    robust = 1.4826 * float(np.median(np.abs(values - middle)))
    return max(robust, 0.2 * float(values.std()), 1e-3 * abs(float(middle)), 1e-6)
