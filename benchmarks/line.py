"""The running line: how fast, how steady under kills, how often it cries wolf, and how good a gauge it is.

    python benchmarks/line.py            # everything, about five minutes on two idle cores
    python benchmarks/line.py --units 12 --kills 3 --checkpoint my_model

Units of the sample's part are generated and written to files, and `colonnade line` runs on them as a process of its
own, with the weights that ship. Trigger to verdict is measured from outside: from the rename of a unit's last file to
the moment that its line can be read in results.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from results import table, write

from colonnade.core.progress import say
from colonnade.core.random import numpy_generator
from colonnade.core.types import PointCloud
from colonnade.verticals.industrial.inspection.pipeline import InspectionPipeline
from colonnade.verticals.industrial.inspection.recipes import sample_part
from colonnade.verticals.industrial.monitoring.agreement import attribute_agreement
from colonnade.verticals.industrial.monitoring.alarm import Rule, units_between
from colonnade.verticals.industrial.monitoring.gauge import GaugeStudy, gauge_study
from colonnade.verticals.industrial.monitoring.runs import cusum_run_length, ewma_run_length
from colonnade.verticals.industrial.records import Unit
from colonnade.verticals.industrial.simulate.defects import draw
from colonnade.verticals.industrial.simulate.sensors import Rig, Scanner, body, rig, scan
from colonnade.verticals.industrial.simulate.units import Batch, units

COMMAND = "python benchmarks/line.py"
SAMPLE = Path(__file__).parents[1] / "samples" / "industrial"
SUFFIXES = {"scan": ".ply", "image": ".png", "sound": ".wav"}
PARTS, REPEATS = 10, 3
SETUPS = (Scanner(), Scanner(residual=0.016, turned=0.02), Scanner(residual=0.004, turned=0.005))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=60, help="units that run over the line")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument(
        "--checkpoint", type=Path, help="an inspector of the sample's part (default: the one that ships)"
    )
    options = parser.parse_args()
    pipeline = InspectionPipeline.from_pretrained(options.checkpoint)
    made = rig(sample_part(SAMPLE))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        pipeline.save(folder / "model")
        batch = Batch(good=options.units - options.units // 3, bad=options.units // 3)
        recorded = list(files(units(made, batch, seed=99), folder))
        parts = [speed(folder, recorded), kills(folder, recorded, options.kills), alarms(), gauge(made, pipeline)]
    text = "\n\n".join(parts)
    print(text)
    command = f"{COMMAND} --units {options.units} --kills {options.kills}"
    write("The running line", command=command, text=text, packages=("torch", "scipy", "numpy"))


def files(whole: Sequence[Unit], folder: Path) -> Iterator[dict[str, Path]]:
    """Each unit as files, in `recorded/`."""
    import soundfile
    import trimesh
    from PIL import Image

    into = folder / "recorded"
    into.mkdir()
    for unit in whole:
        paths = {sense: into / f"{unit.name}{suffix}" for sense, suffix in SUFFIXES.items()}
        trimesh.PointCloud(unit.given["scan"].points.astype(np.float32)).export(paths["scan"])
        pixels = np.asarray(unit.given["image"].pixels)
        pixels = pixels if pixels.dtype == np.uint8 else (pixels * 255).round().astype(np.uint8)
        Image.fromarray(pixels.squeeze()).save(paths["image"])
        wave = unit.given["sound"]
        soundfile.write(paths["sound"], wave.samples, int(wave.rate))
        yield paths


def started(folder: Path, out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "colonnade.apps.cli", "line", "industrial/inspection", "--json"]
    command += ["--checkpoint", str(folder / "model"), "--nominal", str(SAMPLE / "nominal.stl"), "--out", str(out)]
    return subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def told(out: Path) -> list[dict[str, Any]]:
    path = out / "results.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def speed(folder: Path, recorded: Sequence[dict[str, Path]]) -> str:
    """A replay for the throughput, then units one by one for the time from trigger to verdict."""
    rows = []
    for senses in (("scan", "image", "sound"), ("image", "sound"), ("scan",), ("image",), ("sound",)):
        say(f"speed: {senses}")
        label = "+".join(senses)
        out, watch = folder / f"out-{label}", folder / f"in-{label}"
        watch.mkdir()
        process = started(folder, out, "--watch", str(watch), "--senses", ",".join(senses), "--keep", "none",
                          "--limit", str(len(recorded)))  # fmt: skip
        waits = [_shown(out, watch, unit, senses, number) for number, unit in enumerate(recorded)]
        summary = json.loads(process.communicate(timeout=600)[0])
        stages = summary["latency_ms"]
        busy = sum(line["latency_ms"]["read"] + line["latency_ms"]["judge"] for line in told(out)[1:])
        rows.append([
            label, f"{1e3 * (len(recorded) - 1) / busy:.2f}",
            f"{np.percentile(waits[1:], 50):.0f}", f"{np.percentile(waits[1:], 99):.0f}",
            *(f"{stages[stage]['p50']:.0f} / {stages[stage]['p99']:.0f}" for stage in ("read", "judge", "write")),
        ])  # fmt: skip
    head = ["senses", "units a second", "trigger to verdict p50", "p99", "read", "judge", "write"]
    size = np.mean([len(unit["scan"].read_bytes()) / 12 for unit in recorded])
    return (
        f"{len(recorded)} units of the sample's nut (scans of {size:,.0f} points, one photograph, 2 s of sound), "
        "shown one after another; the first one, which waits for the process to start, is left out. Times in ms, "
        "stages as median / 99th percentile.\n\n"
        f"{table(head, rows)}"
    )


def _shown(out: Path, watch: Path, unit: dict[str, Path], senses: Sequence[str], number: int) -> float:
    """Put a unit's files there in an order of chance; milliseconds from its last rename to its line."""
    generator = numpy_generator(number, "order of arrival")
    for sense in generator.permutation(list(senses)):
        source = unit[str(sense)]
        aside = watch / f".{source.name}.part"
        aside.write_bytes(source.read_bytes())
        aside.rename(watch / source.name)
        last = time.perf_counter()
        time.sleep(0.02)
    while len(_raw(out)) <= number:
        time.sleep(0.002)
    return 1e3 * (time.perf_counter() - last)


def _raw(out: Path) -> list[bytes]:
    path = out / "results.jsonl"
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def kills(folder: Path, recorded: Sequence[dict[str, Path]], count: int) -> str:
    """Kill the process at moments of chance, start it again, and count what was lost or doubled."""
    say("kills")
    out, watch = folder / "out-kills", folder / "in-kills"
    watch.mkdir()
    generator = numpy_generator(0, "kills")
    share = -(-len(recorded) // count)
    words = ("--watch", str(watch), "--senses", "image,sound", "--keep", "none", "--wait", "60")
    torn, at_work = 0, 0
    for kill in range(count):
        for unit in recorded[kill * share : (kill + 1) * share]:
            for sense in ("sound", "image"):
                (watch / unit[sense].name).write_bytes(unit[sense].read_bytes())
        before = len(_raw(out))
        process = started(folder, out, *words)
        while len(_raw(out)) == before and before < (kill + 1) * share:  # it has begun to judge
            time.sleep(0.01)
        time.sleep(float(generator.uniform(0.0, 0.4)))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        raw = (out / "results.jsonl").read_bytes()
        torn += not raw.endswith(b"\n")
        at_work += len(_raw(out)) < min((kill + 1) * share, len(recorded))
    left = len(recorded) - len(_raw(out))
    if left:
        started(folder, out, *words, "--limit", str(left)).communicate(timeout=600)
    found = Counter(line["unit"] for line in told(out))
    lost = len(recorded) - len(found)
    doubled = sum(times - 1 for times in found.values())
    mixed = sum(Path(file["path"]).stem != line["unit"] for line in told(out) for file in line["files"].values())
    return (
        f"{count} times SIGKILL ({at_work} of them with units still to judge, {torn} in the middle of writing a line), "
        f"{len(recorded)} units: **{lost} lost, {doubled} judged twice, {mixed} with a file of another unit**."
    )


def alarms() -> str:
    """What the alarms promise on good units alone."""
    rows = [
        [f"{m} of {n}", *(f"{units_between(Rule(m=m, n=n), rate):,.0f}" for rate in (0.01, 0.02, 0.05))]
        for m, n in ((1, 1), (2, 10), (3, 20), (4, 20))
    ]
    drift = [
        [f"{shift:g} sigma", f"{ewma_run_length(shift=shift):,.1f}", f"{cusum_run_length(shift=shift):,.1f}"]
        for shift in (0.0, 0.5, 1.0, 2.0)
    ]
    return (
        "Mean number of good units between false alarms, exact, at a rate of false rejects of 1, 2 and 5 %:\n\n"
        + table(["alarm", "1 %", "2 %", "5 %"], rows)
        + "\n\nMean number of units until the drift charts signal (EWMA .1, 3 sigma; CUSUM .5, 5), by shift:\n\n"
        + table(["shift of the mean", "EWMA", "CUSUM"], drift)
    )


def gauge(made: Rig, pipeline: InspectionPipeline) -> str:
    """10 parts, 3 set-ups of the scanner, 3 repeats: of the score, of a deviation in mm, and of verdicts."""
    say("gauge study")
    score = np.empty((PARTS, len(SETUPS), REPEATS))
    deviation, verdict = np.empty_like(score), np.empty(score.shape, bool)
    pool = [view for view in made.views if (view.facing > 0.6).any()]
    truth = np.arange(PARTS) >= PARTS // 2
    for number in range(PARTS):
        generator = numpy_generator(number, "gauge part")
        shaped = body(made.part, generator)
        view = pool[number % len(pool)]
        faces = view.facing > 0.6
        flaw = None
        if truth[number]:
            severity = (6.0, 9.0, 12.0, 18.0, 25.0)[number - PARTS // 2]
            sigma = made.scanner.sigma
            flaw = draw(
                "dent", view.points[faces], view.normals[faces], severity=severity, sigma=sigma, generator=generator
            )
        for setup, scanner in enumerate(SETUPS):
            stand = replace(made, scanner=scanner)
            for repeat in range(REPEATS):
                again = numpy_generator(number, f"gauge scan {setup} {repeat}")
                points = scan(stand, flaw, shaped, again).points
                result = pipeline.predict(scan=PointCloud(points=points), nominal=made.part.nominal)
                score[number, setup, repeat] = result.score
                deviation[number, setup, repeat] = max(
                    [abs(each.max_deviation_mm or 0.0) for each in result.defects], default=0.0
                )
                verdict[number, setup, repeat] = result.verdict == "reject"
    studies = {"anomaly score (log-odds)": gauge_study(score), "largest deviation (mm)": _study(deviation)}
    rows = [_studied(name, study) for name, study in studies.items() if study is not None]
    found = attribute_agreement(verdict, truth)
    worst = min(found.appraisers, key=lambda each: each.kappa)
    head = ["measurement", "repeatability", "set-up", "part", "%GRR (95 %)", "ndc (95 %)", "verdict"]
    return (
        f"Gauge study on rescans: {PARTS} nuts (half with a dent of 6 to 25 times the scanner's noise), "
        f"{len(SETUPS)} set-ups of the scanner (views off by 8, 16 and 4 um), {REPEATS} repeats, each in a new "
        f"pose.\n\n{table(head, rows)}\n\nVerdicts: kappa with the truth {worst.kappa:.2f} at the worst set-up, alike "
        f"in all nine scans {found.all_agree.hits} of {found.all_agree.of} parts, misses {worst.misses.hits} of "
        f"{worst.misses.of}, false alarms {worst.false_alarms.hits} of {worst.false_alarms.of}."
    )


def _study(values: np.ndarray) -> GaugeStudy | None:
    return gauge_study(values) if np.ptp(values) > 0 else None


def _studied(name: str, study: GaugeStudy) -> list[str]:
    low, high = study.percent_grr_interval
    return [
        name, f"{study.repeatability:.3f}", f"{study.reproducibility:.3f}", f"{study.part:.3f}",
        f"{study.percent_grr:.1f} [{low:.1f}, {high:.1f}]",
        f"{study.ndc} [{study.ndc_interval[0]}, {study.ndc_interval[1]}]", study.verdict,
    ]  # fmt: skip


if __name__ == "__main__":
    main()
