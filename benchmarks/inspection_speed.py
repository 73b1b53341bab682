"""Inspection: how long a unit takes from file to verdict, and where the time goes.

    python benchmarks/inspection_speed.py

One unit of 100,000 points, a photograph of one megapixel and two seconds of sound, as files, on whatever cores there
are. The stages are timed one after the other; the verdict is timed as `predict` gives it, without drawing its report.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from results import table, write

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial import InspectionPipeline
from colonnade.verticals.industrial.inspection.recipes import sample_part
from colonnade.verticals.industrial.simulate.sensors import rig
from colonnade.verticals.industrial.simulate.units import Batch, unit

SAMPLE = Path(__file__).parents[1] / "samples" / "industrial"
POINTS, SIDE, ROUNDS = 100_000, 1_000, 9


def main() -> None:
    """Print and write the table."""
    with tempfile.TemporaryDirectory() as folder:
        given = files(Path(folder))
        inspector = InspectionPipeline.from_pretrained()
        inspector.predict(**given)  # libraries and compiled graphs are loaded once
        whole = timed(lambda: inspector.predict(**given))
        rows = [["file to verdict, all senses", *whole]]
        for senses in (("scan", "nominal"), ("image",), ("sound",)):
            part = {name: given[name] for name in senses}
            rows.append([f"file to verdict, {senses[0]} alone", *timed(lambda part=part: inspector.predict(**part))])
        for name in given:
            rows.append([f"reading the {name}", *timed(lambda name=name: inspector.read(name, given[name]))])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    text = (
        f"{POINTS:,} points (binary PLY), {SIDE} by {SIDE} pixels (PNG), 2 s of sound (WAV), the sample's nut; median "
        f"and slowest of {ROUNDS} runs in one process, seconds.\n\n{table(['stage', 'median', 'slowest'], rows)}\n\n"
        f"Largest resident memory: {memory:.0f} MB."
    )
    print(text)
    write("Inspection: speed", command="python benchmarks/inspection_speed.py", text=text, packages=("torch", "scipy"))


def timed(call: object) -> list[str]:
    """Median and slowest of some runs."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()  # type: ignore[operator]
        taken.append(time.perf_counter() - start)
    return [f"{np.median(taken):.3f}", f"{max(taken):.3f}"]


def files(folder: Path) -> dict[str, str]:
    """A generated unit at the size that is asked for, as files."""
    import soundfile
    import trimesh
    from PIL import Image

    made = unit(
        rig(sample_part(SAMPLE), spacing=0.2),
        "dent",
        Batch(severity=(12.0,)),
        generator=numpy_generator(1, "speed"),
        name="0",
    )
    points = made.given["scan"].points
    chosen = numpy_generator(2, "points").permutation(len(points))[:POINTS]
    if len(chosen) < POINTS:
        raise ValueError(f"the generated scan has {len(points)} points, {POINTS} are asked for")
    trimesh.PointCloud(points[np.sort(chosen)].astype(np.float32)).export(folder / "scan.ply")
    pixels = np.asarray(made.given["image"].pixels).squeeze()
    picture = Image.fromarray(pixels if pixels.dtype == np.uint8 else (pixels * 255).round().astype(np.uint8))
    picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / "image.png")
    sound = made.given["sound"]
    soundfile.write(folder / "sound.wav", sound.samples, sound.rate, subtype="PCM_16")
    return {
        "scan": str(folder / "scan.ply"),
        "nominal": str(SAMPLE / "nominal.stl"),
        "image": str(folder / "image.png"),
        "sound": str(folder / "sound.wav"),
    }


if __name__ == "__main__":
    main()
