from __future__ import annotations

import numpy as np
import pytest
import torch

from colonnade.core.types import Volume
from colonnade.verticals.medical.correction.clicks import Click
from colonnade.verticals.medical.correction.outline import Outline
from colonnade.verticals.medical.correction.redraw import CHANNELS, Drawing, Redraw, RedrawConfig, redrawn, seen

TINY = RedrawConfig(channels=(4, 4, 4, 4), groups=2)
EMPTY = Outline.of(np.zeros((0, 3), int))


class Bright(torch.nn.Module):
    """In place of the network: what is dense belongs to the nodule."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        return 20 * (x[:, :1] + 0.2)


def with_ball(radius: float, spacing: tuple[float, float, float]) -> tuple[Volume, np.ndarray]:
    shape = [round(80 / step) for step in spacing]
    grid = np.stack(
        np.meshgrid(*(np.arange(n) * step - 40 for n, step in zip(shape, spacing, strict=True)), indexing="ij")
    )
    mask = np.linalg.norm(grid, axis=0) < radius
    return Volume(voxels=np.where(mask, 50.0, -900.0).astype(np.float32), affine=np.diag([*spacing, 1.0])), mask


def test_the_network_sees_clicks_by_their_sign_and_the_last_one_apart():
    cube = np.zeros((32, 32, 32), np.float32)
    clicks = [Click(at=(5, 5, 5)), Click(at=(20, 20, 20), positive=False)]
    maps = seen(cube, cube > 1, clicks)
    assert maps.shape == (CHANNELS, 32, 32, 32)
    plus, minus, last = maps[-3:]
    assert (plus[5, 5, 5], minus[20, 20, 20], last[20, 20, 20]) == (1, 1, -1)
    assert plus[20, 20, 20] < 1e-6 > abs(last[5, 5, 5])


def test_a_drawing_lies_in_the_volume():
    volume = Volume(voxels=np.zeros((20, 24, 9), np.float32), affine=np.diag([0.7, 0.7, 5.0, 1]))
    drawn = redrawn(Redraw(TINY).eval(), volume, EMPTY, [Click(at=(1, 1, 8))])
    assert (drawn.low >= 0).all()
    assert (drawn.low + drawn.logits.shape <= volume.voxels.shape).all()


@pytest.mark.parametrize("spacing", [(1.25, 1.25, 1.25), (0.6, 0.6, 5.0)])
def test_what_is_wider_than_its_cube_is_drawn_again_in_a_wider_one(spacing: tuple[float, float, float]):
    volume, mask = with_ball(16.0, spacing)
    middle = tuple(40 / step for step in spacing)
    drawn = redrawn(Bright(), volume, EMPTY, [Click(at=middle)]).outline  # type: ignore[arg-type]
    found = drawn.on(np.zeros(3, int), np.array(mask.shape))
    assert 2 * (found & mask).sum() / (found.sum() + mask.sum()) > 0.9


def test_a_small_nodule_is_drawn_once_and_a_box_is_not_left():
    volume, _ = with_ball(5.0, (1.0, 1.0, 1.0))
    once = Bright()
    redrawn(once, volume, EMPTY, [Click(at=(40, 40, 40))])  # type: ignore[arg-type]
    assert once.steps == 1
    low, high = np.array((38, 30, 30)), np.array((50, 50, 50))
    drawn = redrawn(Bright(), volume, EMPTY, [Click(at=(44, 40, 40))], within=(low, high))  # type: ignore[arg-type]
    assert drawn.logits.shape == (12, 20, 20)
    assert drawn.outline.where.min(axis=0).tolist() == [38, 36, 36]


def test_mirrored_cubes_are_turned_back_before_the_mean():
    volume, _ = with_ball(5.0, (1.0, 1.0, 1.0))
    volume.voxels[45:50, 40:44, 40:43] = 50.0  # not even on any side
    flips = ((), (0,), (1,), (2,))
    one, mean = (
        redrawn(Bright(), volume, EMPTY, [Click(at=(40, 40, 40))], flips=each)  # type: ignore[arg-type]
        for each in (flips[:1], flips)
    )
    np.testing.assert_allclose(one.logits, mean.logits, atol=0.2)


def test_logits_on_another_box_are_the_same_and_none_beyond():
    drawing = Drawing(low=np.array((2, 2, 2)), logits=np.arange(27, dtype=np.float32).reshape(3, 3, 3))
    on = drawing.on(np.array((3, 0, 4)), np.array((7, 3, 5)))
    assert on[0, 2, 0] == drawing.logits[1, 0, 2]
    assert (np.delete(on.ravel(), [2, 5]) == -9).all()
