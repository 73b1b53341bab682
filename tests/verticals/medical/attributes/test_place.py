from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from colonnade.core.types import Volume
from colonnade.verticals.medical.attributes.place import place_of
from colonnade.verticals.medical.detection.detect import Seen
from colonnade.verticals.medical.detection.lungs import Lungs
from colonnade.verticals.medical.studies.geometry import Grid

STEP = 2.5


@pytest.fixture
def volume() -> Volume:
    """250 x 150 x 240 mm in a frame away from the origin."""
    affine = np.diag([STEP, STEP, STEP, 1.0])
    affine[:3, 3] = (-125, 40, -900)
    return Volume(voxels=np.zeros((100, 60, 96), np.float32), affine=affine)


@pytest.fixture
def seen() -> Seen:
    """Two lungs from slice 10 to 84: boxes on either side of a middle of 50 mm."""
    air = np.zeros((100, 60, 96), bool)
    air[10:40, 10:50, 10:85] = air[60:90, 10:50, 10:85] = True
    return seen_of(air)


def seen_of(air: np.ndarray) -> Seen:
    where = np.argwhere(air)
    region = Grid(values=air.astype(np.uint8), low=np.zeros(3), ratio=np.ones(3))
    lungs = Lungs(
        region=region, air=air, low=where.min(axis=0), high=where.max(axis=0) + 1,
        millilitres=float(air.sum() * STEP**3 / 1000),
    )  # fmt: skip
    return Seen(grid=region, heat=np.zeros((1, 1, 1), np.float32), lungs=lungs)


def test_side_and_zone_are_the_patients(volume: Volume, seen: Seen) -> None:
    place = place_of(np.array([60.0, 100.0, -710.0]), volume, seen)
    assert place.value == "right upper zone"
    assert place.probability > 0.95
    assert sum(place.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert place_of(np.array([-60.0, 100.0, -860.0]), volume, seen).value == "left lower zone"


def test_confidence_falls_near_a_border(volume: Volume, seen: Seen) -> None:
    height = -900 + 10 * STEP + 74 * STEP / 3  # the border of the lower third
    sure = place_of(np.array([60.0, 100.0, height - 30]), volume, seen)
    unsure = place_of(np.array([60.0, 100.0, height]), volume, seen)
    assert unsure.probability == pytest.approx(0.5, abs=0.02)
    assert sure.probability > 0.98
    assert place_of(np.array([1.0, 100.0, height - 30]), volume, seen).probability < 0.65


def test_a_scan_that_ends_inside_the_lung_makes_the_zone_unsure(volume: Volume, seen: Seen) -> None:
    point = np.array([60.0, 100.0, -730.0])
    cut = seen.lungs.air.copy()
    cut[10:40, 10:50, :10] = cut[60:90, 10:50, :10] = True
    assert place_of(point, volume, seen_of(cut)).probability < place_of(point, volume, seen).probability - 0.1


def test_one_lung_alone_tells_hardly_a_side(volume: Volume, seen: Seen) -> None:
    air = seen.lungs.air.copy()
    air[:50] = False
    air[10:12, 10:50, 10:85] = True
    lungs = replace(seen_of(air).lungs, low=np.array([8, 10, 10]))
    place = place_of(np.array([30.0, 100.0, -710.0]), volume, replace(seen, lungs=lungs))
    assert sum(chance for name, chance in place.probabilities.items() if name.startswith("right")) < 0.7
