"""Whether a scan is one that the detector can be trusted on: whole lungs that look like what was learnt from.

Each quality is a plain measurement with a unit, compared with the bounds between which the scans of training lie; no
learned score hides why. It knows no findings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ....core.types import Array, Volume
from ..studies.geometry import Grid, regrid
from .detect import region_on
from .detector import STEP
from .lungs import Lungs, find_lungs

PARENCHYMA = -600.0  # HU below which a voxel of the lungs is air and thin tissue
DENSE = -300.0  # HU above which it is vessel, wall or disease
CUT = 0.25  # of the largest cross-section: lungs that end at the picture's edge with more are cut off
FAR = 3.0  # widths of the learnt bounds beyond which the answer should not be relied on

NAMES: Mapping[str, tuple[str, str]] = {
    "density": ("the median density of the lungs", "HU"),
    "emptiness": ("the share of the lungs below -950 HU", "%"),
    "dense": ("the share of dense tissue in the lungs", "%"),
    "noise": ("the noise in the lungs", "HU"),
    "jump": (
        "the largest jump of the lungs' outline from slice to slice, as breathing makes it,",
        "% of their section",
    ),
}
UPWARD = ("jump",)  # of which none can be too little
NEAR = 3  # slices of the coarse grid to each side, by which a jump is judged
THICKEST = 6.0  # mm between slices beyond which small nodules cannot be expected to show


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Why an answer should be read with care; `refer` where it should not be relied on at all."""

    says: str
    refer: bool = False


def qualities(lungs: Lungs, grid: Grid) -> dict[str, float]:
    """Qualities by the keys of `NAMES`; `grid` is the working grid around the lungs, in Hounsfield units."""
    region = region_on(lungs, grid)
    inside = grid.values[region]
    air = inside[inside < PARENCHYMA]
    if not len(air):
        return {}
    return {
        "density": float(np.median(air)),
        "emptiness": 100 * float((air < -950).mean()),
        "dense": 100 * float((inside > DENSE).mean()),
        "noise": _noise(grid.values, region & (grid.values < PARENCHYMA)),
        "jump": jump(lungs.air),
    }


def qualities_of(volume: Volume) -> dict[str, float] | None:
    """The same of a canonical volume; None where it shows no lung."""
    lungs = find_lungs(volume)
    return None if lungs is None else qualities(lungs, regrid(volume, STEP, low=lungs.low, high=lungs.high))


def bounds(measured: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """The least and the most of each quality over scans, rounded outwards to a tenth."""
    return {
        name: (
            0.0 if name in UPWARD else math.floor(10 * min(each[name] for each in measured)) / 10,
            math.ceil(10 * max(each[name] for each in measured)) / 10,
        )
        for name in NAMES
        if measured and all(name in each for each in measured)
    }


def jump(air: Array) -> float:
    """By how much the air of the lungs changes from one slice to the next, beyond what it does around there.

    Breathing or a step of the table moves all outlines between two slices and leaves their neighbours alone. The most
    of the slices with half of the largest section, in per cent of it; `air` is `[x, y, z]` on an even grid.
    """
    changes = (air[..., 1:] != air[..., :-1]).sum(axis=(0, 1)).astype(float)
    sections = air.sum(axis=(0, 1)).astype(float)
    large = np.minimum(sections[1:], sections[:-1]) > sections.max() / 2
    if not large.any():
        return 0.0
    usual = ndimage.median_filter(changes, size=2 * NEAR + 1, mode="nearest")
    return float(100 * (changes - usual)[large].max() / sections.max())


def doubts(
    measured: Mapping[str, float], learnt: Mapping[str, tuple[float, float]], lungs: Lungs, thickness: float = 0.0
) -> tuple[Doubt, ...]:
    """What speaks against relying on the answer for a scan with these qualities and so many mm from slice to slice."""
    found = []
    if thickness > THICKEST:
        found.append(
            Doubt(
                says=f"slices are {thickness:.1f} mm apart, and more than {THICKEST:g} mm is too far for nodules: scan "
                "again with thinner slices, or reconstruct them",
                refer=True,
            )
        )
    for name, (low, high) in learnt.items():
        if name not in measured or low <= measured[name] <= high:
            continue
        said, unit = NAMES[name]
        beyond = max(low - measured[name], measured[name] - high) / max(high - low, 1e-6)
        found.append(
            Doubt(
                says=f"{said} is {measured[name]:.0f} {unit}, outside the {low:.0f} to {high:.0f} {unit} of the scans "
                "that the detector learnt from",
                refer=beyond > FAR,
            )
        )
    cut = _cut(lungs.region.values > 0)
    if cut:
        found.append(
            Doubt(says=f"the lungs are cut off {' and '.join(cut)}: what lies outside the picture is not seen")
        )
    return tuple(found)


def _noise(values: Array, where: Array) -> float:
    """Robust SD of the difference of neighbours along x, over the root of two: structure counts little, noise fully."""
    both = where[1:] & where[:-1]
    steps = np.diff(values, axis=0)[both]
    return float(np.median(np.abs(steps)) * 1.4826 / np.sqrt(2)) if len(steps) else 0.0


def _cut(region: Array) -> list[str]:
    """At which ends of the picture the lungs go on."""
    found = []
    area = region.sum(axis=(0, 1))
    for index, said in ((0, "below"), (-1, "above")):
        if area[index] > CUT * max(area.max(), 1):
            found.append(said)
    sides = region[[0, -1]].any(axis=(0, 1)) | region[:, [0, -1]].any(axis=(0, 1))
    if sides.sum() > CUT * max((area > 0).sum(), 1):
        found.append("at the side")
    return found
