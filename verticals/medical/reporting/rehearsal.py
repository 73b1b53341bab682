"""Made-up answers to write reports about: findings with masks, attributes, an earlier scan and a patient, from a seed.

For tests and benchmarks of the report alone: no detector has looked, and the voxels show nothing but balls in a box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ....core.random import numpy_generator
from ....core.result import Interval
from ....core.types import Array, Text, Volume
from ..detection.findings import Judged, Operating, finding_of
from ..followup.alignment import Alignment
from ..followup.comparison import Comparison, again
from ..patient import Clinical
from ..records import Attribute, Finding, Nodules, side_of
from ..studies.geometry import Scan, to_index, to_world
from .advice import managed
from .plan import Context

SHAPE, SPACING = (150, 110, 70), (1.2, 1.2, 1.5)
OPERATING = Operating(threshold=0.2)
VALUES: Mapping[str, tuple[str, ...]] = {
    "texture": ("solid", "part-solid", "ground-glass"),
    "margin": ("sharp", "ill-defined"),
    "spiculation": ("none", "marked"),
    "lobulation": ("none", "marked"),
    "calcification": ("none", "present"),
}
LOBES = ("right upper lobe", "right middle lobe", "right lower lobe", "left upper lobe", "left lower lobe")


@dataclass(frozen=True, kw_only=True, eq=False)
class Rehearsed:
    """An answer and what a report about it needs."""

    answer: Nodules
    context: Context


def rehearsed(seed: int, *, most: int = 6, earlier: bool | None = None) -> Rehearsed:
    """Up to `most` findings; `earlier` says whether there is an earlier scan (None: every second time)."""
    draw = numpy_generator(seed, "rehearsal")
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -(np.array(SHAPE) * SPACING) / 2 + draw.uniform(-20, 20, 3)
    middle = float(affine[0, 3] + SHAPE[0] * SPACING[0] / 2)
    labels, balls = _balls(draw, affine, int(draw.integers(0 if seed % 10 == 0 else 1, most + 1)))
    voxels = np.where(labels > 0, 0.0, -850.0) + draw.normal(0, 30, SHAPE)
    volume = Volume(voxels=voxels.astype(np.float32), affine=affine)
    found = tuple(_finding(n, labels, volume, middle, draw) for n in range(1, len(balls) + 1))
    answer = Nodules(
        findings=found, lung_volume_ml=float(draw.uniform(2000, 6000)), spacing_mm=SPACING,
        threshold=OPERATING.threshold, lung_middle_mm=middle, labels=labels, affine=affine,
        used={"ct": ("detection", "judge", "measurement")},
    )  # fmt: skip
    patient = _patient(draw)
    if earlier if earlier is not None else seed % 2:
        answer = replace(answer, comparison=_earlier(found, balls, volume, draw))
    answer = replace(answer, management=managed(answer, patient))
    words = Text(text="Cough.") if draw.random() < 0.5 else None
    scan = Scan(volume=volume, origin=f"rehearsal {seed}")
    card = {"validation": {"scans": 24.0, "froc_cpm": 0.8}}
    return Rehearsed(answer=answer, context=Context(scan=scan, volume=volume, indication=words, patient=patient,
                                                    operating=OPERATING, card=card))  # fmt: skip


def _balls(draw: np.random.Generator, affine: Array, count: int) -> tuple[Array, list[tuple[Array, Array]]]:
    """Label map and the balls' centres and semi-axes in mm; none touches another."""
    labels = np.zeros(SHAPE, np.uint8)
    balls: list[tuple[Array, Array]] = []
    for _ in range(50 * count):
        if len(balls) == count:
            break
        half = np.exp(draw.uniform(np.log(2.2), np.log(17))) * draw.uniform(0.8, 1.2, 3)
        low, high = to_world(affine, np.zeros(3)) + half + 2, to_world(affine, np.array(SHAPE) - 1.0) - half - 2
        centre = draw.uniform(low, high)
        if all(np.linalg.norm(centre - each) > half.max() + other.max() + 4 for each, other in balls):
            balls.append((centre, half))
            labels[tuple(_ball(affine, centre, half).T)] = len(balls)
    return labels, balls


def _ball(affine: Array, centre: Array, half: Array) -> Array:
    """Voxels `[voxel, 3]` inside an ellipsoid of semi-axes `half` mm."""
    low = np.maximum(np.floor(to_index(affine, centre - half)).astype(int), 0)
    high = np.minimum(np.ceil(to_index(affine, centre + half)).astype(int) + 1, SHAPE)
    index = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), axis=-1)
    return index[(((to_world(affine, index) - centre) / half) ** 2).sum(axis=-1) < 1]


def _finding(n: int, labels: Array, volume: Volume, middle: float, draw: np.random.Generator) -> Finding:
    judged = Judged(None, float(draw.uniform(OPERATING.threshold, 1)), {"ct": 1.0, "indication": 0.0})  # type: ignore[arg-type]
    made = finding_of(n, judged, np.argwhere(labels == n), volume, OPERATING)
    side = side_of(made.center_mm[0], middle)
    attributes = {name: _attribute(values, draw) for name, values in VALUES.items() if draw.random() < 0.8}
    if draw.random() < 0.8:
        lobes = LOBES if draw.random() < 0.1 else tuple(each for each in LOBES if each.startswith(side))
        attributes["location"] = _attribute(lobes, draw)
    value = float(draw.uniform(0, 1))
    rated = Interval(value=value, low=value * 0.6, high=value + (1 - value) * 0.4) if draw.random() < 0.7 else None
    return replace(made, side=side, attributes=attributes, malignancy=rated)


def _attribute(values: tuple[str, ...], draw: np.random.Generator) -> Attribute:
    chances = draw.dirichlet(np.full(len(values), 0.3))
    told = {value: float(chance) for value, chance in zip(values, chances, strict=True)}
    likely = max(told, key=lambda each: told[each])
    return Attribute(value=likely, probability=told[likely], probabilities=told)


def _earlier(
    found: tuple[Finding, ...], balls: list[tuple[Array, Array]], volume: Volume, draw: np.random.Generator
) -> Comparison:
    """The same nodules smaller, larger or as they are, one perhaps missing, one perhaps gone since; the scan moved."""
    shift = draw.uniform(-15, 15, 3)
    moved = Volume(voxels=volume.voxels, affine=volume.affine + np.pad(shift[:, None], ((0, 1), (3, 0))))
    before: list[Finding] = []
    taken = np.zeros(SHAPE, bool)
    places = [(centre, half * draw.choice([0.75, 0.9, 1.0, 1.2])) for centre, half in balls if draw.random() < 0.8]
    if draw.random() < 0.5:
        low, high = to_world(volume.affine, np.full(3, 8.0)), to_world(volume.affine, np.array(SHAPE) - 9.0)
        places.append((draw.uniform(low, high), np.full(3, 3.0)))
    for centre, half in places:
        where = _ball(volume.affine, centre, half)
        where = where[~taken[tuple(where.T)]]
        if len(where):
            taken[tuple(where.T)] = True
            judged = Judged(None, float(draw.uniform(OPERATING.threshold, 1)), {})  # type: ignore[arg-type]
            before.append(finding_of(len(before) + 1, judged, where, moved, OPERATING))
    matrix = np.eye(4)
    matrix[:3, 3] = -shift
    made = Comparison(
        days=float(draw.integers(30, 900)), days_from="the patient table", earlier=tuple(before), residual_mm=1.2,
        alignment=Alignment(matrix=matrix, residual_mm=1.2), field_mm=(moved.affine, np.array(SHAPE)),
    )  # fmt: skip
    return again(made, found, shown=volume)


def _patient(draw: np.random.Generator) -> Clinical | None:
    if draw.random() < 0.2:
        return None
    known = {
        "age": float(draw.integers(36, 85)), "screening": bool(draw.random() < 0.4), "cancer": False,
        "immunosuppressed": False, "pack_years": float(draw.integers(1, 60)), "quit_years": float(draw.integers(0, 20)),
        "sex": str(draw.choice(["female", "male"])), "family_history": bool(draw.random() < 0.2),
        "emphysema": bool(draw.random() < 0.3), "fibrosis": False,
    }  # fmt: skip
    return Clinical(**{name: value for name, value in known.items() if draw.random() < 0.8})  # type: ignore[arg-type]
