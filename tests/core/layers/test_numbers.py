"""Numbers are standardised and spread as their definitions say, at the edges too."""

import numpy as np
import pytest
import torch

from colonnade.core.errors import ConfigError
from colonnade.core.layers.numbers import FAR, PerColumn, Periodic, PiecewiseLinear, Standard


def test_standard_takes_over_statistics_and_keeps_outliers_within_reach():
    standard = Standard(2)
    standard.use(np.array([10.0, 0.0]), np.array([2.0, 1.0]))
    out = standard(torch.tensor([[14.0, 1e30], [10.0, -1e30]]))
    assert out.tolist() == [[2.0, FAR], [0.0, -FAR]]


@pytest.mark.parametrize(
    ("mean", "scale"), [(np.zeros(3), np.ones(3)), (np.zeros(2), np.zeros(2)), (np.array([0, np.nan]), np.ones(2))]
)
def test_statistics_that_do_not_fit_are_refused(mean, scale):
    with pytest.raises(ConfigError, match="statistics"):
        Standard(2).use(mean, scale)


def test_piecewise_linear_features_fill_bin_by_bin():
    piecewise = PiecewiseLinear(1, 3)
    piecewise.use(np.array([[0.0, 1.0, 2.0, 4.0]]))
    out = piecewise(torch.tensor([[-1.0], [0.5], [1.5], [3.0], [8.0]]))[:, 0]
    expected = [[-1, 0, 0], [0.5, 0, 0], [1, 0.5, 0], [1, 1, 0.5], [1, 1, 3]]
    torch.testing.assert_close(out, torch.tensor(expected, dtype=torch.float32))


def test_edges_that_fall_together_are_a_step():
    piecewise = PiecewiseLinear(1, 2)
    piecewise.use(np.array([[1.0, 1.0, 1.0]]))
    assert piecewise(torch.tensor([[0.9], [1.0], [1.1]]))[:, 0].tolist() == [[0, 0], [0, 0], [1, 1]]


def test_edges_that_decrease_are_refused():
    with pytest.raises(ConfigError, match="not decrease"):
        PiecewiseLinear(1, 2).use(np.array([[0.0, 2.0, 1.0]]))


def test_periodic_features_hold_the_number_and_its_waves():
    periodic = Periodic(2, 3)
    x = torch.tensor([[0.0, 2.0]])
    out = periodic(x)
    assert out.shape == (1, 2, 7)
    assert out[0, :, 0].tolist() == [0.0, 2.0]
    torch.testing.assert_close(out[..., 1:4].square() + out[..., 4:].square(), torch.ones(1, 2, 3))


def test_columns_do_not_share_their_layer():
    layer = PerColumn(2, 3, 4)
    x = torch.ones(1, 2, 3)
    changed = x.clone()
    changed[0, 1] = 5
    assert torch.equal(layer(x)[0, 0], layer(changed)[0, 0])
    assert not torch.equal(layer(x)[0, 1], layer(changed)[0, 1])
