"""DCASE Task 2: recordings of machines, with section, domain, side and label in the name of each file.

<machine>/{train,test}/section_00_source_train_normal_0001_<attributes>.wav. Test files of the evaluation sets carry no
label: they are listed with the defect "unknown". Sources: Dohi et al. 2022 to 2025.
"""

from __future__ import annotations

import re
from pathlib import Path

from ...records import Unit
from .parts import SUFFIXES, Parts, files

NAME = re.compile(
    r"^section_(?P<section>\d+)_(?:(?P<domain>source|target)_)?(?:(?P<side>train|test|supplemental)_)?"
    r"(?:(?P<label>normal|anomaly)_)?(?P<number>\d+)(?:_(?P<attributes>.*))?$"
)


def recognised(root: Path) -> bool:
    return any(each.stem.startswith("section_") for each in files(root / "train", SUFFIXES["sound"]))


def read(root: Path) -> Parts:
    return Parts(train=_units(root / "train"), test=_units(root / "test"), layout="dcase")


def _units(folder: Path) -> tuple[Unit, ...]:
    units = []
    for file in files(folder, SUFFIXES["sound"]):
        said = NAME.match(file.stem)
        if said is None:
            continue
        label = said["label"] or ("normal" if folder.name == "train" else "unknown")
        if folder.name == "train" and label != "normal":
            continue
        truth = {"section": said["section"], "domain": said["domain"] or "", "attributes": said["attributes"] or ""}
        defect = {"normal": "good"}.get(label, label)
        units.append(
            Unit(name=f"{defect}/{file.stem}", group=file.stem, given={"sound": file}, defect=defect, truth=truth)
        )
    return tuple(units)
