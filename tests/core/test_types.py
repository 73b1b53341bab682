from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.errors import FormatError, GeometryError
from colonnade.core.types import Events, Image, PointCloud, Series, Volume, Waveform

BAD = [np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(
    "make",
    [
        lambda x: Image(pixels=np.full((4, 4, 3), x)),
        lambda x: Volume(voxels=np.full((2, 2, 2), x), affine=np.eye(4)),
        lambda x: Waveform(samples=np.array([0.0, x]), rate=8000),
        lambda x: Series(values=np.array([0.0, x]), times=np.array([0.0, 1.0])),
        lambda x: Series(values=np.array([0.0]), times=np.array([x])),
        lambda x: Events(times=np.array([0.0]), numbers=np.array([[x]])),
        lambda x: PointCloud(points=np.array([[0.0, 0.0, x]])),
    ],
    ids=["image", "volume", "waveform", "series", "times", "events", "points"],
)
def test_values_that_are_not_finite_are_counted_and_refused(make, bad: float):
    with pytest.raises(FormatError, match="values that are NaN or infinite"):
        make(bad)


def test_an_affine_that_cannot_be_inverted_is_refused():
    with pytest.raises(GeometryError, match="invertible"):
        Volume(voxels=np.zeros((2, 2, 2)), affine=np.diag([1.0, 1.0, 0.0, 1.0]))


def test_spacing_is_read_off_a_rotated_affine():
    turned = np.array([[0, -2.0, 0, 5], [0.5, 0, 0, 6], [0, 0, 3.0, 7], [0, 0, 0, 1]])
    assert Volume(voxels=np.zeros((2, 2, 2)), affine=turned).spacing == pytest.approx((0.5, 2.0, 3.0))


@pytest.mark.parametrize("times", [[0.0, 0.0], [1.0, 0.0]], ids=["duplicate", "unsorted"])
def test_times_of_a_series_must_increase(times):
    with pytest.raises(FormatError, match="increase strictly"):
        Series(values=np.zeros((2, 1)), times=np.array(times))


def test_bytes_of_an_image_become_fractions():
    assert Image(pixels=np.full((2, 2), 255, np.uint8)).pixels.tolist() == [[[1.0], [1.0]], [[1.0], [1.0]]]


@pytest.mark.parametrize("rate", [0, -8000])
def test_a_rate_is_positive(rate: int):
    with pytest.raises(FormatError, match="positive"):
        Waveform(samples=np.zeros(4), rate=rate)


def test_a_cloud_without_points_is_refused():
    with pytest.raises(FormatError, match="at least one point"):
        PointCloud(points=np.zeros((0, 3)))
