"""The edge network: a photograph and the features of a recording to log-odds of a defect, for either sense or both.

Light separable convolutions on the grey square and on its difference from the mean good picture; two layers on the
sound. What the senses say is joined as independent causes are (either suffices); an absent sense says nothing. Its
layers can be pruned and rounded (`core/shrink`). It knows nothing of files, thresholds and training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....core.shrink.pruning import Chain
from ....core.shrink.rounding import Conv, Dense, Kept, Point

SILENT = -30.0  # log-odds that an absent sense gives
STRONGEST = 16  # places of the map whose mean speaks for the picture
FARTHEST = 8.0  # spreads beyond which a pixel is not stranger
WIDTH = 64  # of what each sense is understood as


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Hidden channels by block: what pruning makes smaller. The defaults are of the network before it."""

    blocks: tuple[int, ...] = (96, 96, 160, 192)
    hearing: int = 128


FIRST, SECOND = 16, 48  # channels at strides 4 and 8
OUT = (48, 48, 80, 80)  # channels of the blocks
STRIDES = (1, 1, 2, 1)
FINE = 1  # the last block of stride 8


@final
class Normed(nn.Module):
    """Convolution, norm, perhaps a rectifier, and a point where the answer may be rounded."""

    def __init__(
        self,
        inward: int,
        outward: int,
        kernel: int,
        before: Point,
        *,
        stride: int = 1,
        groups: int = 1,
        bend: bool = True,
    ) -> None:
        super().__init__()
        self.conv = Conv(inward, outward, kernel, stride=stride, groups=groups)
        self.conv.after(before)
        self.norm: nn.Module = nn.BatchNorm2d(outward)
        self.bend = bend
        self.point = Point()

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return self.point(F.relu(x) if self.bend else x)

    @torch.no_grad()
    def fold(self) -> None:
        """The norm becomes part of the convolution."""
        if not isinstance(self.norm, nn.BatchNorm2d):
            return
        norm = self.norm
        assert norm.running_var is not None
        assert norm.running_mean is not None
        assert self.conv.bias is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.conv.weight.mul_(scale.view(-1, 1, 1, 1))
        self.conv.bias.copy_((self.conv.bias - norm.running_mean) * scale + norm.bias)
        self.norm = nn.Identity()


@final
class Block(nn.Module):
    """Widen, look around, narrow (Sandler et al. 2018); the answer is added to what came in where both fit."""

    def __init__(self, inward: int, hidden: int, outward: int, before: Point, *, stride: int) -> None:
        super().__init__()
        self.widen = Normed(inward, hidden, 1, before)
        self.around = Normed(hidden, hidden, 3, self.widen.point, stride=stride, groups=hidden)
        self.narrow = Normed(hidden, outward, 1, self.around.point, bend=False)
        self.adds = stride == 1 and inward == outward
        self.sum: nn.Module = Point() if self.adds else nn.Identity()

    @property
    def point(self) -> Point:
        return self.sum if isinstance(self.sum, Point) else self.narrow.point

    def forward(self, x: Tensor) -> Tensor:
        y = self.narrow(self.around(self.widen(x)))
        return self.sum(x + y) if self.adds else y

    def chains(self) -> Iterator[Chain]:
        passed = (self.widen.norm, self.around.conv, self.around.norm)
        yield Chain(self.widen.conv, self.narrow.conv, passed)


@final
class Eye(nn.Module):
    """Pixels in 0..1 `[batch, 1, side, side]` to log-odds `[batch]`, a map of stride 8, and what was understood."""

    def __init__(self, side: int, widths: Widths) -> None:
        super().__init__()
        half = side // 2
        self.usual, self.spread = Kept(torch.zeros(1, 1, half, half)), Kept(torch.ones(1, 1, half, half))
        self.seen = Point()
        self.first = Normed(16 + 4, FIRST, 3, self.seen)
        self.second = Normed(FIRST, SECOND, 3, self.first.point, stride=2)
        blocks: list[Block] = []
        before, inward = self.second.point, SECOND
        for hidden, outward, stride in zip(widths.blocks, OUT, STRIDES, strict=True):
            blocks.append(Block(inward, hidden, outward, before, stride=stride))
            before, inward = blocks[-1].point, outward
        self.blocks = nn.ModuleList(blocks)
        self.near = Normed(OUT[FINE], 32, 1, blocks[FINE].point, bend=False)
        self.far = Normed(OUT[-1], 32, 1, before, bend=False)
        self.where = Point()
        self.answer = Conv(32, 1, 1)
        self.answer.after(self.where)
        self.whole = Point()
        self.understand = Dense(2 * OUT[-1] + 2, WIDTH)
        self.understand.after(self.whole)
        self.known = Point()
        self.decide = Dense(WIDTH, 1)
        self.decide.after(self.known)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        half = F.avg_pool2d(pixels, 2)
        strange = ((half - self.usual()) / self.spread()).clamp(-FARTHEST, FARTHEST) / FARTHEST
        folded = torch.cat([F.pixel_unshuffle(pixels, 4), F.pixel_unshuffle(strange, 2)], dim=1)
        x = self.second(self.first(self.seen(folded)))
        fine = x
        for number, block in enumerate(self.blocks):
            x = block(x)
            fine = x if number == FINE else fine
        context = F.interpolate(self.far(x), scale_factor=2.0, mode="nearest")
        place = self.answer(self.where(F.relu(self.near(fine) + context)))
        strongest = place.flatten(1).topk(STRONGEST, dim=1).values
        told = torch.cat([x.amax((2, 3)), x.mean((2, 3)), strongest[:, :1], strongest.mean(1, keepdim=True)], dim=1)
        known = self.known(F.relu(self.understand(self.whole(told))))
        return self.decide(known)[:, 0], place, known


@final
class Ear(nn.Module):
    """Features of a recording `[batch, feature]` to log-odds `[batch]` and what was understood."""

    mean: Tensor
    spread: Tensor

    def __init__(self, features: int, widths: Widths) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.heard, self.hidden, self.known = Point(), Point(), Point()
        self.widen = Dense(features, widths.hearing)
        self.understand = Dense(widths.hearing, WIDTH)
        self.decide = Dense(WIDTH, 1)
        for layer, point in ((self.widen, self.heard), (self.understand, self.hidden), (self.decide, self.known)):
            layer.after(point)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        x = self.heard(((features - self.mean) / self.spread).clamp(-FARTHEST, FARTHEST))
        x = self.hidden(F.relu(self.widen(x)))
        known = self.known(F.relu(self.understand(x)))
        return self.decide(known)[:, 0], known

    def chains(self) -> Iterator[Chain]:
        yield Chain(self.widen, self.understand)


@final
class EdgeNet(nn.Module):
    """Both senses and who is there to one score, the scores of each sense, and the picture's map."""

    def __init__(self, *, side: int, features: int, widths: Widths | None = None) -> None:
        super().__init__()
        widths = widths or Widths()
        self.eye, self.ear = Eye(side, widths), Ear(features, widths)

    def forward(self, image: Tensor, sound: Tensor, presence: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`[batch]` log-odds of a defect, `[batch, 2]` those by image and sound, `[batch, 1, row, column]`.

        `presence` `[batch, 2]` is true where a sense was given; what is fed for an absent one changes nothing.
        """
        seen, place, _ = self.eye(image)
        heard, _ = self.ear(sound)
        alone = torch.where(presence, torch.stack([seen, heard], dim=1), SILENT)
        return joined(alone), alone, torch.where(presence[:, :1, None, None], place, SILENT)

    def fold(self) -> None:
        """Norms become part of the convolutions before them."""
        for module in self.modules():
            if isinstance(module, Normed):
                module.fold()


def joined(alone: Tensor) -> Tensor:
    """`[batch]` log-odds that at least one of two independent causes is there, from `[batch, 2]`."""
    return torch.logsumexp(torch.cat([alone, alone.sum(dim=1, keepdim=True)], dim=1), dim=1)
