"""MulSen-AD: photographs, infrared pictures and scans of the same units, and which of the three shows the defect.

<part>/{RGB,Infrared,Pointcloud}/{train, test/<defect>, GT/<defect>}, units matched by number; RGB/GT/<defect>/data.csv
has object, rgb, infrared, pointcloud as 0 or 1. A unit is bad if any of the three shows it; the infrared picture is not
read, so a unit that it alone shows cannot be found: `truth["visible"]` says so. Source: Li et al., CVPR 2025.
"""

from __future__ import annotations

import csv
from pathlib import Path

from .....core.errors import FormatError
from ...records import Unit
from .parts import SUFFIXES, Parts, files, folders, named

ROOMS = {"image": "RGB", "scan": "Pointcloud"}


def recognised(root: Path) -> bool:
    names = {each.name.lower() for each in folders(root)}
    return "pointcloud" in names and ("infrared" in names or (named(root, "Pointcloud") / "GT").is_dir())


def read(root: Path) -> Parts:
    rooms = {sense: named(root, room) for sense, room in ROOMS.items()}
    train = _units(rooms, "train", "good", {})
    kinds = sorted({each.name for room in rooms.values() for each in folders(room / "test")})
    test = []
    for kind in kinds:
        visible = _visible(rooms["image"] / "GT" / kind / "data.csv") if kind != "good" else {}
        test += _units(rooms, f"test/{kind}", kind, visible)
    return Parts(train=tuple(train), test=tuple(test), layout="mulsen-ad")


def _units(rooms: dict[str, Path], inside: str, defect: str, visible: dict[str, tuple[str, ...]]) -> list[Unit]:
    given: dict[str, dict[str, Path]] = {}
    for sense, room in rooms.items():
        folder = room / inside
        for file in [*files(folder, SUFFIXES[sense]), *files(folder / "good", SUFFIXES[sense])]:
            given.setdefault(file.stem, {})[sense] = file
    units = []
    for stem in sorted(given, key=lambda each: (len(each), each)):
        truth: dict[str, object] = {}
        mask, points = (rooms["image"] / "GT" / defect / f"{stem}.png", rooms["scan"] / "GT" / defect / f"{stem}.txt")
        if defect != "good":
            truth = {name: path for name, path in (("mask", mask), ("points", points)) if path.is_file()}
            if stem in visible:
                truth["visible"] = visible[stem]
        name = f"{defect}/{stem}"
        units.append(Unit(name=name, group=f"{inside}/{stem}", given=given[stem], defect=defect, truth=truth))
    return units


def _visible(path: Path) -> dict[str, tuple[str, ...]]:
    """For each object the senses that show its defect; none where there is no table."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.reader(stream) if row][1:]
    found = {}
    for row in rows:
        if len(row) < 4 or any(cell.strip() not in ("0", "1") for cell in row[1:4]):
            raise FormatError(f"{path}: a row is object, rgb, infrared and pointcloud as 0 or 1, got {','.join(row)}")
        senses = zip(("image", "infrared", "scan"), row[1:4], strict=True)
        found[Path(row[0].strip()).stem] = tuple(sense for sense, cell in senses if cell.strip() == "1")
    return found
