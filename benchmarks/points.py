"""Scans alone: what deviation from the CAD, a memory of shapes, and both together find on real CAD, and sizes in mm.

    python benchmarks/points.py                # all of it, about five minutes on two idle cores
    python benchmarks/points.py --only found   # or: dimensions
    python benchmarks/points.py --validate     # the choices below were made on these: generated parts, other seeds

Meshes: $COLONNADE_DATA/parts_cad (real CAD, brought to a diagonal of 100 mm), scanned by the project's simulator
(laser line, 0.03 mm). Four good scans to learn from; test: ten good ones and six kinds of defect at 3, 6, 12 and 25
times the scanner's noise.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from results import table, write

from colonnade.core.random import numpy_generator
from colonnade.core.trust.intervals import bootstrap
from colonnade.core.types import Array
from colonnade.verticals.industrial.inspection.metrics import roc_auc
from colonnade.verticals.industrial.points.clouds import nominal_of, read_nominal, read_scan
from colonnade.verticals.industrial.points.deviation import measure
from colonnade.verticals.industrial.points.dimensions import dimensions
from colonnade.verticals.industrial.points.memory import ShapeMemory, describe, fit_shapes, remember
from colonnade.verticals.industrial.points.registration import register
from colonnade.verticals.industrial.records import Nominal, Scan
from colonnade.verticals.industrial.simulate.defects import SEVERITIES, draw
from colonnade.verticals.industrial.simulate.parts import Part, part
from colonnade.verticals.industrial.simulate.sensors import Rig, body, rig, scan

COMMAND = "python benchmarks/points.py"
KINDS = ("dent", "bulge", "hole", "missing", "contamination", "bent")
TRAIN, GOOD = 4, 10
DIAGONAL, SPACING = 100.0, 1.0  # mm
SPREAD = 0.05  # of its mean: the least spread of a score that four good scans are believed to have
UNITS = 6
TRUTH = {  # which sizes of the generator a drawing would dimension, and as what
    "plate": {"small bore": "diameter", "large bore": "diameter"},
    "flange": {
        "diameter": "diameter",
        "hub": "diameter",
        "bore": "diameter",
        "bolt": "diameter",
        "pitch circle": "pitch circle",
    },
}
EXPERTS = ("deviation", "memory", "both")


@dataclass(frozen=True, kw_only=True, eq=False)
class Looked:
    """One test scan: what it is, its scores, and the area under the curve over its points by expert (NaN if good)."""

    part: str
    kind: str
    severity: float
    scores: dict[str, float]
    points: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("found", "dimensions"))
    parser.add_argument("--validate", action="store_true")
    options = parser.parse_args()
    if options.validate:
        print(found([part(name) for name in ("flange", "bracket", "gear", "nut")], seed=7))
        return
    sections = {
        "found": ("Scans of real CAD: what is found", lambda: found(meshes(), seed=0)),
        "dimensions": ("Scans of generated parts: dimensions", dimensioned),
    }
    for name, (title, of) in sections.items():
        if options.only in (None, name):
            text = of()
            print(f"\n{title}\n{text}", flush=True)
            write(title, command=COMMAND, text=text, packages=("numpy", "scipy"))


def meshes() -> list[Part]:
    """Every mesh of the folder, none where it is missing."""
    root = Path(os.environ.get("COLONNADE_DATA", Path(__file__).parents[2] / "shared" / "data")) / "parts_cad"
    found = []
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        triangles = read_nominal(path).triangles
        low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
        scale = DIAGONAL / float(np.linalg.norm(high - low))
        found.append(Part(name=path.stem, nominal=nominal_of((triangles - (low + high) / 2) * scale)))
    return found


# ---- what is found --------------------------------------------------------------------------------------------------


def found(parts: Sequence[Part], *, seed: int) -> str:
    if not parts:
        return "Not measured: there is no folder parts_cad in $COLONNADE_DATA."
    with ProcessPoolExecutor(2) as pool:
        looked = [each for of in pool.map(_part, parts, [seed] * len(parts)) for each in of]
    return told(looked)


def told(looked: Sequence[Looked]) -> str:
    """The tables of all test scans."""
    names = list(dict.fromkeys(each.part for each in looked))
    rows = [_row(name, [each for each in looked if each.part == name]) for name in names]
    rows.append(["**mean of the parts**", *_means([[float(cell) for cell in row[1:]] for row in rows])])
    by_kind = [_split(kind, looked, lambda each, kind=kind: each.kind == kind) for kind in KINDS]
    by_size = [
        _split(f"{level:g} sigma", looked, lambda each, level=level: each.severity == level) for level in SEVERITIES
    ]
    head = ["", *(f"object, {name}" for name in EXPERTS), *(f"point, {name}" for name in EXPERTS)]
    better = _compared(looked)
    return (
        f"Area under the ROC curve. {len(looked)} test scans of {len(names)} parts; a part's defects against its own "
        "good scans. Points: over the points of each defective scan whose surface was moved, mean of the scans.\n\n"
        f"{table(head, rows)}\n\n{table(head, [*by_kind, *by_size])}\n\n"
        f"Both less deviation alone, mean over the parts, 95 % over redrawn parts: {better}."
    )


def _part(part_: Part, seed: int) -> list[Looked]:
    """Learn from four good scans, and look at all test scans of one part."""
    made = rig(part_, spacing=SPACING)
    draws = numpy_generator(seed, f"benchmark of {part_.name}")
    train = [read_scan(scan(made, None, body(part_, draws), draws).points) for _ in range(TRAIN)]
    memory = fit_shapes(train, seed=seed)
    scale = _scale(train, part_.nominal, memory, seed)
    looked = [_look(made, None, 0.0, draws, memory, scale) for _ in range(GOOD)]
    for kind in KINDS:
        looked += [_look(made, kind, severity, draws, memory, scale) for severity in SEVERITIES]
    return looked


def _scale(train: Sequence[Scan], nominal: Nominal, memory: ShapeMemory, seed: int) -> dict[str, tuple[float, float]]:
    """Mean and spread of each score over the good scans; of the memory with each scan left out in turn."""
    seen = [describe(each.points, cell=memory.cell, stride=memory.stride, config=memory.config) for each in train]
    left = []
    for number, own in enumerate(seen):
        others = [each for place, each in enumerate(seen) if place != number]
        small = remember(others, cell=memory.cell, stride=memory.stride, seed=seed, config=memory.config)
        left.append(small.judge(own).score)
    scores = {"deviation": [_deviation(each, nominal)[0] for each in train], "memory": left}
    return {
        name: (float(np.mean(values)), max(float(np.std(values, ddof=1)), SPREAD * float(np.mean(values))))
        for name, values in scores.items()
    }


def _look(
    made: Rig,
    kind: str | None,
    severity: float,
    draws: np.random.Generator,
    memory: ShapeMemory,
    scale: dict[str, tuple[float, float]],
) -> Looked:
    flaw = None
    if kind is not None:
        views = [view for view in made.views if (view.facing > 0.6).any()]  # some stand askew to every face
        view = views[int(draws.integers(len(views)))]
        faces = view.facing > 0.6
        places, normals = view.points[faces], view.normals[faces]
        if kind == "missing":
            places, normals = made.part.nominal.samples, made.part.nominal.normals
        flaw = draw(kind, places, normals, severity=severity, sigma=made.scanner.sigma, generator=draws)
    scanned = scan(made, flaw, body(made.part, draws), draws)
    taken = read_scan(scanned.points)
    deviation, map_ = _deviation(taken, made.part.nominal)
    seen = memory.look(taken)
    strange = seen.at(taken.points)
    scores = {"deviation": deviation, "memory": seen.score}
    maps = {"deviation": map_, "memory": strange}
    maps["both"] = np.maximum(*(_spreads(maps[name], scale[name]) for name in ("deviation", "memory")))
    scores["both"] = max(_spreads(scores[name], scale[name]) for name in ("deviation", "memory"))
    truth = np.abs(scanned.deviation[_places(scanned.points, taken.points)]) > max(2 * made.scanner.sigma, 0.06)
    enough = truth.sum() >= 8
    areas = {name: roc_auc(truth, values) if enough else float("nan") for name, values in maps.items()}
    return Looked(part=made.part.name, kind=kind or "good", severity=severity, scores=scores, points=areas)


def _places(whole: Array, taken: Array) -> Array:
    """Where each point that the reader kept stood in the scan as it was made."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(whole).query(taken)[1])


def _deviation(taken: Scan, nominal: Nominal) -> tuple[float, Array]:
    """The score: mean of the 0.2 % of the points that are farthest out, the farther side; and the map."""
    pose = register(taken, nominal)
    local = measure(pose.apply(taken.points), nominal).local
    top = max(12, int(0.002 * len(local)))
    ordered = np.sort(local)
    return float(max(ordered[-top:].mean(), -ordered[:top].mean())), np.abs(local)


def _spreads(value: Any, scale: tuple[float, float]) -> Any:
    return (value - scale[0]) / scale[1]


def _row(name: str, looked: Sequence[Looked]) -> list[str]:
    bad = np.array([each.kind != "good" for each in looked])
    objects = [roc_auc(bad, np.array([each.scores[expert] for each in looked])) for expert in EXPERTS]
    return [name, *(f"{value:.3f}" for value in (*objects, *_point_means(looked)))]


def _point_means(looked: Sequence[Looked]) -> list[float]:
    return [float(np.nanmean([each.points[expert] for each in looked])) for expert in EXPERTS]


def _split(name: str, looked: Sequence[Looked], which: Callable[[Looked], bool]) -> list[str]:
    """One kind or size of defect: mean over the parts of the area against the part's good scans."""
    objects: dict[str, list[float]] = {expert: [] for expert in EXPERTS}
    kept = [each for each in looked if which(each)]
    for part_ in dict.fromkeys(each.part for each in looked):
        mine = [each for each in looked if each.part == part_ and (each.kind == "good" or which(each))]
        bad = np.array([each.kind != "good" for each in mine])
        for expert in EXPERTS:
            objects[expert].append(roc_auc(bad, np.array([each.scores[expert] for each in mine])))
    points = [float(np.nanmean([each.points[expert] for each in kept])) for expert in EXPERTS]
    return [
        name,
        *(f"{float(np.mean(objects[expert])):.3f}" for expert in EXPERTS),
        *(f"{each:.3f}" for each in points),
    ]


def _means(rows: Sequence[Sequence[float]]) -> list[str]:
    return [f"**{float(np.nanmean(column)):.3f}**" for column in zip(*rows, strict=True)]


def _compared(looked: Sequence[Looked]) -> str:
    gains = []
    for part_ in dict.fromkeys(each.part for each in looked):
        mine = [each for each in looked if each.part == part_]
        bad = np.array([each.kind != "good" for each in mine])
        both, alone = (roc_auc(bad, np.array([each.scores[name] for each in mine])) for name in ("both", "deviation"))
        gains.append(both - alone)
    interval = bootstrap(lambda values: float(np.mean(values)), np.array(gains), rounds=1000)
    return f"{interval.value:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"


# ---- dimensions -----------------------------------------------------------------------------------------------------


def dimensioned() -> str:
    """Sizes of generated units, drawn from their tolerances, against what the scan says."""
    rows = []
    for name in TRUTH:
        errors, missed = _measured(name)
        for size, found_ in errors.items():
            off, doubt = np.array(found_).T
            held = float((np.abs(off) <= doubt).mean())
            cells = [
                f"{1000 * cell:.0f}" for cell in (off.mean(), np.sqrt((off**2).mean()), np.abs(off).max(), doubt.mean())
            ]
            rows.append([f"{name}, {size}", str(len(off)), *cells, f"{held:.0%}", str(missed.get(size, 0))])
    head = [
        "size",
        "measured",
        "mean error",
        "rms error",
        "largest",
        "uncertainty (k = 2)",
        "within it",
        "not evaluable",
    ]
    return (
        f"{UNITS} good units of each part, sizes drawn from their tolerances, scanner noise 30 micrometres, a point "
        f"each 0.6 mm, any pose; errors in micrometres.\n\n{table(head, rows)}"
    )


def _measured(name: str) -> tuple[dict[str, list[tuple[float, float]]], dict[str, int]]:
    """By size: error and uncertainty of each measurement, mm, and how many were not evaluable."""
    made = rig(part(name), spacing=0.6)
    designed = dict(made.part.solid.sizes) if made.part.solid is not None else {}
    errors: dict[str, list[tuple[float, float]]] = {}
    missed: dict[str, int] = {}
    for number in range(UNITS):
        draws = numpy_generator(number, f"dimensions of {name}")
        shaped = body(made.part, draws)
        taken = read_scan(scan(made, None, shaped, draws).points)
        pose = register(taken, made.part.nominal)
        for line in dimensions(pose.apply(taken.points), made.part.nominal):
            size = _named(line.kind, line.nominal, TRUTH[name], designed)
            if size is None:
                continue
            if line.verdict == "not evaluable":
                missed[size] = missed.get(size, 0) + 1
            else:
                errors.setdefault(size, []).append((line.value - shaped.sizes[size], line.uncertainty))
    return errors, missed


def _named(kind: str, nominal: float, wanted: dict[str, str], sizes: dict[str, float]) -> str | None:
    """Which size of the generator a dimension is, by its kind and its nominal value."""
    for size, as_kind in wanted.items():
        if as_kind == kind and abs(nominal - sizes[size]) < 0.02 * sizes[size]:
            return size
    return None


if __name__ == "__main__":
    main()
