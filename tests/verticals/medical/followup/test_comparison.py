"""Beside an earlier CT: what was too faint there counts, what was not in the picture is not called new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.detection.detect import STEP, Seen, candidates_in
from colonnade.verticals.medical.detection.findings import Judged, Operating, findings_of
from colonnade.verticals.medical.detection.lungs import find_lungs
from colonnade.verticals.medical.followup.comparison import Examined, again, compare
from colonnade.verticals.medical.records import Finding
from colonnade.verticals.medical.studies.dates import Between
from colonnade.verticals.medical.studies.geometry import Scan, regrid, to_index

OPERATING = Operating(threshold=0.5)
DAYS = Between(days=100.0, source="the patient table")
PLACE = (0.24, 0.5, 0.62)  # of the picture's sides: in the lung


def examined(volume: Volume, places: Sequence[tuple[Array, float, float]]) -> Examined:
    """A scan whose detector is warm at places (mm), with a radius in mm and the score that the judge gives."""
    lungs = find_lungs(volume)
    assert lungs is not None
    grid = regrid(volume, STEP, low=np.zeros(3, int), high=np.array(volume.voxels.shape))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.values.shape), indexing="ij"), axis=-1)
    judged, whole = [], np.zeros(grid.values.shape, np.float32)
    for place, radius, score in places:
        centre = grid.from_source(to_index(volume.affine, place))
        away = np.linalg.norm(index - centre, axis=-1) * STEP
        heat = np.exp(-np.log(2) * (away / radius) ** 2).astype(np.float32) * (away < 2 * radius)
        (candidate,) = candidates_in(heat, grid.values)
        judged.append(Judged(candidate, score, {"ct": 1.0}))
        whole = np.maximum(whole, heat)
    seen = Seen(grid=grid, heat=whole, lungs=lungs)
    return Examined(scan=Scan(volume=volume, origin="a phantom"), volume=volume, seen=seen, judged=judged)


def found(one: Examined) -> tuple[Finding, ...]:
    kept = [each for each in one.judged if each.score >= OPERATING.threshold]
    return findings_of(one.seen, kept, scan=one.scan, canonical=one.volume, operating=OPERATING)[0]


@pytest.fixture(scope="module")
def place(bare: Volume) -> Array:
    return bare.affine[:3, :3] @ (np.array(bare.voxels.shape) * PLACE) + bare.affine[:3, 3]


def test_a_nodule_that_was_too_faint_then_is_not_new(bare: Volume, place: Array) -> None:
    later, earlier = examined(bare, [(place, 6, 0.9)]), examined(bare, [(place + 3, 4, 0.1)])
    made = compare(found(later), later, earlier, between=DAYS, operating=OPERATING)
    assert [(each.status, each.label, each.earlier) for each in made.changes] == [("grown", 1, 1)]
    assert made.faint == (1,)
    assert made.residual_mm == pytest.approx(0, abs=0.01)


def test_a_faint_candidate_elsewhere_explains_nothing(bare: Volume, place: Array) -> None:
    later, earlier = examined(bare, [(place, 6, 0.9)]), examined(bare, [(place + np.array([0, 0, 25]), 4, 0.1)])
    made = compare(found(later), later, earlier, between=DAYS, operating=OPERATING)
    assert [(each.status, each.label) for each in made.changes] == [("new", 1)]
    assert made.faint == ()


def test_a_place_outside_the_earlier_picture_is_not_called_new(bare: Volume, place: Array) -> None:
    both = examined(bare, [(place, 6, 0.9)])
    made = compare(found(both), both, examined(bare, []), between=DAYS, operating=OPERATING)
    assert [each.status for each in made.changes] == ["new"]
    affine, shape = made.field_mm
    low = affine.copy()
    low[2, 3] = place[2] + 4  # the earlier picture begins above it
    unseen = again(replace(made, field_mm=(low, shape)), found(both), shown=bare)
    assert unseen.changes == ()
    assert unseen.unseen == (1,)


def test_a_part_of_a_lung_is_not_stretched_onto_a_whole_one(bare: Volume, place: Array) -> None:
    low = int(to_index(bare.affine, place)[2]) - 6
    affine = bare.affine.copy()
    affine[:3, 3] += affine[:3, 2] * low
    cropped = Volume(voxels=bare.voxels[:, :, low:], affine=affine)
    later, earlier = examined(bare, [(place, 6, 0.9)]), examined(cropped, [])
    made = compare(found(later), later, earlier, between=DAYS, operating=OPERATING)
    assert made.reasons
    assert made.changes == ()


def test_a_finding_that_is_only_fainter_now_is_told_so(bare: Volume, place: Array) -> None:
    later, earlier = examined(bare, [(place, 4, 0.1)]), examined(bare, [(place, 6, 0.9)])
    made = compare(found(later), later, earlier, between=DAYS, operating=OPERATING)
    assert [(each.status, each.earlier) for each in made.changes] == [("not found again", 1)]
    assert made.fainter == (1,)


def test_a_corrected_finding_changes_the_comparison_without_looking_again(bare: Volume, place: Array) -> None:
    later, earlier = examined(bare, [(place, 6, 0.9)]), examined(bare, [(place, 6, 0.9)])
    findings = found(later)
    made = compare(findings, later, earlier, between=DAYS, operating=OPERATING)
    assert made.changes[0].status == "unchanged"
    larger = replace(findings[0], volume_mm3=3 * findings[0].volume_mm3)
    assert again(made, [larger], shown=bare).changes[0].status == "grown"
    assert again(made, [], shown=bare).changes[0].status == "not found again"


def test_the_same_picture_twice_is_flagged(bare: Volume, place: Array) -> None:
    one = examined(bare, [(place, 6, 0.9)])
    made = compare(found(one), one, one, between=DAYS, operating=OPERATING)
    assert any("voxel for voxel the same" in each for each in made.warnings)
