from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Array, Volume
from colonnade.verticals.medical.attributes.crop import SIDE, Crop, crop_of
from colonnade.verticals.medical.attributes.measures import measured


def away(shape: tuple[int, int, int], spacing: tuple[float, float, float], centre: Array) -> Array:
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    return np.asarray(grid * spacing - centre)


def ball(radius: float = 6.0, *, hu: float = 40.0, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Crop:
    """A ball of that density in lung, softened by a scanner, on voxels of that spacing."""
    shape = tuple(round(60 / step) for step in spacing)
    apart = np.linalg.norm(away(shape, spacing, np.full(3, 30.0)), axis=-1)  # type: ignore[arg-type]
    values = -850 + (hu + 850) / (1 + np.exp(-(radius - apart) / 0.4))
    volume = Volume(voxels=values.astype(np.float32), affine=np.diag([*spacing, 1.0]))
    where = np.argwhere(apart < radius)
    low = where.min(axis=0)
    mask = (apart < radius)[tuple(slice(a, b + 1) for a, b in zip(low, where.max(axis=0), strict=True))]
    return crop_of(volume, low, mask)


def star(radius: float = 6.0, spikes: int = 8) -> Crop:
    """A ball with thin spikes that the mask does not follow."""
    apart = away((SIDE, SIDE, SIDE), (1.0, 1.0, 1.0), np.full(3, SIDE / 2))
    far = np.linalg.norm(apart, axis=-1)
    values = np.where(far < radius, 40.0, -850.0)
    for n in range(spikes):
        turn = 2 * np.pi * n / spikes
        direction = np.array([np.cos(turn), np.sin(turn), 0.3 * (-1) ** n])
        along = apart @ (direction / np.linalg.norm(direction))
        aside = np.sqrt(np.maximum(far**2 - along**2, 0))
        values[(along > 0) & (along < radius + 5) & (aside < 0.9)] = 0.0
    return Crop(values=values.astype(np.int16), mask=far < radius)


def test_a_ball_measures_as_a_ball() -> None:
    found = measured(ball(6.0))
    assert np.exp(found["log_diameter"]) == pytest.approx(12, abs=0.7)
    assert np.exp(found["drawn_log_volume"]) == pytest.approx(4 / 3 * np.pi * 216, rel=0.06)
    assert found["hu_50"] == pytest.approx(40, abs=8)
    assert found["drawn_sphere"] == pytest.approx(1, abs=0.1)
    assert found["drawn_convex"] > 0.9
    assert found["share_solid"] > 0.8
    assert all(np.isfinite(value) for value in found.values())


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 1.25), (0.6, 0.6, 2.5)])
def test_measurements_hardly_depend_on_the_voxels_of_the_scan(spacing: tuple[float, float, float]) -> None:
    same, other = measured(ball(8.0)), measured(ball(8.0, spacing=spacing))
    for name in ("log_diameter", "drawn_log_volume", "drawn_sphere", "drawn_long"):
        assert other[name] == pytest.approx(same[name], abs=0.13), name
    assert other["hu_50"] == pytest.approx(same["hu_50"], abs=15)


def test_spikes_that_the_mask_leaves_out_are_seen() -> None:
    smooth, spiked = measured(star(spikes=0)), measured(star(spikes=8))
    assert spiked["spikes_share"] > smooth["spikes_share"] + 0.03
    assert spiked["goes_on"] > smooth["goes_on"]
    assert spiked["bright_convex"] < smooth["bright_convex"] - 0.1
    assert spiked["drawn_log_volume"] == smooth["drawn_log_volume"]


def test_ground_glass_is_fainter_and_flatter_at_its_surface() -> None:
    solid, glass = measured(ball(7.0)), measured(ball(7.0, hu=-620))
    assert glass["share_solid"] == 0 < solid["share_solid"]
    assert glass["share_glass"] > 0.8
    assert glass["contrast"] < solid["contrast"] / 2


def test_a_mask_smaller_than_the_grid_keeps_a_voxel_and_numbers() -> None:
    volume = Volume(voxels=np.full((40, 40, 12), -850, np.float32), affine=np.diag([0.5, 0.5, 5.0, 1.0]))
    crop = crop_of(volume, np.array([20, 20, 6]), np.ones((1, 1, 1), bool))
    assert crop.mask.any()
    assert all(np.isfinite(value) for value in measured(crop).values())


def test_a_crop_at_the_edge_of_the_scan_is_filled_with_air() -> None:
    volume = Volume(voxels=np.full((30, 30, 30), 40, np.float32), affine=np.eye(4) * [1, 1, 1, 1])
    crop = crop_of(volume, np.zeros(3, int), np.ones((3, 3, 3), bool))
    assert crop.values.shape == (SIDE, SIDE, SIDE)
    assert crop.values[0, 0, 0] == -1000
    assert crop.values[SIDE // 2, SIDE // 2, SIDE // 2] == 40
    assert crop.mask.sum() == 27
