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
from scipy import ndimage
from torch import Tensor, nn

from ....core.training.precision import supported
from ....core.types import Array, Volume
from .clicks import Click, spread
from .outline import SIZE, STEP, Cube, Outline, sampled

WINDOWS = ((-1000.0, 400.0), (-160.0, 240.0))  # lung, soft tissue
CHANNELS = len(WINDOWS) + 4  # the outline, positive clicks, negative clicks, the last click with its sign

AGREED = 0.8  # Dice of the network's drawing and the outline from which the outline counts as good
DEPTHS, LEAST = 2.0, 1.5


@dataclass(frozen=True, kw_only=True)
class RedrawConfig:
    """Channels of each scale, each half as fine as the one before; groups of GroupNorm."""

    channels: tuple[int, ...] = (16, 24, 48, 64)
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


@torch.no_grad()
def redrawn(model: Redraw, volume: Volume, outline: Outline, clicks: Sequence[Click]) -> Outline:
    """The network's answer to clicks (in voxels of a canonical volume, the newest last), as voxels of the volume."""
    ends = np.array([each.at for each in clicks[-1:]])
    where = (
        np.concatenate([ends, outline.low[None], outline.low[None] + outline.mask.shape - 1.0])
        if outline.mask.any()
        else ends
    )
    cube = Cube.around(where.min(axis=0), where.max(axis=0), volume.spacing)
    moved = [each.moved(cube.corner, cube.ratio) for each in clicks]
    maps = seen(cube.values(volume), cube.shown(outline), moved, step=cube.step)
    x = torch.from_numpy(maps[None]).contiguous(memory_format=torch.channels_last_3d)
    with torch.autocast("cpu", torch.bfloat16, enabled=supported(x.device)):
        logits = model(x)[0, 0].float().numpy()
    low = np.maximum(np.ceil(cube.corner), 0).astype(int)
    high = np.minimum(np.floor(cube.corner + cube.ratio * (SIZE - 1)).astype(int) + 1, volume.voxels.shape)
    lines = [(np.arange(low[axis], high[axis]) - cube.corner[axis]) / cube.ratio[axis] for axis in range(3)]
    return Outline(low=low, mask=sampled(logits, lines, beyond=-9.0) > 0)


def mended(before: Outline, drawn: Outline, clicks: Sequence[Click], spacing: Sequence[float]) -> Outline:
    """The outline after the newest click, from the one before and what the network drew.

    A positive click only adds and a negative one only takes away; every click holds at its own voxel; what hangs
    together with no positive click and was no part of it before falls away. Where the network would draw nearly the
    same as before, the outline is good, and only what lies as near as the click is deep in the error is changed.
    """
    places = np.round([each.at for each in clicks]).astype(int)
    low = np.minimum(drawn.low, places.min(axis=0))
    high = np.maximum(drawn.low + drawn.mask.shape, places.max(axis=0) + 1)
    if before.mask.any():
        low, high = np.minimum(low, before.low), np.maximum(high, before.low + before.mask.shape)
    places, old, new = places - low, before.on(low, high), drawn.on(low, high)
    mask = new if not old.any() else (old | new) if clicks[-1].positive else (old & new)
    if old.any() and 2 * (old & new).sum() >= AGREED * (old.sum() + new.sum()):
        mask = np.where(_near(old, clicks[-1].positive, places[-1], spacing), mask, old)
    for click, place in zip(clicks, places, strict=True):
        mask[tuple(place)] = click.positive
    kept = [tuple(place) for click, place in zip(clicks, places, strict=True) if click.positive]
    return Outline.of(np.argwhere(_pieces(mask, old, kept)) + low)


def _near(old: Array, positive: bool, place: Array, spacing: Sequence[float]) -> Array:
    """Where a click speaks of: within `DEPTHS` times its distance from the outline's surface, or `LEAST` voxels."""
    depth = ndimage.distance_transform_edt(~old if positive else old, sampling=spacing)[tuple(place)]
    lines = [((np.arange(n) - at) * step) ** 2 for n, at, step in zip(old.shape, place, spacing, strict=True)]
    away = lines[0][:, None, None] + lines[1][:, None] + lines[2]
    return np.asarray(away <= max(DEPTHS * float(depth), LEAST * max(spacing)) ** 2)


def _pieces(mask: Array, old: Array, kept: Sequence[tuple[int, ...]]) -> Array:
    """The pieces of a mask with a positive click, and the largest that was there before; else the largest."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    wanted = {int(labels[place]) for place in kept if labels[place]}
    if (old & mask).any():
        wanted.add(1 + int(np.argmax(np.bincount(labels[old & mask], minlength=count + 1)[1:])))
    return np.isin(labels, sorted(wanted or {1 + int(np.argmax(np.bincount(labels.ravel())[1:]))}))
