"""MVTec 3D-AD: a picture and an organised scan of every unit, from the same camera, and the mask of what is wrong.

<object>/{train,validation}/good/{rgb,xyz}/NNN.{png,tiff} and test/<defect>/{rgb,xyz,gt}/NNN.{png,tiff,png}. The scan is
a TIFF of x, y and z for each pixel; pixels that saw nothing are zero. Its validation units are good: they are learned
from as well. There is no nominal part. Source: Bergmann et al. 2022.
"""

from __future__ import annotations

from pathlib import Path

from ...records import Unit
from .parts import SUFFIXES, Parts, files, folders

ORGANISED = (".tiff", ".tif", ".xyz", ".ply", ".pcd")


def recognised(root: Path) -> bool:
    return (root / "train" / "good" / "xyz").is_dir()


def read(root: Path) -> Parts:
    train = [unit for side in ("train", "validation") for unit in _units(root / side / "good", side, "good")]
    test = [unit for each in folders(root / "test") for unit in _units(each, each.name, each.name)]
    return Parts(train=tuple(train), test=tuple(test), layout="mvtec3d-ad")


def _units(folder: Path, side: str, defect: str) -> list[Unit]:
    given: dict[str, dict[str, Path]] = {}
    for sense, room, suffixes in (("scan", "xyz", ORGANISED), ("image", "rgb", SUFFIXES["image"])):
        for file in files(folder / room, suffixes):
            given.setdefault(file.stem, {})[sense] = file
    units = []
    for stem, senses in sorted(given.items()):
        mask = folder / "gt" / f"{stem}.png"
        truth = {"mask": mask} if defect != "good" and mask.is_file() else {}
        units.append(Unit(name=f"{side}/{stem}", group=f"{side}/{stem}", given=senses, defect=defect, truth=truth))
    return units
