"""The edge inspector: what does each step from teacher to int8 cost in size, time, score and honesty?

    python benchmarks/edge.py            # about fifty minutes of one core, half of it asking the teacher

The teacher is the inspector that ships, by camera and sound, on generated units of the sample's nut. Units that teach,
that calibrate, and that only measure come from generators of their own; the measured ones were first drawn once all was
fixed. A unit is bad where camera or microphone can tell. Times are of one core, everything in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

import numpy as np
from results import table, write

from colonnade.core.export.again import again
from colonnade.core.shrink.ladder import Step, auroc, timed
from colonnade.core.shrink.ladder import table as ladder
from colonnade.core.trust.intervals import bootstrap
from colonnade.core.types import Array
from colonnade.verticals.industrial.edge.command import SEED_OF_TESTS, Counts, demonstration
from colonnade.verticals.industrial.edge.inspector import EdgeInspector
from colonnade.verticals.industrial.edge.making import Material, make
from colonnade.verticals.industrial.edge.recipe import Recipe, engine_scores
from colonnade.verticals.industrial.inspection.pipeline import InspectionPipeline

SAMPLE = Path(__file__).parents[1] / "samples" / "industrial"
COMMAND = "python benchmarks/edge.py"
SMALL, QUICK, NEAR = 2.7, 5.0, 0.02  # MB, milliseconds, area: the goals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="keep the folder of the edge inspector")
    options = parser.parse_args()
    pipeline = InspectionPipeline.from_pretrained()
    material = demonstration(pipeline.inspector, SAMPLE, seed=options.seed, counts=Counts())
    with tempfile.TemporaryDirectory() as place:
        folder = options.out or Path(place) / "edge"
        steps = make(pipeline.inspector, material, recipe=Recipe(), out=folder, seed=options.seed)
        text = told(steps, material, folder)
    print(text)
    write("Edge inspector", command=COMMAND, text=text, packages=("torch", "onnxruntime", "openvino"))


def told(steps: list[Step], material: Material, folder: Path) -> str:
    """The tables."""
    kept = json.loads((folder / "edge.json").read_text(encoding="utf-8"))["kept"]
    last = next(each for each in steps if each.name == kept)
    inspector = EdgeInspector.open(folder)
    found = engine_scores(inspector.engine, material.test)
    proven = again(folder)["programs"]
    parity = [
        [name, engine, f"{worst:.1e}"] for name, each in proven.items() for engine, worst in each["engines"].items()
    ]
    whole = _unit(inspector, material)
    near = _met(steps[0].auroc - NEAR <= last.auroc)
    goals = [
        ["size of the program", f"{last.megabytes:.2f} MB", f"at most {SMALL} MB", _met(last.megabytes <= SMALL)],
        ["one unit, read to verdict", f"{whole:.1f} ms", f"at most {QUICK:g} ms", _met(whole <= QUICK)],
        ["area below the teacher's", _gap(material, found), f"at most {NEAR}", near],
        ["times quicker than eager f32", f"{last.ratio:.1f}", "at least 4", _met(last.ratio >= 4)],
        ["smaller than distilled f32", f"{1 - last.megabytes / steps[1].megabytes:.0%}", "at least 74 %",
         _met(last.megabytes <= 0.26 * steps[1].megabytes)],
    ]  # fmt: skip
    return (
        f"{len(material.test)} units that only measure (seed {SEED_OF_TESTS}; {int(material.test.bad.sum())} of them "
        f"defective in a way that camera or microphone can tell), {len(material.train)} that teach, "
        f"{len(material.held)} that calibrate. Size is the program's file (the teacher's: its tensors for camera and "
        "sound with the backbone), time one row on one core by the quickest engine (the teacher's: from read files to "
        "a score), quicker than the distilled network in eager f32; calibration error of 15 bins, calibrated anew "
        "after each step and, beside it, with the first step's calibration kept; false alarms and what is found at the "
        f"conformal limit.\n\n{ladder(steps)}\n\nKept: {kept}, on {inspector.engine.name}.\n\n"
        f"{table(['', 'reached', 'goal', ''], goals)}\n\n{_senses(material, found)}\n\n"
        f"Difference of the written programs from eager, as a share of the largest value, over the three subsets:\n\n"
        f"{table(['program', 'engine', 'difference'], parity)}{busy()}"
    )


def _unit(inspector: EdgeInspector, material: Material) -> float:
    """Milliseconds from a read photograph and recording to the verdict, gates and features included."""
    photo, sound = material.unit.photo, material.unit.sound
    spent = timed({"unit": lambda: inspector.inspect(image=photo, sound=sound)}, rounds=7)["unit"]
    return statistics.median(spent)


def _gap(material: Material, found: Array) -> str:
    """Teacher less edge with a paired interval."""
    rows = material.test
    less = bootstrap(
        lambda bad, one, two: auroc(bad, one) - auroc(bad, two), rows.bad, rows.teacher[:, 0], found[:, 0], rounds=400
    )
    return f"{less.value:+.4f} [{less.low:+.4f}, {less.high:+.4f}]"


def _senses(material: Material, found: Array) -> str:
    """Each sense on what it can tell, and each kind of defect."""
    rows = material.test
    labels = (("image+sound", rows.bad), ("image", rows.visible[:, 0]), ("sound", rows.visible[:, 1]))
    by_sense = [
        [name, f"{auroc(label, rows.teacher[:, column]):.4f}", f"{auroc(label, found[:, column]):.4f}"]
        for column, (name, label) in enumerate(labels)
    ]
    by_kind = []
    for kind in sorted(set(rows.kind.tolist()) - {"good"}):
        chosen = np.isin(rows.kind, ("good", kind))
        areas = [auroc(rows.bad[chosen], each[chosen, 0]) for each in (rows.teacher, found)]
        by_kind.append([kind, str(int((rows.kind == kind).sum())), *(f"{area:.3f}" for area in areas)])
    return (
        "Area under the curve with each subset of senses (one sense alone: on what it can tell):\n\n"
        f"{table(['senses', 'teacher', 'edge'], by_sense)}\n\nBy kind of defect, both senses:\n\n"
        f"{table(['kind', 'units', 'teacher', 'edge'], by_kind)}"
    )


def _met(yes: bool) -> str:
    return "reached" if yes else "**missed**"


def busy() -> str:
    """A warning, where others had the machine as well."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores + 0.5:
        return ""
    return f"\n\nThe machine was busy (load {load:.0f} on {cores} cores): take times and ratios from a quiet one."


if __name__ == "__main__":
    main()
