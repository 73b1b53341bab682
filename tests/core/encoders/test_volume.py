"""Volumes: millimetres and Hounsfield units on the way in, and the pyramid that heads read."""

import numpy as np
import pytest
import torch

from colonnade.core.encoders.volume import VolumeConfig, VolumeEncoder, grid, resample
from colonnade.core.errors import ConfigError
from colonnade.core.types import Volume

TINY = VolumeConfig(width=8, shape=(8, 10, 6), channels=(4, 8, 8), depths=(1, 1, 1), groups=2, layers=1, heads=2)


def uniform(value: float, shape=(12, 12, 12)) -> Volume:
    return Volume(voxels=np.full(shape, value), affine=np.eye(4))


@pytest.mark.parametrize(("hounsfield", "seen"), [(-3000, -1), (-1000, -1), (-300, 0), (50, 0.5), (400, 1), (3000, 1)])
def test_the_window_maps_hounsfield_units_to_minus_one_to_one(hounsfield, seen):
    np.testing.assert_allclose(resample(uniform(hounsfield), TINY), seen, atol=1e-6)


def oblique() -> np.ndarray:
    """Axes exchanged, one flipped, all tilted by 0.2 rad about the superior axis, voxels of three lengths."""
    turn = np.array([[np.cos(0.2), -np.sin(0.2), 0], [np.sin(0.2), np.cos(0.2), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.array([[0, -0.9, 0], [0.7, 0, 0], [0, 0, 1.25]])
    affine[:3, 3] = 40, -7, 100
    return affine


@pytest.mark.parametrize("affine", [np.eye(4), np.diag([-0.8, -0.8, 1.5, 1]), oblique()])
def test_a_millimetre_is_a_millimetre_whatever_the_affine(affine):
    shape, slope = (40, 44, 30), np.array([11.0, -7.0, 5.0])
    indices = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    places = indices @ affine[:3, :3].T + affine[:3, 3]
    middle = affine[:3, :3] @ ((np.array(shape) - 1) / 2) + affine[:3, 3]
    volume = Volume(voxels=(places - middle) @ slope - 300, affine=affine)
    seen = resample(volume, TINY) * 700 - 300

    ours = grid(volume, TINY)
    cells = np.stack(np.meshgrid(*map(np.arange, TINY.shape), indexing="ij"), axis=-1) @ ours[:3, :3].T + ours[:3, 3]
    np.testing.assert_allclose(seen, (cells - middle) @ slope - 300, atol=0.01)
    np.testing.assert_allclose(cells.reshape(-1, 3).mean(axis=0), middle, atol=1e-9)


def test_beyond_the_scan_lies_the_low_end_of_the_window():
    seen = resample(uniform(400, shape=(2, 10, 6)), TINY)
    assert (seen[:3] == -1).all()
    assert (seen[-3:] == -1).all()
    assert (seen[3:5] == 1).all()


def test_a_coarse_grid_averages_the_voxels_it_skips():
    sheets = np.where(np.arange(40) % 4 == 0, 400.0, -1000.0) * np.ones((40, 40, 1))
    config = VolumeConfig(shape=(4, 4, 4), spacing=(4.0, 4.0, 4.0))
    np.testing.assert_allclose(resample(Volume(voxels=sheets, affine=np.eye(4)), config), -0.5, atol=1e-5)


def test_the_pyramid_has_every_scale_and_takes_any_size():
    encoder = VolumeEncoder(TINY)
    maps = encoder.pyramid(torch.randn(2, 1, 9, 16, 7))
    assert [tuple(y.shape) for y in maps] == [(2, 4, 9, 16, 7), (2, 8, 5, 8, 4), (2, 8, 3, 4, 2)]


def test_tokens_come_from_two_scales_on_one_grid():
    encoder = VolumeEncoder(TINY).eval()
    packed = encoder.collate([uniform(0)])
    fine = encoder.pyramid(packed.x)[-2]
    assert encoder(*packed).values.shape == (1, 2 * 2 * 3 * 2, 8)
    with torch.no_grad():
        before = encoder(*packed).values
        encoder.gather.weight.mul_(2)
        after = encoder(*packed).values
    assert torch.equal(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 12:], after[:, 12:])
    assert fine.shape[2:] == (4, 5, 3)


def test_half_precision_and_channels_last_say_the_same():
    torch.manual_seed(0)
    encoder = VolumeEncoder(TINY).eval()
    packed = encoder.collate([uniform(0)])
    packed.x.add_(torch.randn(packed.x.shape, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        plain = encoder(*packed).values
        encoder.to(memory_format=torch.channels_last_3d)
        torch.testing.assert_close(encoder(*packed).values, plain, rtol=1e-4, atol=1e-5)
        with torch.autocast("cpu", torch.bfloat16):
            half = encoder(*packed).values.float()
    assert (half - plain).square().mean() < 1e-3 * plain.square().mean(), "at least 30 dB"


def test_a_config_that_contradicts_itself_is_refused():
    with pytest.raises(ConfigError, match="a depth for each"):
        VolumeConfig(depths=(1, 1))
    with pytest.raises(ConfigError, match="multiples of the 8 groups"):
        VolumeConfig(channels=(12, 32, 64, 128))
    with pytest.raises(ConfigError, match="a window rises"):
        VolumeConfig(window=(400.0, -1000.0))
