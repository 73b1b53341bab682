"""What every layout finds: where a scan lies, and what is said of its nodules. It reads no voxel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..studies.volumes import READERS

SUFFIXES = tuple(suffix for suffixes, _ in READERS for suffix in suffixes)
Part = Literal["", "training", "validation", "test"]


@dataclass(frozen=True, kw_only=True)
class Sphere:
    """A nodule of which only the middle (RAS mm) and the diameter (mm) are known."""

    center_mm: tuple[float, float, float]
    diameter_mm: float


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A scan and its nodules: a label map, or spheres, or the outlines of the LIDC readers (an XML file).

    `classes` are the values of the label map that are nodules; without them each value above 0 is one nodule. `aside`
    are places that count neither as found nor as false. `part` is what the data set says the scan is for; `patient` is
    whom it shows, where more than one scan may.
    """

    name: str
    image: Path
    label: Path | None = None
    spheres: tuple[Sphere, ...] | None = None
    readings: Path | None = None
    aside: tuple[Sphere, ...] = ()
    classes: tuple[int, ...] = ()
    series: str | None = None
    indication: str | None = None
    patient: str = ""
    part: Part = ""

    @property
    def whose(self) -> str:
        return self.patient or self.name


def split_name(path: Path) -> tuple[str, str]:
    """Name and suffix of a scan's file, with .nii.gz as one; the suffix is empty for other files."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)], path.name[-len(suffix) :]
    return path.name, ""
