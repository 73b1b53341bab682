"""Places of grid cells, and masks of stretches."""

import pytest
import torch

from colonnade.core.errors import ConfigError
from colonnade.core.layers.patches import every, grid_sines


def test_every_cell_has_a_place_of_its_own():
    places = grid_sines((3, 4, 5), 20, like=torch.zeros(1))
    assert places.shape == (60, 20)
    distances = torch.cdist(places, places) + torch.eye(60)
    assert distances.min() > 0.01


def test_the_last_axis_moves_fastest():
    places = grid_sines((2, 3), 8, like=torch.zeros(1)).view(2, 3, 8)
    assert torch.equal(places[0, :, :4], places[0, :1, :4].expand(3, 4))
    assert torch.equal(places[:, 1, 4:], places[:1, 1, 4:].expand(2, 4))


def test_a_width_too_small_for_its_axes_is_refused():
    with pytest.raises(ConfigError, match="3 axes need a width of at least 6"):
        grid_sines((2, 2, 2), 5, like=torch.zeros(1))


def test_a_token_is_real_where_its_first_position_is():
    mask = torch.tensor([[True] * 5 + [False] * 3])
    assert every(mask, 4).tolist() == [[True, True]]
    assert every(mask, 2).tolist() == [[True, True, True, False]]
