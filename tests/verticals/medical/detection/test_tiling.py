"""Boxes over a region: nothing is left out, nothing is asked for in vain."""

from __future__ import annotations

import numpy as np
import pytest

from colonnade.core.types import Array
from colonnade.verticals.medical.detection.tiling import tiled

SIZE, OVERLAP, MARGIN = (16, 16, 16), 6, 3


def _balls(seed: int, shape: tuple[int, int, int] = (50, 40, 60)) -> Array:
    """Two balls somewhere in the picture."""
    draw = np.random.default_rng(seed)
    places = np.moveaxis(np.indices(shape), 0, -1)
    region = np.zeros(shape, bool)
    for _ in range(2):
        region |= np.linalg.norm(places - draw.uniform(8, np.array(shape) - 8), axis=-1) < draw.uniform(2, 14)
    return region


@pytest.mark.parametrize("seed", range(6))
def test_every_voxel_of_the_region_is_well_inside_a_box_or_at_the_picture_s_side(seed: int) -> None:
    region = _balls(seed)
    held = np.zeros(region.shape, bool)
    for box in tiled(region, SIZE, overlap=OVERLAP, margin=MARGIN):
        assert all(part.start >= 0 and part.stop <= n for part, n in zip(box, region.shape, strict=True))
        assert [part.stop - part.start for part in box] == list(SIZE)
        rims = [(2 if part.start else 0, 2 if part.stop < n else 0) for part, n in zip(box, region.shape, strict=True)]
        held[tuple(slice(p.start + a, p.stop - b) for p, (a, b) in zip(box, rims, strict=True))] = True
    assert held[region].all()


def test_every_box_touches_the_region() -> None:
    region = _balls(1)
    assert all(region[box].any() for box in tiled(region, SIZE, overlap=OVERLAP, margin=MARGIN))


def test_two_lungs_need_fewer_boxes_than_a_grid_over_both() -> None:
    region = np.zeros((96, 64, 80), bool)
    region[4:30, 10:50, 5:75] = region[64:92, 14:58, 20:70] = True
    axes = [range(0, n - 16 + 1, 10) for n in region.shape]
    grid = [(slice(i, i + 16), slice(j, j + 16), slice(k, k + 16)) for i in axes[0] for j in axes[1] for k in axes[2]]
    touching = [box for box in grid if region[box].any()]
    assert len(tiled(region, SIZE, overlap=OVERLAP, margin=MARGIN)) < len(touching)


def test_a_full_picture_gets_a_grid() -> None:
    boxes = tiled(np.ones((26, 16, 36), bool), SIZE, overlap=OVERLAP, margin=MARGIN)
    assert sorted({(b[0].start, b[1].start, b[2].start) for b in boxes}) == [
        (x, 0, z) for x in (0, 10) for z in (0, 10, 20)
    ]


def test_an_empty_region_gets_no_box() -> None:
    assert tiled(np.zeros((20, 20, 20), bool), SIZE, overlap=OVERLAP, margin=MARGIN) == []
