"""Candidates become findings: masks in the frame of the source scan, and what is measured on them, with its
interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import ndimage

from ...core.config import from_plain
from ...core.result import Interval
from ...core.trust.calibration import Platt
from ...core.types import Array, Volume
from .detect import Candidate, Seen
from .geometry import Scan, restore, to_world
from .measure import measure
from .records import Finding, side_of

ALONE, WITH_WORDS = "ct", "ct+indication"


@dataclass(frozen=True, kw_only=True)
class Operating:
    """What validation fixed: the score from which a candidate is a finding, calibration by subset, spread of diameters.

    A voxel belongs to a mask from `outline` times the peak probability on (the loss weighs nodules up: more than half).
    `diameter_ratio` are the 5 and 95 % quantiles of true over measured diameter.
    """

    threshold: float = 0.5
    calibration: Mapping[str, Platt] = field(default_factory=lambda: {ALONE: Platt(), WITH_WORDS: Platt()})
    diameter_ratio: tuple[float, float] = (0.75, 1.33)
    outline: float = 0.5

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Operating:
        return from_plain(cls, plain)


def mask_of(seen: Seen, candidate: Candidate, volume: Volume, *, outline: float = 0.5) -> tuple[Array, Array]:
    """The candidate on the canonical grid: low corner and mask. Where voxels are coarser than it, its nearest voxel."""
    low = np.floor(seen.grid.to_source(candidate.low - 2)).astype(int)
    high = np.ceil(seen.grid.to_source(candidate.low + np.array(candidate.mask.shape) + 2)).astype(int) + 1
    low, high = np.maximum(low, 0), np.minimum(high, volume.voxels.shape)
    heat = _own_heat(seen, candidate)
    where = [seen_index - candidate.low[axis] + 2 for axis, seen_index in enumerate(_along(seen, low, high))]
    mesh = np.meshgrid(*where, indexing="ij")
    chance = ndimage.map_coordinates(heat, mesh, order=1, mode="constant", cval=0.0)
    mask = chance > outline * float(heat.max())
    if not mask.any():
        mask = chance >= chance.max()
    labels, count = ndimage.label(mask)
    if count > 1:
        mask = labels == 1 + int(np.argmax(ndimage.sum_labels(mask, labels, np.arange(1, count + 1))))
    return low, mask


def _own_heat(seen: Seen, candidate: Candidate) -> Array:
    """Probability around the candidate's own voxels, two voxels wider; that of neighbours is cut off."""
    own = ndimage.binary_dilation(np.pad(candidate.mask, 2))
    low = candidate.low - 2
    heat = np.zeros(own.shape, np.float32)
    begin, end = np.maximum(low, 0), np.minimum(low + own.shape, seen.heat.shape)
    goal = tuple(slice(a - c, b - c) for a, b, c in zip(begin, end, low, strict=True))
    heat[goal] = seen.heat[tuple(slice(a, b) for a, b in zip(begin, end, strict=True))]
    return heat * own


def _along(seen: Seen, low: Array, high: Array) -> list[Array]:
    """Indices of the working grid for the canonical voxels of a box, by axis."""
    return [(np.arange(low[a], high[a]) - seen.grid.low[a]) / seen.grid.ratio[a] for a in range(3)]


def findings_of(
    seen: Seen,
    judged: Sequence[tuple[Candidate, float]],
    *,
    scan: Scan,
    canonical: Volume,
    operating: Operating,
) -> tuple[tuple[Finding, ...], Array]:
    """Findings, the surest first, from candidates with calibrated scores; and their label map in the source frame."""
    labels = np.zeros(canonical.voxels.shape, np.uint8)
    drawn: list[tuple[Candidate, float, Array]] = []
    for candidate, score in sorted(judged, key=lambda each: -each[1]):
        low, mask = mask_of(seen, candidate, canonical, outline=operating.outline)
        box = tuple(slice(a, a + n) for a, n in zip(low, mask.shape, strict=True))
        mask = mask & (labels[box] == 0)
        if not mask.any():
            continue
        labels[box][mask] = len(drawn) + 1
        drawn.append((candidate, score, np.argwhere(mask) + low))
    source = restore(labels, scan.volume)
    middle = middle_of(seen, canonical)
    found = [_finding(n, score, where, canonical, operating) for n, (_, score, where) in enumerate(drawn, start=1)]
    sided = [replace(each, side=side_of(each.center_mm[0], middle)) for each in found]
    return tuple(replace(each, mask=np.argwhere(source == each.label)) for each in sided), source


def middle_of(seen: Seen, canonical: Volume) -> float:
    """The x of the middle of the lungs in patient millimetres."""
    return float(to_world(canonical.affine, (seen.lungs.low + seen.lungs.high) / 2)[0])


def _finding(label: int, score: float, where: Array, canonical: Volume, operating: Operating) -> Finding:
    low = where.min(axis=0)
    mask = np.zeros(np.ptp(where, axis=0) + 1, bool)
    mask[tuple((where - low).T)] = True
    box = tuple(slice(a, a + n) for a, n in zip(low, mask.shape, strict=True))
    sizes = measure(mask, canonical.spacing, canonical.voxels[box], bottom=int(low[2]))
    centre = to_world(canonical.affine, where.mean(axis=0))
    few, many = operating.diameter_ratio
    return Finding(
        label=label,
        center_mm=(round(float(centre[0]), 3), round(float(centre[1]), 3), round(float(centre[2]), 3)),
        diameter_mm=sizes.diameter_mm,
        long_axis_mm=sizes.long_mm,
        short_axis_mm=sizes.short_mm,
        diameter_interval=Interval(
            value=sizes.diameter_mm, low=sizes.diameter_mm * few, high=sizes.diameter_mm * many, coverage=0.9
        ),
        volume_mm3=sizes.volume_mm3,
        median_hu=sizes.median_hu,
        side="",
        score=score,
        slice_index=sizes.slice_index,
        mask=where,
    )
