"""This CT beside an earlier one of the same patient: what the earlier one shows where findings lie now.

Both are looked at by the same detector. Before a finding is called new, the earlier scan is searched at its place for a
candidate below the operating point, and the place must lie in the earlier picture at all. It knows no guideline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.types import Array, Volume
from ..detection.detect import Seen
from ..detection.findings import Judged, Operating, findings_of
from ..records import Finding
from ..studies.dates import Between
from ..studies.geometry import Scan, to_index, to_world
from .alignment import Alignment, align, surface
from .growth import REACH, Change, changes

NEAR = 10.0  # mm between a finding and the aligned place of a candidate that was too faint to be one by itself
LOOSE = 6.0  # mm of residual from which two lungs are not aligned well enough to say which nodule is which
MARGIN = 2.0  # mm inside the picture's border from where a place counts as seen


@dataclass(frozen=True, kw_only=True, eq=False)
class Examined:
    """A scan after the detector and the judge; `volume` is the scan in canonical axes, `judged` all its candidates."""

    scan: Scan
    volume: Volume
    seen: Seen
    judged: Sequence[Judged]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Changes since the earlier scan, or the reasons why there are none to tell.

    `earlier` are the findings of the earlier scan in its own millimetres; those of label in `faint` were below the
    operating point there and count only because a finding lies at their place now. `unseen` are labels of this scan
    whose place the earlier picture does not hold, `fainter` earlier labels at whose place a candidate below the
    operating point lies now. `field_mm` is the affine and the shape of the earlier picture.
    """

    days: float
    days_from: str
    earlier: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    faint: tuple[int, ...] = ()
    unseen: tuple[int, ...] = ()
    fainter: tuple[int, ...] = ()
    residual_mm: float | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    alignment: Alignment | None = field(default=None, repr=False, compare=False)
    field_mm: tuple[Array, Array] | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        names = ("days", "days_from", "residual_mm", "earlier", "faint", "unseen", "fainter", "reasons", "warnings")
        return {name: getattr(self, name) for name in names}


def compare(
    findings: Sequence[Finding], later: Examined, earlier: Examined, *, between: Between, operating: Operating
) -> Comparison:
    """The findings of the later scan beside those of the earlier one."""
    plain = Comparison(days=between.days, days_from=between.source, warnings=_warnings(later, earlier))
    try:
        alignment = align(surface(earlier.seen.lungs, earlier.volume), surface(later.seen.lungs, later.volume))
    except InputError as error:
        return replace(plain, reasons=(str(error),))
    doubts = _doubts(alignment)
    if doubts:
        return replace(plain, residual_mm=alignment.residual_mm, reasons=doubts)
    sure = [each for each in earlier.judged if each.score >= operating.threshold]
    weak = [each for each in earlier.judged if each.score < operating.threshold]
    weak = _at_findings(findings, weak, sure, earlier, alignment)
    before, _ = findings_of(
        earlier.seen, [*sure, *weak], scan=earlier.scan, canonical=earlier.volume, operating=operating
    )
    made = replace(
        plain, earlier=before, alignment=alignment, residual_mm=alignment.residual_mm,
        faint=tuple(each.label for each in before if each.score < operating.threshold),
        field_mm=(earlier.volume.affine, np.array(earlier.volume.voxels.shape)),
    )  # fmt: skip
    told = again(made, findings, shown=later.volume)
    return replace(told, fainter=_fainter(told, later, operating.threshold))


def again(comparison: Comparison, findings: Sequence[Finding], *, shown: Volume) -> Comparison:
    """The same comparison for findings that were corrected: nothing is looked at anew. `shown` is the later scan."""
    if comparison.alignment is None or comparison.field_mm is None:
        return comparison
    found = changes(findings, comparison.earlier, days=comparison.days, aligned=comparison.alignment, reach=REACH)
    by_label = {each.label: each for each in findings}
    before = {each.label: each for each in comparison.earlier}
    back = np.linalg.inv(comparison.alignment.matrix)
    kept, unseen = [], []
    for each in found:
        if each.status == "new" and each.label is not None:
            place = to_world(back, np.array(by_label[each.label].center_mm))
            if not _inside(place, *comparison.field_mm):
                unseen.append(each.label)
                continue
        if each.label is None and each.earlier is not None:
            place = comparison.alignment(np.array(before[each.earlier].center_mm))
            if each.earlier in comparison.faint or not _inside(place, shown.affine, np.array(shown.voxels.shape)):
                continue
        kept.append(each)
    return replace(comparison, changes=tuple(kept), unseen=tuple(unseen))


def _doubts(alignment: Alignment) -> tuple[str, ...]:
    if alignment.residual_mm > LOOSE:
        return (
            f"the two pairs of lungs lie {alignment.residual_mm:.1f} mm apart after alignment, at most {LOOSE:g} mm "
            "are trusted (another patient, another part of the lungs, or lungs that have changed too much)",
        )
    if not alignment.plausible:
        least, most = alignment.stretch
        return (
            f"a lung would have to be stretched {least:.2f} to {most:.2f} times to fit the other, more than breathing "
            "does (do the two scans show the same part of the lungs?)",
        )
    return ()


def _at_findings(
    findings: Sequence[Finding], weak: Sequence[Judged], sure: Sequence[Judged], earlier: Examined, aligned: Alignment
) -> list[Judged]:
    """Of the candidates below the operating point, the nearest to each finding that no sure candidate explains."""
    places, marks = aligned(_places(weak, earlier)), aligned(_places(sure, earlier))
    chosen: dict[int, Judged] = {}
    for finding in findings:
        here = np.array(finding.center_mm)
        if len(marks) and np.linalg.norm(marks - here, axis=1).min() <= NEAR:
            continue
        away = np.linalg.norm(places - here, axis=1) if len(places) else np.array([np.inf])
        nearest = int(away.argmin())
        if away[nearest] <= NEAR:
            chosen[nearest] = weak[nearest]
    return list(chosen.values())


def _fainter(made: Comparison, later: Examined, threshold: float) -> tuple[int, ...]:
    """Earlier findings that were not found again although a candidate, too faint to be a finding, lies there."""
    weak = [each for each in later.judged if each.score < threshold]
    lost = [each.earlier for each in made.changes if each.label is None]
    if not weak or not lost or made.alignment is None:
        return ()
    places = _places(weak, later)
    there = {each.label: made.alignment(np.array(each.center_mm)) for each in made.earlier if each.label in lost}
    return tuple(label for label, place in there.items() if np.linalg.norm(places - place, axis=1).min() <= NEAR)


def _places(judged: Sequence[Judged], examined: Examined) -> Array:
    """Patient millimetres of candidates `[candidate, 3]`."""
    if not judged:
        return np.zeros((0, 3))
    index = np.array([examined.seen.grid.to_source(each.candidate.centre) for each in judged])
    return to_world(examined.volume.affine, index)


def _inside(place: Array, affine: Array, shape: Array) -> bool:
    index = to_index(affine, place)
    margin = MARGIN / np.linalg.norm(affine[:3, :3], axis=0)
    return bool((index >= margin).all() and (index <= shape - 1 - margin).all())


def _warnings(later: Examined, earlier: Examined) -> tuple[str, ...]:
    one, other = earlier.volume, later.volume
    told = tuple(f"earlier CT: {flag}" for flag in earlier.scan.flags)
    if one.voxels.shape == other.voxels.shape and np.array_equal(one.voxels, other.voxels):
        told += ("the earlier CT is voxel for voxel the same as this one: was it given twice by mistake?",)
    thin, thick = sorted((one.spacing[2], other.spacing[2]))
    if thick > 1.5 * thin:
        told += (f"slices are {one.spacing[2]:.2f} mm apart in the earlier CT and {other.spacing[2]:.2f} mm in this "
                 "one: volumes compare less well than the interval says",)  # fmt: skip
    return told
