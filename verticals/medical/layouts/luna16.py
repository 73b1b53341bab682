"""LUNA16 (Setio et al. 2017): annotations.csv beside MetaImage scans that are named by their series, in any subfolder.

    annotations.csv            seriesuid,coordX,coordY,coordZ,diameter_mm: the nodules, as spheres
    annotations_excluded.csv   the same: findings that count neither as found nor as false (optional)
    subset0/<seriesuid>.mhd    with its .raw

Coordinates are those of the scanner, LPS. A scan without a row has no nodule; rows of scans that are not there (one
downloads subsets) are left out. candidates.csv names no diameters and is not needed.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

from ....core.errors import FileError, FormatError
from ....core.progress import say
from .pair import Pair, Sphere

COLUMNS = ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm")
NODULES, IRRELEVANT, CANDIDATES = "annotations.csv", "annotations_excluded.csv", "candidates*.csv"
UNKNOWN = 10.0  # mm, where an irrelevant finding is written with a diameter of -1


def luna16(data: Path) -> list[Pair]:
    table = _table_in(data, NODULES)
    scans = {each.stem: each for each in sorted([*data.rglob("*.mhd"), *data.rglob("*.mha")])}
    if table is None:
        if scans and list(data.rglob(CANDIDATES)):
            raise FormatError(f"{data} has candidates without diameters only: {NODULES} must lie beside them")
        return []
    nodules = _rows(table)
    irrelevant = _table_in(data, IRRELEVANT)
    aside = _rows(irrelevant, unknown=UNKNOWN) if irrelevant is not None else {}
    absent = sorted(set(nodules) - set(scans))
    if not set(nodules) & set(scans):
        raise FileError(f"{table} has nodules of {len(nodules)} scans and none lies there as <seriesuid>.mhd")
    if absent:
        say(f"data: {len(absent)} annotated scans are not in {data}; the {len(scans)} that are there are read")
    return [
        Pair(name=uid, image=path, spheres=tuple(nodules.get(uid, ())), aside=tuple(aside.get(uid, ())))
        for uid, path in scans.items()
    ]


def _table_in(data: Path, name: str) -> Path | None:
    return next(iter(sorted(data.rglob(name), key=lambda each: len(each.parts))), None)


def _rows(path: Path, *, unknown: float | None = None) -> dict[str, list[Sphere]]:
    """Spheres by series, in RAS; `unknown` stands for a diameter that is not known."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} is not a text file: {error}") from error
    rows = csv.DictReader(text.splitlines())
    missing = [each for each in COLUMNS if each not in (rows.fieldnames or ())]
    if missing:
        raise FormatError(
            f"{path} lacks the column(s) {', '.join(missing)}; it has {', '.join(rows.fieldnames or ('none',))}"
        )
    found: dict[str, list[Sphere]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):
        try:
            x, y, z, diameter = (float(row[each]) for each in COLUMNS[1:])
        except (TypeError, ValueError) as error:
            raise FormatError(f"{path}, line {number}: coordinates and diameter are numbers, got {row}") from error
        diameter = unknown if unknown is not None and diameter <= 0 else diameter
        if not 0 < diameter < 400:
            raise FormatError(f"{path}, line {number}: a nodule of {diameter:g} mm is none")
        found[row["seriesuid"].strip()].append(Sphere(center_mm=(-x, -y, z), diameter_mm=diameter))
    return found
