"""The network that redraws one nodule from clicks: a small 3-D U-Net over a cube around it. It knows no findings.

It sees the CT in two windows, the outline as it is, and the clicks as maps (after RITM, Sofiiuk et al. 2022, which
hands the last mask back to the network, so that a click mends an outline rather than drawing it anew).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ....core.training.precision import supported
from ....core.types import Array, Volume
from .clicks import Click, spread
from .outline import MARGIN, STEP, Cube, Outline, sampled

WINDOWS = ((-1000.0, 400.0), (-160.0, 240.0))  # lung, soft tissue
CHANNELS = len(WINDOWS) + 4  # the outline, positive clicks, negative clicks, the last click with its sign

FLIPS = ((), (0,), (1,), (2,))  # cubes are mirrored along these axes
WIDER = 2  # times a cube is widened


@dataclass(frozen=True, kw_only=True)
class RedrawConfig:
    """Channels of each scale, each half as fine as the one before; groups of GroupNorm."""

    channels: tuple[int, ...] = (16, 32, 64, 80)
    groups: int = 4


class Redraw(nn.Module):
    """Maps `[batch, CHANNELS, i, j, k]` to the logit of "belongs to the nodule"; sizes are multiples of 8."""

    def __init__(self, config: RedrawConfig) -> None:
        super().__init__()
        self.config = config
        channels, groups = config.channels, config.groups
        pairs = list(itertools.pairwise(channels))
        self.stem = _conv(CHANNELS, channels[0], groups)
        self.down = nn.ModuleList(
            nn.Sequential(_conv(narrow, wide, groups, stride=2), _Residual(wide, groups)) for narrow, wide in pairs
        )
        self.narrow = nn.ModuleList(nn.Conv3d(wide, narrow, 1) for narrow, wide in pairs)
        self.mix = nn.ModuleList(_conv(narrow, narrow, groups) for narrow, _ in pairs)
        self.head = nn.Conv3d(channels[0], 1, 1)
        nn.init.constant_(self.head.bias, -4.0)  # type: ignore[arg-type]  # most of a cube is no nodule

    def forward(self, x: Float[Tensor, "batch channel i j k"]) -> Float[Tensor, "batch 1 i j k"]:
        maps = [self.stem(x)]
        for down in self.down:
            maps.append(down(maps[-1]))
        y = maps.pop()
        for narrow, mix in zip(reversed(self.narrow), reversed(self.mix), strict=True):
            y = mix(F.interpolate(narrow(y), scale_factor=2, mode="trilinear") + maps.pop())
        return self.head(y)


class _Residual(nn.Module):
    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(channels, channels, groups), nn.Conv3d(channels, channels, 3, padding=1, bias=False)
        )
        self.norm = nn.GroupNorm(groups, channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm(self.body(x)))


def _conv(narrow: int, wide: int, groups: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(narrow, wide, 3, stride=stride, padding=1, bias=False), nn.GroupNorm(groups, wide), nn.ReLU()
    )


def seen(values: Array, mask: Array, clicks: Sequence[Click], *, step: float = STEP) -> Array:
    """What the network sees of a cube: `values` in HU, the outline as it is, the clicks in the order they came."""
    maps = [np.clip((values - low) / (high - low), 0, 1) * 2 - 1 for low, high in WINDOWS]
    plus, minus = [each for each in clicks if each.positive], [each for each in clicks if not each.positive]
    last = spread(clicks[-1:], values.shape, step) * (1 if clicks and clicks[-1].positive else -1)
    maps += [mask * 2.0 - 1.0, spread(plus, values.shape, step), spread(minus, values.shape, step), last]
    return np.stack(maps).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """What the network drew: the low corner in voxels of the volume, and the logit of every voxel from there."""

    low: Array
    logits: Array

    @classmethod
    def of(cls, cube: Cube, logits: Array, shape: Sequence[int]) -> Drawing:
        """Logits in a cube, on the voxels of a volume of that shape."""
        low, lines = cube.lines(shape)
        return cls(low=low, logits=sampled(logits, lines, beyond=-9.0))

    @property
    def outline(self) -> Outline:
        return Outline(low=self.low, mask=self.logits > 0)

    def on(self, low: Array, high: Array) -> Array:
        """The logits on another box of the volume; -9 where nothing was drawn."""
        found = np.full(tuple(high - low), -9.0, np.float32)
        begin, end = np.maximum(low, self.low), np.minimum(high, self.low + self.logits.shape)
        if (end > begin).all():
            goal, source = (
                tuple(slice(a, b) for a, b in zip(begin - each, end - each, strict=True)) for each in (low, self.low)
            )
            found[goal] = self.logits[source]
        return found

    def clipped(self, low: Array, high: Array) -> Drawing:
        """What lies in a box."""
        return Drawing(low=low, logits=self.on(low, high))

    def cut_off(self, shape: Sequence[int]) -> bool:
        """Whether the nodule reaches a face of the cube that is no face of the volume (of that shape)."""
        for axis, size in enumerate(shape):
            ends = np.asarray((self.logits > 0).any(axis=tuple({0, 1, 2} - {axis})))
            if ends.size and ((ends[0] and self.low[axis] > 0) or (ends[-1] and self.low[axis] + ends.size < size)):
                return True
        return False


def redrawn(
    model: Redraw, volume: Volume, outline: Outline, clicks: Sequence[Click],
    *, within: tuple[Array, Array] | None = None, flips: Sequence[tuple[int, ...]] = FLIPS,
) -> Drawing:  # fmt: skip
    """The network's answer to clicks (in voxels of a canonical volume, the newest last), on the volume's own voxels.

    The mean over mirrored cubes. What reaches the faces of its cube is drawn again in a wider one; what is asked for
    `within` a box (low and high corner) stays in it.
    """
    if within is not None:
        low, high = within
        drawing = _drawn(model, volume, Cube.around(low, high - 1.0, volume.spacing), (outline, clicks), flips)
        return drawing.clipped(low, high)
    cube = framed(outline, clicks, volume.spacing)
    drawing = _drawn(model, volume, cube, (outline, clicks), flips)
    for _ in range(WIDER):
        where = drawing.outline.where
        if not drawing.cut_off(volume.voxels.shape):
            break
        both = Outline.of(np.concatenate([where, outline.where.reshape(-1, 3)]))
        cube = framed(both, clicks, volume.spacing, margin=2 * MARGIN)
        drawing = _drawn(model, volume, cube, (outline, clicks), flips)
    return drawing


def framed(outline: Outline, clicks: Sequence[Click], spacing: Sequence[float], *, margin: float = MARGIN) -> Cube:
    """The cube around an outline and the newest click."""
    where = np.array([each.at for each in clicks[-1:]])
    if outline.mask.any():
        where = np.concatenate([where, outline.low[None], outline.low[None] + outline.mask.shape - 1.0])
    return Cube.around(where.min(axis=0), where.max(axis=0), spacing, margin=margin)


def maps_of(cube: Cube, volume: Volume, outline: Outline, clicks: Sequence[Click]) -> Array:
    """What the network sees, `[channel, i, j, k]`."""
    moved = [each.moved(cube.corner, cube.ratio) for each in clicks]
    return seen(cube.values(volume), cube.shown(outline), moved, step=cube.step)


@torch.no_grad()
def _drawn(
    model: Redraw, volume: Volume, cube: Cube, given: tuple[Outline, Sequence[Click]], flips: Sequence[tuple[int, ...]]
) -> Drawing:
    maps = torch.from_numpy(maps_of(cube, volume, *given))[None]
    x = torch.cat([maps.flip([axis + 2 for axis in axes]) for axes in flips])
    x = x.contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast("cpu", torch.bfloat16, enabled=supported(x.device)):
        answers = model(x)[:, 0].float()
    logits = torch.stack([each.flip(axes) if axes else each for each, axes in zip(answers, flips, strict=True)])
    return Drawing.of(cube, logits.mean(dim=0).numpy(), volume.voxels.shape)
