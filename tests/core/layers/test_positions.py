"""Positions say where and when, and forget where they were counted from."""

import numpy as np
import pytest
import torch

from colonnade.core.errors import ConfigError
from colonnade.core.layers.positions import LogGapBias, clock, sinusoid


def test_the_product_of_two_sinusoids_depends_on_their_distance_only():
    codes = sinusoid(torch.arange(50, dtype=torch.float64), 16)
    near = (codes[:-7] * codes[7:]).sum(dim=-1)
    torch.testing.assert_close(near, near[0].expand_as(near))


def test_an_odd_sinusoid_is_refused():
    with pytest.raises(ConfigError, match="even"):
        sinusoid(torch.zeros(3), 5)


def test_the_clock_tells_the_second_in_this_century():
    day = 86_400.0
    now = np.array([1.7e9, 1.7e9 + day, 1.7e9 + 1.0])
    told = clock(now, (day, 7 * day))
    assert told.shape == (3, 4)
    np.testing.assert_allclose(told[0, [0, 2]], told[1, [0, 2]], atol=1e-6)
    assert np.abs(told[0, [1, 3]] - told[1, [1, 3]]).max() > 0.1
    angle = np.arctan2(told[:, 0], told[:, 2])
    np.testing.assert_allclose((angle[2] - angle[0]) * day / (2 * np.pi), 1.0, atol=0.01)
    assert clock(now, ()).shape == (3, 0)


def test_the_bias_falls_with_the_gap_and_is_zero_without_one():
    bias = LogGapBias(3, shortest=1.0, longest=1e6)
    gaps = torch.tensor([[0.0, 1.0, 10.0, 1e8]], dtype=torch.float64)
    added = bias(gaps)
    assert added.shape == (3, 1, 4)
    assert (added[..., 0] == 0).all()
    assert (added.diff(dim=-1) < 0).all()


def test_past_and_future_have_slopes_of_their_own():
    bias = LogGapBias(1, shortest=1.0, longest=1.0, future=True)
    with torch.no_grad():
        bias.slope[1] = 3.0
    past, future = bias(torch.tensor([[5.0, -5.0]]))[0, 0]
    assert future < past < 0


@pytest.mark.parametrize(("shortest", "longest"), [(0.0, 1.0), (2.0, 1.0)])
def test_gaps_that_do_not_grow_are_refused(shortest, longest):
    with pytest.raises(ConfigError, match="shortest"):
        LogGapBias(2, shortest=shortest, longest=longest)
