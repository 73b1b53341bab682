"""Point clouds: any number, in any order, anywhere; attention that stays local but crosses the borders of patches."""

import numpy as np
import pytest
import torch
from torch import nn

from colonnade.core.encoders.points import Level, PointsConfig, PointsEncoder, PointsInput
from colonnade.core.errors import ConfigError, FormatError
from colonnade.core.types import PointCloud

TINY = PointsConfig(width=8, neighbours=4, patch=4, dims=(8, 8), depths=(2, 2), heads=2)


def encoder(**changes) -> PointsEncoder:
    torch.manual_seed(0)
    return PointsEncoder(PointsConfig(**{**vars(TINY), **changes})).eval()


def cloud(count: int, seed: int = 0) -> PointCloud:
    return PointCloud(points=np.random.default_rng(seed).uniform(0, 40, (count, 3)))


@torch.no_grad()
def test_points_may_come_in_any_order():
    whole, points = encoder(cell=8.0, thin=False), cloud(100)
    shuffled = PointCloud(points=np.random.default_rng(1).permutation(points.points))
    one, other = (whole(*whole.collate([each])) for each in (points, shuffled))
    assert torch.equal(one.mask, other.mask)
    torch.testing.assert_close(one.values, other.values)


@torch.no_grad()
def test_where_the_scanner_stood_does_not_matter():
    whole, points = encoder(), cloud(100)
    moved = PointCloud(points=points.points + np.array([4096.0, -512.0, 64.0]))
    one, other = (whole(*whole.collate([each])).values for each in (points, moved))
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("count", [1, 2, 5, 64, 333])
def test_any_number_of_points_gives_a_token_for_every_four(count):
    tokens = encoder(thin=False)(*encoder(thin=False).collate([cloud(count)]))
    assert tokens.mask.sum() == -(-count // 4)
    assert tokens.values.isfinite().all()


def test_thinning_keeps_one_point_a_cell():
    twins = PointCloud(points=np.repeat(cloud(20).points, 3, axis=0))
    assert encoder(cell=0.01).collate([twins]).mask.sum() == 20
    assert encoder(cell=0.01, thin=False).collate([twins]).mask.sum() == 60


def test_back_undoes_the_second_order():
    x, mask = encoder().collate([cloud(50), None, cloud(90)])
    places = torch.arange(x.second.shape[1]).expand_as(x.second)
    assert torch.equal(x.second.gather(1, x.back), places)
    assert not torch.equal(x.second[2], places[2])
    assert torch.equal(mask.gather(1, x.second), mask), "real points come first in both orders"


@pytest.mark.parametrize("second", [True, False])
def test_moving_the_borders_of_patches_moves_no_point(second):
    class Nothing(nn.Module):
        def forward(self, y, mask):
            return y

    level = Level(8, 2, heads=2, patch=4)
    level.blocks = nn.ModuleList([Nothing(), Nothing()])
    x, mask = encoder().collate([cloud(50), cloud(90)])
    y = torch.randn(*mask.shape, 8) * mask[:, :, None]
    assert torch.equal(level(y, mask, x if second else None), y)


def test_what_a_point_learns_crosses_the_border_of_its_patch():
    whole = encoder(depths=(2, 2), thin=False)
    x, mask = whole.collate([cloud(64)])
    values = x.values.clone().requires_grad_()
    tokens = whole(x._replace(values=values), mask).values
    tokens[0, 4].sum().backward()
    reached = values.grad[0].abs().sum(dim=1) > 0
    assert reached[32:].any(), "token 4 holds points 16 to 19, its patch points 16 to 31"


@torch.no_grad()
def test_it_exports_with_any_number_of_points():
    whole = encoder(thin=False)
    x, mask = whole.collate([cloud(60), cloud(40)])
    sizes = {0: torch.export.Dim("batch", max=64), 1: 16 * torch.export.Dim("points", min=2, max=5000)}
    dynamic = (PointsInput(*[sizes] * 4), sizes)
    program = torch.export.export(whole, (x, mask), dynamic_shapes=dynamic, strict=False).module()
    for count in (30, 700):
        packed = whole.collate([cloud(count), None, cloud(17, seed=1)])
        torch.testing.assert_close(program(*packed)[0], whole(*packed).values, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_sorted_or_read_is_refused():
    stray = PointCloud(points=[[0, 0, 0], [1e9, 0, 0]])
    with pytest.raises(FormatError, match="drop stray points"):
        encoder().collate([stray])
    with pytest.raises(FormatError, match="reads 2 features a point"):
        encoder(features=2).collate([cloud(5)])
    with pytest.raises(ConfigError, match="patch must be even"):
        PointsConfig(patch=5)
    with pytest.raises(ConfigError, match="a depth for each level"):
        PointsConfig(dims=(8,), depths=(1, 1))
