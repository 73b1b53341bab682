"""Volumes (CT, MR) to tokens: 3-D convolution stages, then 3-D attention on the coarsest grid; tokens of two scales.

It resamples to millimetres and windows intensities, and knows nothing of organs or findings. `pyramid` hands the
map of every scale to heads that detect or segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError, FormatError
from ..layers.attention import Block
from ..layers.patches import grid_sines
from ..types import Array, Noun, Packed, Tokens, Volume
from .base import Encoder


@dataclass(frozen=True, kw_only=True)
class VolumeConfig:
    """What is seen: `shape` voxels of `spacing` mm along right, anterior and superior, with `window` = (low, high).

    Stage s of `channels` works at 1 / 2**s of the resolution with `depths[s]` residual blocks; `layers` attention
    blocks of `heads` read the coarsest grid. GroupNorm with `groups`: InstanceNorm is three times slower on a CPU.
    """

    kind: Literal["volume"] = "volume"
    width: int = 128
    shape: tuple[int, int, int] = (64, 64, 64)
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    window: tuple[float, float] = (-1000.0, 400.0)
    channels: tuple[int, ...] = (16, 32, 64, 128)
    depths: tuple[int, ...] = (1, 2, 2, 2)
    groups: int = 8
    layers: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.depths) or len(self.channels) < 2:
            raise ConfigError(f"two stages at least, a depth for each: got {self.channels} and {self.depths}")
        if any(size % self.groups for size in self.channels):
            raise ConfigError(f"channels {self.channels} must be multiples of the {self.groups} groups")
        if self.window[0] >= self.window[1] or min(self.spacing) <= 0 or min(self.shape) < 1:
            raise ConfigError(
                "a window rises, and spacing and shape are positive: "
                f"got window {self.window}, spacing {self.spacing}, shape {self.shape}"
            )


class VolumeEncoder(Encoder):
    """Tokens of the coarsest grid, then those of the scale before it, gathered on the same grid."""

    def __init__(self, config: VolumeConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.width
        self.stem = nn.Conv3d(1, config.channels[0], 3, padding=1, bias=False)
        self.down = nn.ModuleList(
            nn.Conv3d(narrow, wide, 3, stride=2, padding=1, bias=False)
            for narrow, wide in zip(config.channels, config.channels[1:], strict=False)
        )
        self.stages = nn.ModuleList(
            _stage(channels, depth, config.groups)
            for channels, depth in zip(config.channels, config.depths, strict=True)
        )
        fine, coarse = config.channels[-2:]
        self.blocks = nn.ModuleList(Block(coarse, config.heads) for _ in range(config.layers))
        self.gather = nn.Conv3d(fine, coarse, 3, stride=2, padding=1)
        self.norms = nn.ModuleList(nn.LayerNorm(coarse) for _ in range(2))
        self.project = nn.ModuleList(nn.Linear(coarse, config.width) for _ in range(2))

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Windowed voxels `[batch, 1, right, anterior, superior]` in -1..1; one mask position a row: present or not.

        Raises:
            FormatError: a noun is no Volume.
        """
        x = torch.zeros(len(nouns), 1, *self.config.shape)
        mask = torch.zeros(len(nouns), 1, dtype=torch.bool)
        for row, noun in enumerate(nouns):
            if noun is None:
                continue
            if not isinstance(noun, Volume):
                raise FormatError(f"the volume encoder reads Volume, got {type(noun).__name__}")
            x[row, 0], mask[row] = torch.from_numpy(resample(noun, self.config)), True
        return Packed(x, mask)

    def forward(self, x: Float[Tensor, "batch 1 i j k"], mask: Bool[Tensor, "batch 1"]) -> Tokens:
        x = torch.where(mask[:, :, None, None, None], x, torch.zeros_like(x))
        *_, fine, coarse = self.pyramid(x)
        scales = zip((coarse, self.gather(fine)), self.norms, self.project, strict=True)
        values = torch.cat([project(norm(rearrange(y, "b c i j k -> b (i j k) c"))) for y, norm, project in scales], 1)
        return Tokens(values * mask[:, :, None].to(values.dtype), mask.expand(-1, values.shape[1]))

    def pyramid(self, x: Float[Tensor, "batch 1 i j k"]) -> list[Float[Tensor, "batch _ _ _ _"]]:
        """The map of every scale, full resolution first: scale s is `[batch, channels[s], i / 2**s, ...]`.

        Any size will do (odd ones round up), not only the configured shape, so that a head can slide windows.
        The coarsest map has been through the attention blocks. Voxels must be as `collate` gives them, in -1..1.
        A decoder for masks goes back up from the last map, adding the finer ones on its way.
        """
        y = self.stem(x.contiguous(memory_format=torch.channels_last_3d))
        maps = [self.stages[0](y)]
        for down, stage in zip(self.down, self.stages[1:], strict=True):
            maps.append(stage(down(maps[-1])))
        maps[-1] = self._attend(maps[-1])
        return maps

    def _attend(self, y: Float[Tensor, "batch channel i j k"]) -> Float[Tensor, "batch channel i j k"]:
        i, j, k = y.shape[2:]
        cells = rearrange(y, "b c i j k -> b (i j k) c") + grid_sines((i, j, k), y.shape[1], like=y)
        everywhere = torch.ones(cells.shape[:2], dtype=torch.bool, device=y.device)
        for block in self.blocks:
            cells = block(cells, everywhere)
        return rearrange(cells, "b (i j k) c -> b c i j k", i=i, j=j, k=k)


def grid(volume: Volume, config: VolumeConfig) -> Array:
    """The affine of the encoder's grid: from its voxel (i, j, k, 1) to millimetres, RAS. Its centre is the volume's."""
    middle = volume.affine @ np.append((np.array(volume.voxels.shape) - 1) / 2, 1.0)
    affine = np.diag([*config.spacing, 1.0])
    affine[:3, 3] = middle[:3] - np.array(config.spacing) * (np.array(config.shape) - 1) / 2
    return affine


def resample(volume: Volume, config: VolumeConfig) -> Array:
    """Voxels `config.shape` on `grid`, float32: the window's low is -1, its high 1; beyond the scan lies low.

    Linear between voxels; a mean over neighbours comes first where the grid is at least twice as coarse.
    """
    from scipy import ndimage

    low, high = config.window
    steps = np.linalg.inv(volume.affine) @ grid(volume, config)
    ends = np.array(np.meshgrid(*((0, size - 1) for size in config.shape), indexing="ij")).reshape(3, -1)
    corners = steps[:3, :3] @ ends + steps[:3, 3:]
    skip = np.abs(steps[:3, :3]).max(axis=1)
    first = np.maximum(np.floor(corners.min(axis=1) - skip), 0).astype(int)
    last = np.ceil(corners.max(axis=1) + skip).astype(int) + 1
    part = volume.voxels[tuple(slice(start, stop) for start, stop in zip(first, last, strict=True))]
    part = (np.clip(part, low, high) - low) / (high - low)
    if (skip >= 2).any():
        part = ndimage.uniform_filter(part, np.maximum(skip.astype(int), 1), mode="nearest")
    offset = steps[:3, 3] - first
    placed = ndimage.affine_transform(
        part, steps[:3, :3], offset, config.shape, order=1, mode="grid-constant", cval=0.0
    )
    return (2 * placed - 1).astype(np.float32)


def _stage(channels: int, depth: int, groups: int) -> nn.Sequential:
    """Residual blocks of MONAI (Myronenko, "3D MRI brain tumor segmentation", 2018), with GroupNorm."""
    from monai.networks.blocks.segresnet_block import ResBlock

    return nn.Sequential(*(ResBlock(3, channels, ("GROUP", {"num_groups": groups})) for _ in range(depth)))
