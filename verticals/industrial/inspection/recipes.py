"""How an inspector is made: from a folder of good units, or from generated units (the weights that ship).

Good units are dealt once: some fill the memories, some give the scale of good numbers and teach fusion, some set the
thresholds. No unit serves two of these, and no defect and no test label moves a threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ....core.classifier import Classifier
from ....core.errors import InputError
from ....core.progress import say, track
from ....core.random import numpy_generator
from ..camera.expert import fit_camera
from ..camera.images import read_image
from ..camera.memory import fit_patches
from ..points.clouds import read_nominal, read_scan
from ..points.expert import PointExpert
from ..points.memory import ShapeConfig, fit_shapes
from ..points.teaching import teach
from ..records import SENSES, Unit
from ..simulate.planted import kinds_for, on_nominal, plant
from ..sound.expert import fit_sound
from ..sound.sounds import read_sound, usable
from .data import Parts
from .experts import Coverage, Experts, Seen, fit_scale
from .model import Inspector, Row, calibrate, fuse, mixed, name_kinds
from .places import fit_places, ground, picture, picture_maps, steady_limit, surface_maps

READERS: Mapping[str, Callable[[Any], Any]] = {
    "scan": read_scan,
    "nominal": read_nominal,
    "image": read_image,
    "sound": read_sound,
}
LEAST_GOOD = 8
PATCHES = 2_000
TAUGHT = 200  # steps of the camera's head in the weights that ship
SHAPES = ShapeConfig(points=6_000, groups=2_000, scales=(40, 80))  # half the time of the memory's own settings
SHAPED = 24  # good scans whose shapes fill the memory
PLANTED = 2  # defective versions of each good unit that teaches fusion


def read_unit(unit: Unit) -> dict[str, Any]:
    """The unit's record, each modality through its reader."""
    return {name: READERS[name](value) for name, value in unit.given.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What the experts said: of good and defective units that teach, and of good ones that set the thresholds."""

    experts: Experts
    good: Sequence[Row]
    bad: Sequence[Row]
    held: Sequence[Row]


def fit_good(
    units: Sequence[Unit],
    *,
    seed: int,
    start: Inspector | None = None,
    epochs: int | None = None,
    method: str = "full",
    bad: Sequence[Unit] = (),
    patches: int = PATCHES,
    steps: int | None = None,
) -> Inspector:
    """An inspector from good units; `bad` ones (generated) teach fusion where given, else defects are planted.

    Raises:
        InputError: fewer than eight good units.
    """
    points = start.experts.points if start is not None else None
    lesson = learn(units, bad, seed=seed, patches=patches, steps=steps, points=points)
    before = start.fused if start is not None else None
    return assemble(lesson, start=before, seed=seed, epochs=epochs, method=method)


def learn(
    units: Sequence[Unit],
    bad: Sequence[Unit],
    *,
    seed: int,
    patches: int = PATCHES,
    steps: int | None = None,
    points: PointExpert | None = None,
) -> Lesson:
    """Fill the memories, and look at every other unit with them; `points` was taught on generated parts."""
    if len(units) < LEAST_GOOD:
        raise InputError(f"{len(units)} good units are too few: give at least {LEAST_GOOD} (99 promise one per cent)")
    memory, teach, held = deal(units, seed)
    say(f"{len(memory)} good units fill the memories, {len(teach)} teach, {len(held)} set the thresholds")
    records = [read_unit(unit) for unit in track(memory, "reading good units")]
    experts = fit_experts(records, seed=seed, patches=patches, steps=steps, points=points)
    seen = [(unit, *_observe(experts, unit)) for unit in track(teach, "looking at good units")]
    if bad:
        told = [Row(_observe(experts, unit)[1], unit) for unit in track(bad, "looking at defective units")]
    else:
        told = _planted(experts, seen, seed=seed)
    good = [Row(observed, unit) for unit, _, observed in seen]
    return Lesson(
        experts=experts,
        good=good,
        bad=told,
        held=[Row(_observe(experts, unit)[1], unit) for unit in track(held, "setting thresholds")],
    )


def assemble(
    lesson: Lesson, *, start: Classifier | None, seed: int, epochs: int | None = None, method: str = "full"
) -> Inspector:
    """Scale, fusion and thresholds from what the experts said."""
    usual: dict[str, list[Seen]] = {}
    for row in lesson.good:
        for sense, each in row.observed.items():
            if each.usable:
                usual.setdefault(sense, []).append(each)
    scale = fit_scale(usual)
    rows = mixed(lesson.good, lesson.bad, seed=seed)
    fused, told = fuse(start, scale, rows, seed=seed, epochs=epochs, method=method)
    naming, more = name_kinds(scale, rows, seed=seed, epochs=epochs)
    inspector = Inspector(
        experts=lesson.experts, scale=scale, fused=fused, naming=naming, thresholds={}, notes=told | more
    )
    good = [row.observed for row in lesson.held]
    deviations = [each["scan"].score for each in good if "scan" in each and each["scan"].usable]
    floor = float(np.quantile(deviations, 0.99, method="higher")) if deviations else 0.1
    groups = {row.unit.group for row in (*lesson.good, *lesson.held)}
    return replace(inspector, thresholds=calibrate(inspector, good), floor_mm=floor, groups=tuple(sorted(groups)))


def deal(units: Sequence[Unit], seed: int) -> tuple[list[Unit], list[Unit], list[Unit]]:
    """Memory, teaching and held units, whole groups: 30 %, 30 % and 40 % (thresholds need the most)."""
    names = sorted({unit.group for unit in units})
    order = [names[index] for index in numpy_generator(seed, "deal").permutation(len(names))]
    first, second = round(0.3 * len(order)), round(0.6 * len(order))
    sides = (set(order[:first]), set(order[first:second]), set(order[second:]))
    memory, teach, held = ([unit for unit in units if unit.group in side] for side in sides)
    return memory, teach, held


def fit_experts(
    records: Sequence[Mapping[str, Any]],
    *,
    seed: int,
    patches: int = PATCHES,
    steps: int | None = None,
    points: PointExpert | None = None,
) -> Experts:
    """The memories of good units, for each sense that any of them has; `steps` is how long the camera is taught."""
    photos = [record["image"] for record in records if "image" in record]
    sounds = [record["sound"] for record in records if "sound" in record and usable(record["sound"])]
    scans = [record for record in records if "scan" in record]
    bare = [record["scan"] for record in scans if "nominal" not in record]  # with one, deviation says all that they do
    blank = [picture(each) for each in photos]
    mean = np.mean(blank, axis=0) if blank else None
    if mean is not None:  # laid on their own mean, and averaged again
        mean = np.mean([picture_maps(each, mean)[0] for each in blank], axis=0).reshape(mean.shape)
    maps = [picture_maps(each, mean) for each in blank] if mean is not None else []
    return Experts(
        camera=fit_camera(photos, seed=seed, steps=steps) if photos else None,
        patches=fit_patches(photos, size=patches, seed=seed) if photos else None,
        sounds=fit_sound(sounds) if sounds else None,
        coverage=fit_coverage([each for each in scans if "nominal" in each]),
        shapes=fit_shapes(bare[:SHAPED], seed=seed, config=SHAPES) if bare else None,
        points=points,
        picture=mean.astype(np.float32) if mean is not None else None,
        pixels=fit_places(maps),
        steady=steady_limit(maps, mean) if mean is not None else float("inf"),
    )


def fit_coverage(records: Iterable[Mapping[str, Any]], kept: int = 8_000) -> Coverage | None:
    """How often good scans met each sample of the nominal part, and the largest residual among them."""
    blank = Experts()
    met, residuals, found, nominal = [], [], [], None
    sizes: dict[str, list[float]] = {}
    for record in track(list(records), "learning what the scanner sees"):
        seen = blank.look({"scan": record["scan"], "nominal": record["nominal"]})["scan"]
        if seen.usable:
            nominal = record["nominal"]
            met.append(seen.shown.deviation.covered)
            residuals.append(seen.numbers["residual"])
            found.append(seen.shown.deviation)
            for each in seen.shown.dimensions:
                if each.verdict != "not evaluable":
                    sizes.setdefault(each.name, []).append(each.value)
    if nominal is None:
        return None
    step = max(1, len(nominal.samples) // kept)
    around = ground(nominal.samples[::step].astype(np.float64))
    return Coverage(
        box=np.stack([nominal.samples.min(axis=0), nominal.samples.max(axis=0)]),
        area=nominal.area,
        samples=nominal.samples[::step].astype(np.float32),
        share=np.mean(met, axis=0)[::step].astype(np.float32),
        residual=float(max(residuals)),
        places=fit_places([surface_maps(each, around) for each in found]),
        sizes={
            name: (float(np.mean(values)), max(float(np.std(values, ddof=1)), 2e-3))
            for name, values in sizes.items()
            if len(values) >= max(3, 0.8 * len(found))
        },
    )


def _observe(experts: Experts, unit: Unit) -> tuple[dict[str, Any], dict[str, Seen]]:
    record = read_unit(unit)
    return record, experts.look(record)


def _planted(experts: Experts, seen: Sequence[tuple[Unit, dict[str, Any], dict[str, Seen]]], *, seed: int) -> list[Row]:
    """What the experts say of good units with a defect planted in them."""
    senses = tuple(sense for sense in SENSES if any(sense in observed for _, _, observed in seen))
    if len(senses) < 2:
        return []
    kinds = kinds_for(senses)
    found = []
    for number, (unit, record, observed) in enumerate(track(list(seen), "planting defects")):
        generator = numpy_generator(seed, f"planted in {unit.name}")
        record = dict(record)
        if "scan" in observed and observed["scan"].shown is not None:
            record["scan"] = on_nominal(record["scan"], observed["scan"].shown.pose.matrix)
        for version in range(PLANTED):
            kind = kinds[(number * PLANTED + version) % len(kinds)]
            planted = plant(record, kind, generator=generator)
            changed = {
                name: value for name, value in planted.items() if value is not record.get(name) or name == "nominal"
            }
            found.append(Row({**observed, **experts.look(changed)}, replace(unit, defect=kind)))
    return found


def sample_part(folder: Path) -> Any:
    """The part of the sample, whose units the weights that ship were fitted to."""
    from ..simulate.parts import part_of_mesh

    return part_of_mesh(folder / "nominal.stl")


def demonstration(folder: Path, *, seed: int = 0, good: int = 250, bad: int = 140) -> Inspector:
    """The inspector that ships: generated units of the sample's part."""
    return assemble(demonstrated(folder, seed=seed, good=good, bad=bad), start=None, seed=seed)


def demonstrated(folder: Path, *, seed: int, good: int, bad: int) -> Lesson:
    """What the experts said of generated units of the sample's part."""
    from ..simulate.sensors import rig
    from ..simulate.units import Batch, units
    from .schooling import school

    made = rig(sample_part(folder))
    points = teach(school(made, seed=seed), seed=seed)
    whole = units(made, Batch(good=good, bad=bad), seed=seed)
    return learn(whole[:good], whole[good:], seed=seed, patches=1_000, steps=TAUGHT, points=points)


def trainable(parts: Parts) -> list[Unit]:
    """Good units of the training side; photographs of a tile that the test side also shows are left out."""
    shown = {unit.group for unit in parts.test}
    kept = [unit for unit in parts.train if unit.group not in shown]
    if len(kept) < len(parts.train):
        say(f"{len(parts.train) - len(kept)} good units are left out: the test side shows the same tiles")
    return kept


def card(inspector: Inspector, *, data: str, units: int, options: Any) -> dict[str, Any]:
    """What the weights were made of, for whoever finds them."""
    return {
        "task": "industrial/inspection",
        "senses": list(inspector.scale.centre),
        "made of": "generated units of the sample's nut: fit on good units of your own part"
        if options.recipe == "demonstration"
        else f"{units} good units",
        "data": {"sha256": data},
        "recipe": options.recipe or "good-units",
        "seed": options.seed,
        "good units behind each threshold": {name: len(each.scores) for name, each in inspector.thresholds.items()},
        "promised false rejects": {name: each.promised for name, each in inspector.thresholds.items()},
        **dict(inspector.notes),
    }
