"""The same nodule on two dates: matching, growth with its interval, doubling time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from colonnade.core.errors import InputError
from colonnade.core.random import numpy_generator
from colonnade.core.result import Interval
from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.detection.lungs import find_lungs
from colonnade.verticals.medical.followup.alignment import align, surface
from colonnade.verticals.medical.followup.growth import changes, doubling, ratio_of
from colonnade.verticals.medical.records import Finding
from colonnade.verticals.medical.studies.geometry import to_world


def nodule(label: int, centre: tuple[float, float, float], volume: float) -> Finding:
    diameter = (6 * volume / math.pi) ** (1 / 3)
    return Finding(
        label=label, center_mm=centre, diameter_mm=diameter, long_axis_mm=diameter, short_axis_mm=diameter,
        diameter_interval=Interval(value=diameter, low=diameter, high=diameter, coverage=0.9), volume_mm3=volume,
        median_hu=0.0, side="right", score=0.9, gates={"ct": 1.0}, slice_index=0, mask=np.zeros((1, 3), int),
    )  # fmt: skip


def same(points: Array) -> Array:
    return points


def test_a_doubled_volume_doubles_in_the_days_between() -> None:
    (change,) = changes([nodule(1, (0, 0, 0), 400)], [nodule(4, (3, 0, 0), 200)], days=180, aligned=same)
    assert (change.status, change.label, change.earlier) == ("grown", 1, 4)
    assert change.apart_mm == pytest.approx(3)
    assert change.ratio is not None
    assert change.doubling_days is not None
    assert change.doubling_days.value == pytest.approx(180)
    assert change.doubling_days.low < 180 < change.doubling_days.high < math.inf


@pytest.mark.parametrize(("volume", "status"), [(230, "unchanged"), (180, "unchanged"), (90, "shrunk"), (320, "grown")])
def test_a_change_within_the_error_of_measurement_is_none(volume: float, status: str) -> None:
    (change,) = changes([nodule(1, (0, 0, 0), volume)], [nodule(1, (0, 0, 0), 200)], days=90, aligned=same)
    assert change.status == status


def test_the_interval_of_a_ratio_holds_the_true_one_as_often_as_it_says() -> None:
    generator = numpy_generator(0, "ratios")
    errors = np.exp(generator.normal(0, math.sqrt(math.log1p(0.16**2)), (4000, 2)))
    found = [ratio_of(500 * a, 300 * b) for a, b in errors]
    held = np.mean([each.low <= 5 / 3 <= each.high for each in found])
    assert held == pytest.approx(0.9, abs=0.015)


def test_growth_that_may_be_none_has_no_upper_bound_of_its_doubling_time() -> None:
    assert doubling(Interval(value=1.1, low=0.8, high=1.5, coverage=0.9), 100).high == math.inf  # type: ignore[union-attr]
    assert doubling(Interval(value=0.9, low=0.7, high=1.2, coverage=0.9), 100) is None


def test_every_finding_of_both_studies_is_named_once() -> None:
    later = [nodule(1, (0, 0, 0), 100), nodule(2, (50, 0, 0), 100), nodule(3, (0, 80, 0), 100)]
    earlier = [nodule(1, (52, 0, 0), 100), nodule(2, (2, 0, 0), 100), nodule(3, (-90, 0, 0), 100)]
    found = changes(later, earlier, days=30, aligned=same)
    assert [(each.status, each.label, each.earlier) for each in found] == [
        ("unchanged", 1, 2),
        ("unchanged", 2, 1),
        ("new", 3, None),
        ("not found again", None, 3),
    ]


def test_as_many_pairs_are_made_as_lie_within_reach() -> None:
    later = [nodule(1, (0, 0, 0), 100), nodule(2, (10, 0, 0), 100)]
    earlier = [nodule(1, (4, 0, 0), 100), nodule(2, (-9, 0, 0), 100)]  # the nearest pair would leave two alone
    assert {(each.label, each.earlier) for each in changes(later, earlier, days=30, aligned=same)} == {(1, 2), (2, 1)}


@pytest.mark.parametrize("days", [0, -3, float("nan")])
def test_an_earlier_study_that_is_not_earlier_is_refused(days: float) -> None:
    with pytest.raises(InputError, match="must lie before"):
        changes([], [], days=days, aligned=same)


def two_lungs(count: int, seed: int) -> Array:
    """Points on two flattened cones of unlike size, in mm: apex, base, a notch for the heart."""
    generator = numpy_generator(seed, "lungs")
    height, turn = generator.random(count), generator.random(count) * 2 * math.pi
    wide = np.where(height < 0.02, generator.random(count), 1) * (1.05 - height) ** 0.5
    left = generator.random(count) < 0.5
    x = np.where(left, -70 + 42 * wide * np.cos(turn), 75 + 52 * wide * np.cos(turn))
    x = np.where(left & (height < 0.4) & (x > -45), -45, x)
    return np.column_stack([x, (75 - 20 * left) * wide * np.sin(turn), np.where(left, 230, 210) * height])


def test_two_breaths_of_one_chest_are_aligned() -> None:
    turn = Rotation.from_euler("xyz", [3, -4, 6], degrees=True).as_matrix()
    change = turn @ np.diag([1.03, 1.02, 1.08])
    earlier, later = two_lungs(4000, 1) @ change.T + (14, -8, 20), two_lungs(4000, 2)
    found = align(earlier + numpy_generator(1, "jitter").normal(0, 0.5, earlier.shape), later)
    inside = two_lungs(500, 3) * 0.8
    assert np.linalg.norm(found(inside @ change.T + (14, -8, 20)) - inside, axis=1).max() < 4
    assert found.residual_mm < 4


def test_the_surface_of_a_crop_leaves_out_where_the_picture_ends(bare: Volume) -> None:
    lungs = find_lungs(bare)
    assert lungs is not None
    points = surface(lungs, bare)
    ends = to_world(bare.affine, np.array([[0.0, 0, 0], np.array(bare.voxels.shape) - 1.0]))
    assert len(points) > 1000
    assert (points[:, 2] > ends[0, 2] + 2).all()
    assert (points[:, 2] < ends[1, 2] - 2).all()


def test_a_lung_that_is_not_there_cannot_be_aligned() -> None:
    with pytest.raises(InputError, match="two lung surfaces"):
        align(np.zeros((3, 3)), np.zeros((500, 3)))
