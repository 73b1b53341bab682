"""Real3D-AD and Anomaly-ShapeNet: point clouds alone, four good ones to learn from, the truth as a label a point.

Real3D-AD          <class>/{train/*_template.pcd (or *_prototype.pcd), test/<n>_{good,bulge,sink...}.pcd, gt/<same>.txt}
Anomaly-ShapeNet   <class>/{train/*_template<n>.pcd, test/<class>_{positive,bulge...}<n>.pcd, GT/<same>.txt}
A line of the truth is x, y, z and 1 where the point is defective. Sources: Liu et al. 2023; Li et al. 2024.
"""

from __future__ import annotations

import re
from pathlib import Path

from ...records import Unit
from .parts import Parts, existing, files, named

CLOUDS = (".pcd", ".ply", ".txt", ".xyz")
GOOD = ("good", "positive", "template", "prototype")


def recognised(root: Path) -> str | None:
    """Which of the two, by the name of the folder of truth and the files beside it."""
    if not files(root / "train", CLOUDS) or not (root / "test").is_dir() or (root / "train" / "good").is_dir():
        return None
    truth = named(root, "gt").name
    shapenet = truth == "GT" or any("positive" in each.stem for each in files(root / "test", CLOUDS))
    return "anomaly-shapenet" if shapenet else "real3d-ad"


def read(root: Path, layout: str) -> Parts:
    """Every cloud is a unit of its own. Files that are only templates on the test side are left out."""
    truth = named(root, "gt")
    train = [Unit(name=f"good/{file.stem}", group=file.stem, given={"scan": file}) for file in _train(root)]
    test = []
    for file in files(root / "test", CLOUDS):
        kind = _kind(file.stem, root.name)
        if kind in ("template", "prototype", "temp"):
            continue
        test.append(
            Unit(
                name=f"{kind}/{file.stem}",
                group=file.stem,
                given={"scan": file},
                defect=kind,
                truth=existing(truth / f"{file.stem}.txt") if kind != "good" else {},
            )
        )
    return Parts(train=tuple(train), test=tuple(test), layout=layout)


def _train(root: Path) -> list[Path]:
    """The templates; every file where none is named so."""
    found = files(root / "train", CLOUDS)
    marked = [file for file in found if any(word in file.stem.lower() for word in GOOD)]
    return marked or found


def _kind(stem: str, part: str) -> str:
    """`23_bulge_cut` is a bulge_cut, `ashtray0_positive3` is good."""
    rest = stem.removeprefix(f"{part}_")
    kind = re.sub(r"^\d+_|_?\d+$", "", rest).lower() or rest.lower()
    return "good" if kind in ("good", "positive") else kind
