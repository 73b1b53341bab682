"""A crop from other sides: mirrored in prediction, and turned, scaled and shifted as well in training.

Slices lie across z, and are often thick: nothing is turned out of their plane. It knows nothing of nodules.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ....core.types import Array

SIDES = ((1, 1, 1), (-1, 1, -1), (1, -1, -1), (-1, -1, 1))  # mirrors, of which prediction takes the first ones
TURNED = 0.5  # the share of crops that are turned by any angle
SCALE, SHIFT = 0.08, 0.5  # SD of the logarithm of the size, and in voxels


def mirrored(x: Float[Tensor, "batch 1 i j k"], side: tuple[int, int, int]) -> Float[Tensor, "batch 1 i j k"]:
    """The crops mirrored along each axis where `side` is negative."""
    axes = [axis + 2 for axis, sign in enumerate(side) if sign < 0]
    return x.flip(axes) if axes else x


def middle(x: Float[Tensor, "batch 1 a b c"], size: int) -> Float[Tensor, "batch 1 i j k"]:
    """The middle `size` voxels a side."""
    low = (x.shape[-1] - size) // 2
    return x[..., low : low + size, low : low + size, low : low + size]


def turned(
    x: Float[Tensor, "batch 1 a b c"], size: int, generator: np.random.Generator
) -> Float[Tensor, "batch 1 i j k"]:
    """Each cube's middle, `size` voxels a side, as another scan of the same chest might show it."""
    count, whole = len(x), x.shape[-1]
    line = torch.arange(size, dtype=torch.float32) - size / 2
    points = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    moved = torch.einsum("pa,nba->npb", points, torch.from_numpy(_turns(count, generator)))
    moved = moved + torch.from_numpy(generator.normal(0, SHIFT, (count, 1, 3)).astype(np.float32)) + whole / 2
    where = (moved * 2 / (whole - 1) - 1).flip(-1).reshape(count, size, size, size, 3)
    return F.grid_sample(x, where, align_corners=True, padding_mode="border")


def _turns(count: int, generator: np.random.Generator) -> Array:
    """Matrices `[count, 3, 3]`: a turn in the plane of the slices, a scale, mirrors."""
    angles = generator.uniform(-np.pi, np.pi, count) * (generator.random(count) < TURNED)
    turns = np.tile(np.eye(3), (count, 1, 1))
    turns[:, 0, 0] = turns[:, 1, 1] = np.cos(angles)
    turns[:, 1, 0] = np.sin(angles)
    turns[:, 0, 1] = -turns[:, 1, 0]
    turns *= np.exp(generator.normal(0, SCALE, (count, 1, 1)))
    return np.asarray(turns * generator.choice([-1.0, 1.0], (count, 1, 3)), np.float32)
