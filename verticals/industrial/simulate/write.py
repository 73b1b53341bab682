"""Writes generated units as a data set in the layout that `fit` and `evaluate` read, with the truth of every defect.

<out>/{scan,image,sound}/{train/good, test/good, test/<defect>}, ground_truth/<defect> beside them (scan: deviation in
mm of every point as NPZ; image: mask), nominal.stl, nominal.json (sizes, tolerances, features) and labels.csv.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ....core.errors import FileError
from ....core.progress import track
from ....core.random import numpy_generator
from ..records import SENSES, Unit
from .sensors import Rig
from .units import Batch, kinds_for, unit

COLUMNS = ("unit_id", "side", "defect", "severity", "depth_mm", "fault", *(f"visible_{sense}" for sense in SENSES))
TRAINING = 0.6  # share of the good units that are for training


def write(rig: Rig, batch: Batch, out: Path, *, seed: int) -> int:
    """Write the units of the batch; answers how many.

    Raises:
        FileError: the folder holds something already.
    """
    if out.exists() and any(out.iterdir()):
        raise FileError(f"{out} is not empty: name a new folder for the generated units")
    out.mkdir(parents=True, exist_ok=True)
    _nominal(rig, out)
    rows = []
    for side, each in track(list(_numbered(rig, batch)), "generating units"):
        number, kind = each
        made = unit(
            rig, kind, batch, generator=numpy_generator(seed, f"unit {number} of {rig.part.name}"), name=f"{number:04d}"
        )
        _files(made, side, out)
        rows.append(_row(made, side))
    with (out / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return len(rows)


def _numbered(rig: Rig, batch: Batch) -> Iterator[tuple[str, tuple[int, str | None]]]:
    """Side, number and kind of every unit: good ones first."""
    kinds = kinds_for(rig, batch)
    training = round(TRAINING * batch.good) if batch.bad else batch.good
    for number in range(batch.good + batch.bad):
        good = number < batch.good
        yield (
            "train" if number < training else "test",
            (number, None if good else kinds[(number - batch.good) % len(kinds)]),
        )


def _files(made: Unit, side: str, out: Path) -> None:
    import soundfile
    from PIL import Image

    from ..inspection.answers import write_ply

    inside = f"{side}/{made.defect}"
    for sense in SENSES:
        (out / sense / inside).mkdir(parents=True, exist_ok=True)
    points = made.given["scan"].points
    write_ply(out / "scan" / inside / f"{made.name}.ply", points, np.zeros(len(points)), 1.0)
    pixels = np.asarray(made.given["image"].pixels)
    whole = (pixels.reshape(pixels.shape[:2]) * (255 if pixels.dtype != np.uint8 else 1)).round().astype(np.uint8)
    Image.fromarray(whole).save(out / "image" / inside / f"{made.name}.png")
    sound = made.given["sound"]
    soundfile.write(out / "sound" / inside / f"{made.name}.wav", sound.samples, sound.rate, subtype="PCM_16")
    if made.good:
        return
    for sense in ("scan", "image"):
        (out / sense / "ground_truth" / made.defect).mkdir(parents=True, exist_ok=True)
    mask = Image.fromarray(made.truth["mask"].astype(np.uint8) * 255)
    mask.save(out / "image" / "ground_truth" / made.defect / f"{made.name}_mask.png")
    np.savez_compressed(
        out / "scan" / "ground_truth" / made.defect / f"{made.name}.npz",
        deviation_mm=made.truth["deviation"].astype(np.float32),
        defect=np.abs(made.truth["deviation"]) > made.truth["tau"],
        nominal_lacking_mm=made.truth["lacking"].astype(np.float32),
        pose=made.truth["pose"],
    )


def _row(made: Unit, side: str) -> dict[str, object]:
    flaw = made.truth["flaw"]
    seen = {f"visible_{sense}": int(made.truth["visible"][sense]) for sense in SENSES}
    return {
        "unit_id": made.name,
        "side": side,
        "defect": made.defect,
        "severity": made.truth["severity"],
        "depth_mm": round(flaw.depth, 4) if flaw is not None else "",
        "fault": made.truth["fault"] or "",
        **seen,
    }


def _nominal(rig: Rig, out: Path) -> None:
    import trimesh

    triangles = rig.part.triangles
    mesh = trimesh.Trimesh(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3), process=False)
    mesh.export(out / "nominal.stl")
    solid = rig.part.solid
    told: dict[str, object] = {
        "part": rig.part.name,
        "unit": "mm",
        "material": rig.part.material,
        "scanner": asdict(rig.scanner),
    }
    if solid is not None:
        told |= {"sizes": dict(solid.sizes), "tolerances": dict(solid.tolerances)}
        told["holes"] = [asdict(hole) for hole in solid.holes]
    (out / "nominal.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
