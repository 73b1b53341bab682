from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Array
from colonnade.verticals.medical.measure import measure


def ellipsoid(radii: tuple[float, float, float], spacing: tuple[float, float, float], turn: float = 0.0) -> Array:
    size = [int(2 * max(radii) / step) + 6 for step in spacing]
    axes = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(size, spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return (u / radii[0]) ** 2 + (v / radii[1]) ** 2 + (z / radii[2]) ** 2 <= 1


@pytest.mark.parametrize("spacing", [(0.6, 0.6, 1.0), (0.7, 0.7, 2.5), (0.57, 0.57, 5.0)])
@pytest.mark.parametrize("turn", [0.0, 0.5, 1.1])
def test_axes_and_volume_of_an_ellipsoid_come_out(spacing: tuple[float, float, float], turn: float) -> None:
    found = measure(ellipsoid((8, 5, 6), spacing, turn), spacing)
    assert found.long_mm == pytest.approx(16, abs=1.1)
    assert found.short_mm == pytest.approx(10, abs=0.7)
    assert found.diameter_mm == pytest.approx(13, abs=0.8)
    assert found.volume_mm3 == pytest.approx(4 / 3 * np.pi * 8 * 5 * 6, rel=0.12)


def test_density_is_that_of_the_inside() -> None:
    mask = ellipsoid((8, 8, 8), (1, 1, 1))
    values = np.where(mask, -600.0, -850.0)
    found = measure(mask, (1, 1, 1), values)
    assert found.median_hu == -600


def test_one_voxel_has_a_size() -> None:
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    found = measure(mask, (0.6, 0.6, 5.0), bottom=7)
    assert 0.1 <= found.diameter_mm < 1.0
    assert found.slice_index == 8
