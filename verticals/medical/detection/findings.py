"""Candidates become findings: masks in the frame of the source scan, and what is measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from ....core.config import from_plain
from ....core.errors import InputError
from ....core.result import Interval
from ....core.trust.calibration import Platt
from ....core.types import Array, Volume
from ..measure import measure
from ..records import Finding, side_of
from ..studies.geometry import Grid, Scan, places_of, restore, to_world
from .detect import Candidate, Seen

ALONE, WITH_WORDS = "ct", "ct+indication"


class Judged(NamedTuple):
    """A candidate with its calibrated score, its gates by modality (0: not given), and where the score comes from."""

    candidate: Candidate
    score: float
    gates: Mapping[str, float]
    evidence: Array | None = None


@dataclass(frozen=True, kw_only=True)
class Operating:
    """What validation fixed: the score from which a candidate is a finding, calibration by subset, spread of diameters.

    `start` turns the detector's logit into the log-odds that the judge starts from. A voxel belongs to a mask from
    `outline` times the peak probability on (the loss weighs nodules up: more than half). `diameter_ratios` are, for
    measured diameters of less than so many mm, the bounds of true over measured diameter (90 %), `volume_ratios` those
    of the volume. `promises` are
    sensitivities with the threshold that conformal risk control found for each, by patient. `learnt` are the bounds
    between which the scans of training lie, by quality (fitness.py).
    """

    threshold: float = 0.5
    start: Platt = field(default_factory=Platt)
    calibration: Mapping[str, Platt] = field(default_factory=lambda: {ALONE: Platt(), WITH_WORDS: Platt()})
    diameter_ratios: tuple[tuple[float, float, float], ...] = ((1000.0, 0.75, 1.33),)
    volume_ratios: tuple[tuple[float, float, float], ...] = ((1000.0, 0.42, 2.35),)
    outline: float = 0.5
    promises: tuple[tuple[float, float], ...] = ()
    learnt: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def promising(self, sensitivity: float) -> Operating:
        """The operating point at which at least this share of a patient's nodules is found, in expectation.

        It holds for patients like those of validation, who are semi-synthetic.

        Raises:
            InputError: a sensitivity that was not, or could not be, promised.
        """
        for promised, threshold in self.promises:
            if abs(promised - sensitivity) < 1e-6:
                return replace(self, threshold=threshold)
        known = ", ".join(f"{promised:g}" for promised, _ in self.promises) or "none"
        raise InputError(f"a sensitivity of {sensitivity:g} cannot be promised; with these weights these can: {known}")

    def ratios(self, diameter: float) -> tuple[float, float]:
        """The bounds of true over measured diameter for a measured one in mm."""
        return ratios_for(diameter, self.diameter_ratios)

    def swellings(self, diameter: float) -> tuple[float, float]:
        """The bounds of true over measured volume for a measured diameter in mm."""
        return ratios_for(diameter, self.volume_ratios)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Operating:
        return from_plain(cls, plain)


def ratios_for(diameter: float, rows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Of `rows` of ratios, the bounds for a measured diameter in mm."""
    return next(((few, many) for below, few, many in rows if diameter < below), rows[-1][1:])


def mask_of(
    heat: Array, grid: Grid, candidate: Candidate, volume: Volume, *, outline: float = 0.5
) -> tuple[Array, Array]:
    """The candidate on the canonical grid: low corner and mask. Where voxels are coarser than it, its nearest voxel.

    `heat` is the detector's probability on the working grid.
    """
    low = np.floor(grid.to_source(candidate.low - 2)).astype(int)
    high = np.ceil(grid.to_source(candidate.low + np.array(candidate.mask.shape) + 2)).astype(int) + 1
    low, high = np.maximum(low, 0), np.minimum(high, volume.voxels.shape)
    heat = _own_heat(heat, candidate)
    where = [index - candidate.low[axis] + 2 for axis, index in enumerate(_along(grid, low, high))]
    mesh = np.meshgrid(*where, indexing="ij")
    chance = ndimage.map_coordinates(heat, mesh, order=1, mode="constant", cval=0.0)
    mask = chance > outline * float(heat.max())
    if not mask.any():
        mask = chance >= chance.max()
    labels, count = ndimage.label(mask)
    if count > 1:
        mask = labels == 1 + int(np.argmax(ndimage.sum_labels(mask, labels, np.arange(1, count + 1))))
    return low, mask


def _own_heat(heat: Array, candidate: Candidate) -> Array:
    """Probability around the candidate's own voxels, two voxels wider; that of neighbours is cut off."""
    own = ndimage.binary_dilation(np.pad(candidate.mask, 2))
    low = candidate.low - 2
    around = np.zeros(own.shape, np.float32)
    begin, end = np.maximum(low, 0), np.minimum(low + own.shape, heat.shape)
    goal = tuple(slice(a - c, b - c) for a, b, c in zip(begin, end, low, strict=True))
    around[goal] = heat[tuple(slice(a, b) for a, b in zip(begin, end, strict=True))]
    return around * own


def _along(grid: Grid, low: Array, high: Array) -> list[Array]:
    """Indices of the working grid for the canonical voxels of a box, by axis."""
    return [(np.arange(low[a], high[a]) - grid.low[a]) / grid.ratio[a] for a in range(3)]


def findings_of(
    seen: Seen,
    judged: Sequence[Judged],
    *,
    scan: Scan,
    canonical: Volume,
    operating: Operating,
) -> tuple[tuple[Finding, ...], Array]:
    """Findings, the surest first, from candidates with calibrated scores; and their label map in the source frame."""
    labels = np.zeros(canonical.voxels.shape, np.uint8)
    drawn: list[tuple[Judged, Array]] = []
    for each in sorted(judged, key=lambda each: -each.score):
        low, mask = mask_of(seen.heat, seen.grid, each.candidate, canonical, outline=operating.outline)
        box = tuple(slice(a, a + n) for a, n in zip(low, mask.shape, strict=True))
        mask = mask & (labels[box] == 0)
        if not mask.any():
            continue
        labels[box][mask] = len(drawn) + 1
        drawn.append((each, np.argwhere(mask) + low))
    source = restore(labels, scan.volume)
    middle = middle_of(seen, canonical)
    found = [finding_of(n, each, where, canonical, operating) for n, (each, where) in enumerate(drawn, start=1)]
    sided = [replace(each, side=side_of(each.center_mm[0], middle)) for each in found]
    places = places_of(source)
    return tuple(replace(each, mask=places[each.label]) for each in sided), source


def middle_of(seen: Seen, canonical: Volume) -> float:
    """The x of the middle of the lungs in patient millimetres."""
    return float(to_world(canonical.affine, (seen.lungs.low + seen.lungs.high) / 2)[0])


def finding_of(label: int, judged: Judged, where: Array, canonical: Volume, operating: Operating) -> Finding:
    """What is measured on the voxels `where` `[voxel, 3]` of the canonical scan; its side is not told yet."""
    low = where.min(axis=0)
    mask = np.zeros(np.ptp(where, axis=0) + 1, bool)
    mask[tuple((where - low).T)] = True
    box = tuple(slice(a, a + n) for a, n in zip(low, mask.shape, strict=True))
    sizes = measure(mask, canonical.spacing, canonical.voxels[box], bottom=int(low[2]))
    centre = to_world(canonical.affine, where.mean(axis=0))
    few, many = operating.ratios(sizes.diameter_mm)
    least, most = operating.swellings(sizes.diameter_mm)
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
        volume_interval=Interval(
            value=sizes.volume_mm3, low=sizes.volume_mm3 * least, high=sizes.volume_mm3 * most, coverage=0.9
        ),
        median_hu=sizes.median_hu,
        side="",
        score=judged.score,
        gates=judged.gates,
        evidence=judged.evidence,
        slice_index=sizes.slice_index,
        mask=where,
    )
