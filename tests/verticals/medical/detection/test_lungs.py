"""The quick morphology of the lungs is that of the plain steps, voxel for voxel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from colonnade.core.types import Array
from colonnade.verticals.medical.detection import lungs
from colonnade.verticals.medical.detection.lungs import CLOSING, STEP


def drawn(seed: int, at: str) -> Array:
    """Rounded shapes: inside the picture, cut by its sides, or full of holes."""
    generator = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(generator.normal(size=(34, 30, 26)), generator.uniform(1, 3))
    mask = rough > generator.uniform(0.2, 1) * rough.std()
    if at == "inside":
        mask[:7], mask[-7:], mask[:, :7], mask[:, -7:] = False, False, False, False
        mask[:, :, :3] = mask[:, :, -9:] = False
    return mask


def plainly(air: Array) -> Array:
    """The whole picture, by distance transforms and one slice after the other."""
    width = int(np.ceil(CLOSING / STEP))
    padded = np.pad(air, width, mode="edge")
    grown = ndimage.distance_transform_edt(~padded, sampling=STEP) <= CLOSING
    shrunk = ndimage.distance_transform_edt(grown, sampling=STEP) > CLOSING - STEP
    region = shrunk[tuple(slice(width, -width) for _ in range(3))] | ndimage.binary_dilation(air)
    for k in range(region.shape[2]):
        region[:, :, k] = ndimage.binary_fill_holes(region[:, :, k])
    return region


@pytest.mark.parametrize("at", ["inside", "cut by the sides"])
@pytest.mark.parametrize("seed", range(6))
def test_the_region_is_that_of_the_plain_steps(seed: int, at: str) -> None:
    air = drawn(seed, at)
    np.testing.assert_array_equal(lungs._closed(air), plainly(air))


@pytest.mark.parametrize("reach", [1.0, 3.0, 4.0, 7.0])
def test_what_is_within_reach_is_so_by_the_exact_distance(reach: float) -> None:
    mask = np.random.default_rng(1).random((20, 18, 16)) < 0.004
    np.testing.assert_array_equal(lungs._within(mask, reach), ndimage.distance_transform_edt(~mask) <= reach)


def test_a_hole_is_filled_in_its_slice_only() -> None:
    region = np.zeros((9, 9, 3), bool)
    region[2:7, 2:7] = True
    region[4, 4] = False
    region[4, 4:, 1] = False  # open to the side in the middle slice
    filled = lungs._filled(region)
    assert filled[4, 4, [0, 2]].all()
    assert not filled[4, 4:, 1].any()


def test_room_air_and_bowel_gas_are_no_lung() -> None:
    values = np.full((60, 50, 40), 40.0)
    values[:5], values[-5:] = -1000.0, -1000.0  # the room
    values[15:30, 12:40, 5:35] = -850.0  # a lung
    values[40:46, 20:26, 10:16] = -990.0  # gas
    generator = np.random.default_rng(0)
    values += generator.normal(0, 20, values.shape)
    air = lungs._air_inside(values, STEP**3 / 1000)
    assert air is not None
    assert air[22, 25, 20]
    assert not air[:6].any()
    assert not air[38:48].any()
    assert lungs._air_inside(np.full((20, 20, 20), 40.0), STEP**3 / 1000) is None
