"""Point clouds to tokens: local attention along space-filling curves, in plain PyTorch, for any number of points.

Sorting and neighbour search happen in `collate`, outside the module, which takes their results as indices: so it
exports with a dynamic number of points. It knows nothing of parts, meshes or tolerances.
Source: Wu et al., "Point Transformer V3", 2024 (serialised patches); neighbours as positions are PointNet's way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import ConfigError, FormatError
from ..layers.attention import Block
from ..layers.morton import inverse, nearest, sort
from ..layers.patches import every
from ..types import Array, Noun, Packed, PointCloud, Tokens
from .base import Encoder


@dataclass(frozen=True, kw_only=True)
class PointsConfig:
    """Level l works on one point in 4**l with width `dims[l]` and `depths[l]` blocks over patches of `patch` points.

    `cell` mm is the grid of the curve and the unit of offsets to the `neighbours` nearest points; `scale` mm is the
    unit of places about the cloud's centre; `thin` keeps one point a cell; `features` counts channels beside xyz.
    """

    kind: Literal["points"] = "points"
    width: int = 128
    features: int = 0
    cell: float = 1.0
    scale: float = 50.0
    thin: bool = True
    neighbours: int = 16
    patch: int = 64
    dims: tuple[int, ...] = (48, 96, 128)
    depths: tuple[int, ...] = (2, 2, 2)
    heads: int = 4

    def __post_init__(self) -> None:
        if not self.dims or len(self.dims) != len(self.depths):
            raise ConfigError(f"a depth for each level: got dims {self.dims} and depths {self.depths}")
        if self.patch % 2 or self.patch < 2 or self.neighbours < 1 or self.cell <= 0 or self.scale <= 0:
            raise ConfigError(
                "patch must be even, neighbours, cell and scale positive: "
                f"got {self.patch}, {self.neighbours}, {self.cell}, {self.scale}"
            )

    @property
    def multiple(self) -> int:
        """The number of points is padded to a multiple of this."""
        return int(self.patch * 4 ** (len(self.dims) - 1))


class PointsInput(NamedTuple):
    """Points in curve order, and indices into that order. `back` undoes `second`, another curve's order."""

    values: Float[Tensor, "batch point channel"]
    neighbours: Int[Tensor, "batch point neighbour"]
    second: Int[Tensor, "batch point"]
    back: Int[Tensor, "batch point"]


class PointsEncoder(Encoder):
    """A token for every 4**(levels - 1) points, in curve order."""

    def __init__(self, config: PointsConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.width
        self.surround = Surround(config)
        self.widen = nn.ModuleList(nn.Linear(a, b) for a, b in zip(config.dims, config.dims[1:], strict=False))
        self.place = nn.ModuleList(nn.Conv1d(dim, dim, 3, padding=1, groups=dim) for dim in config.dims[1:])
        self.levels = nn.ModuleList(
            Level(dim, depth, heads=config.heads, patch=config.patch)
            for dim, depth in zip(config.dims, config.depths, strict=True)
        )
        self.norm = nn.LayerNorm(config.dims[-1])
        self.project = nn.Linear(config.dims[-1], config.width)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Points in mm about their mean, in curve order, padded to a multiple; see PointsInput.

        Raises:
            FormatError: a noun is no PointCloud, has other features, or spans too many cells.
        """
        rows = [None if noun is None else self._row(noun) for noun in nouns]
        longest = max([1, *(len(row[0]) for row in rows if row is not None)])
        count, config = -(-longest // self.config.multiple) * self.config.multiple, self.config
        identity = torch.arange(count).expand(len(rows), count)
        x = PointsInput(
            torch.zeros(len(rows), count, 3 + config.features),
            torch.zeros(len(rows), count, config.neighbours, dtype=torch.int64),
            identity.clone(),
            identity.clone(),
        )
        mask = torch.zeros(len(rows), count, dtype=torch.bool)
        for place, row in enumerate(rows):
            if row is None:
                continue
            values, near, second = row
            real = len(values)
            x.values[place, :real], x.neighbours[place, :real] = torch.from_numpy(values), torch.from_numpy(near)
            x.second[place, :real], x.back[place, :real] = torch.from_numpy(second), torch.from_numpy(inverse(second))
            mask[place, :real] = True
        return Packed(x, mask)

    def forward(self, x: PointsInput, mask: Bool[Tensor, "batch point"]) -> Tokens:
        values = torch.where(mask[:, :, None], x.values, torch.zeros_like(x.values))
        y = self.surround(values, x.neighbours) * mask[:, :, None].to(values.dtype)
        y = self.levels[0](y, mask, x)
        for widen, place, level in zip(self.widen, self.place, self.levels[1:], strict=True):
            y, mask = _pool(y, mask)
            y = widen(y) * mask[:, :, None].to(y.dtype)
            y = level(y + place(y.transpose(1, 2)).transpose(1, 2), mask, None)
        values = self.project(self.norm(y))
        return Tokens(values * mask[:, :, None].to(values.dtype), mask)

    def order(self, points: Array) -> Array:
        """Indices of those of the points `[point, xyz]` that are read, in the order in which they are read."""
        return sort(points - points.mean(axis=0), cell=self.config.cell, thin=self.config.thin)

    def _row(self, noun: Noun) -> tuple[Array, Array, Array]:
        """Values, neighbours and second order of one cloud."""
        if not isinstance(noun, PointCloud):
            raise FormatError(f"the points encoder reads PointCloud, got {type(noun).__name__}")
        features = np.zeros((len(noun.points), 0)) if noun.features is None else np.asarray(noun.features)
        if features.ndim != 2 or features.shape[1] != self.config.features:
            raise FormatError(
                f"the points encoder reads {self.config.features} features a point, got {features.shape[1:]}"
            )
        order = self.order(noun.points)
        points, features = (noun.points - noun.points.mean(axis=0))[order], features[order]
        third = int(np.ptp(points, axis=0).max() / self.config.cell / 3) + 1
        second = sort(points[:, ::-1], cell=self.config.cell, shift=third)
        values = np.concatenate([points, features], axis=1).astype(np.float32)
        return values, nearest(points, self.config.neighbours), second


class Surround(nn.Module):
    """What a point is: its place, its features, and the most that each channel says of its neighbours' offsets."""

    def __init__(self, config: PointsConfig) -> None:
        super().__init__()
        self.cell, self.scale, width = config.cell, config.scale, config.dims[0]
        self.own = nn.Sequential(nn.Linear(4 + config.features, width), nn.GELU(), nn.Linear(width, width))
        self.edge, self.most = nn.Linear(4 + config.features, width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, values: Float[Tensor, "batch point channel"], neighbours: Int[Tensor, "batch point neighbour"]
    ) -> Float[Tensor, "batch point width"]:
        batch, points, near = neighbours.shape
        index = neighbours.reshape(batch, points * near, 1).expand(-1, -1, values.shape[2])
        around = values.gather(1, index).reshape(batch, points, near, values.shape[2]) - values[:, :, None]
        own, around = _with_length(values, self.scale), _with_length(around, self.cell)
        return self.norm(self.own(own) + self.most(F.gelu(self.edge(around)).amax(dim=2)))


def _with_length(values: Tensor, unit: float) -> Tensor:
    """xyz in the unit, and their length beside: what does not change when the part is turned."""
    xyz = values[..., :3] / unit
    length = (xyz.square().sum(dim=-1, keepdim=True) + 1e-8).sqrt()
    return torch.cat([xyz, length, values[..., 3:]], dim=-1)


class Level(nn.Module):
    """Attention within patches of consecutive points; every second block moves the borders of the patches.

    Where a second curve is given its patches end elsewhere; else they move by half a patch.
    """

    def __init__(self, width: int, depth: int, *, heads: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))

    def forward(
        self, y: Float[Tensor, "batch point width"], mask: Bool[Tensor, "batch point"], x: PointsInput | None
    ) -> Float[Tensor, "batch point width"]:
        for turn, block in enumerate(self.blocks):
            if turn % 2 == 0:
                y = self._in_patches(block, y, mask)
            elif x is None:
                half = self.patch // 2
                moved = self._in_patches(block, F.pad(y, (0, 0, half, half)), F.pad(mask, (half, half)))
                y = moved[:, half:-half]
            else:
                second, back = (index[:, :, None].expand_as(y) for index in (x.second, x.back))
                y = self._in_patches(block, y.gather(1, second), mask).gather(1, back)
        return y

    def _in_patches(self, block: nn.Module, y: Tensor, mask: Tensor) -> Tensor:
        """Padding stays zero. Real points come first in both orders, so that one mask serves both."""
        patches = rearrange(y, "b (n p) c -> (b n) p c", p=self.patch)
        read = block(patches, rearrange(mask, "b (n p) -> (b n) p", p=self.patch))
        return rearrange(read, "(b n) p c -> b (n p) c", b=y.shape[0]) * mask[:, :, None].to(y.dtype)


def _pool(y: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Four points along the curve become one, by the largest real value of each channel."""
    groups = torch.where(mask[:, :, None], y, torch.full_like(y, torch.finfo(y.dtype).min))
    real = every(mask, 4)
    pooled = rearrange(groups, "b (n four) c -> b n four c", four=4).amax(dim=2)
    return torch.where(real[:, :, None], pooled, torch.zeros_like(pooled)), real
