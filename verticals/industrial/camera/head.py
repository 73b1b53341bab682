"""The detector: EfficientNet-Lite0's maps of strides 2 to 16 to one map of stride 4, how likely each place is a defect.

The backbone keeps its ImageNet weights; the head is small (depthwise, after EfficientNet itself) and is taught on
planted defects. It knows nothing of photographs, of teaching or of scores.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .memory import backbone

CHANNELS = (16, 24, 40, 112)  # of the backbone's maps at strides 2, 4, 8, 16
STRIDE = 4  # of the answer
SIDES = 16  # heights and widths are multiples of it
LAST_STAGE = 5  # of the backbone's seven: the later ones only feed stride 32


@final
class Block(nn.Module):
    """Depthwise 3 by 3, then pointwise."""

    def __init__(self, inward: int, outward: int) -> None:
        super().__init__()
        self.around = nn.Conv2d(inward, inward, 3, padding=1, groups=inward, bias=False)
        self.first = nn.BatchNorm2d(inward)
        self.across = nn.Conv2d(inward, outward, 1, bias=False)
        self.second = nn.BatchNorm2d(outward)

    def forward(self, x: Float[Tensor, "batch inward height width"]) -> Float[Tensor, "batch outward height width"]:
        return F.relu(self.second(self.across(self.first(self.around(x)))))


@final
class Head(nn.Module):
    """From the coarse maps to the fine ones, each added where it has its place."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(channel) for channel in CHANNELS)
        inward = (4 * CHANNELS[0], *CHANNELS[1:])  # stride 2 is folded into stride 4
        self.sides = nn.ModuleList(nn.Conv2d(channel, width, 1) for channel in inward)
        self.coarse = Block(width, width)
        self.middle = Block(width, width)
        self.fine = nn.Sequential(Block(width, width), Block(width, width))
        self.answer = nn.Conv2d(width, 1, 1)
        assert self.answer.bias is not None
        nn.init.constant_(self.answer.bias, -3.0)  # most places are good

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "batch 1 height width"]:
        """Logits at stride 4, from the maps of strides 2, 4, 8 and 16."""
        two, four, eight, sixteen = (norm(each) for norm, each in zip(self.norms, maps, strict=True))
        x = self.coarse(self.sides[3](sixteen))
        x = self.middle(self.sides[2](eight) + _to(x, eight))
        x = _to(x, four) + self.sides[1](four) + self.sides[0](F.pixel_unshuffle(two, 2))
        return self.answer(self.fine(x))


@final
class Detector(nn.Module):
    """Pixels in 0..1 `[batch, channel, height, width]`, one channel or three, to logits at stride 4."""

    def __init__(self, head: Head, origin: str = "imagenet") -> None:
        super().__init__()
        self.trunk = trunk(origin)
        self.head = head

    def forward(self, pixels: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch 1 quarter side"]:
        return self.head(maps_of(self.trunk, pixels))


def maps_of(backbone: nn.Module, pixels: Float[Tensor, "batch channel height width"]) -> list[Tensor]:
    """The backbone's maps at strides 2, 4, 8 and 16."""
    return list(backbone(((pixels - 0.5) / 0.5).expand(-1, 3, -1, -1))[: len(CHANNELS)])


@cache
def trunk(origin: str = "imagenet") -> nn.Module:
    """The backbone without the stages that the head does not read; its weights are fixed."""
    whole = copy.deepcopy(backbone(origin))
    stages = whole.get_submodule("blocks")
    assert isinstance(stages, nn.Sequential)
    whole.set_submodule("blocks", nn.Sequential(*list(stages)[:LAST_STAGE]))
    for parameter in whole.parameters():
        parameter.requires_grad_(False)
    return whole.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _to(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
