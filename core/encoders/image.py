"""Images to tokens through a timm backbone: a shifted-window transformer (Swin) or a convolutional network.

It resizes and normalises, and knows nothing of what is in the picture. It never downloads: weights come from a
checkpoint, or from a package of the registry (lite0.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError, FormatError
from ..torchlibs import import_timm
from ..types import Image, Noun, Packed, Tokens
from .base import Encoder


@dataclass(frozen=True, kw_only=True)
class ImageShape:
    """A backbone of one's own size in place of the named one's: widths and depths by stage.

    Swin reads heads, window and the first of `dims` (each stage doubles it); ConvNeXt reads `dims`.
    """

    patch: int
    dims: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...] = ()
    window: int = 7


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """Pixels a side, channels, their mean and std, and the timm model whose last feature map gives the tokens.

    `fit` says how a picture that is not square becomes square: stretched (all is seen), or cropped at its centre.
    """

    kind: Literal["image"] = "image"
    width: int = 128
    backbone: Literal["swin", "cnn"] = "swin"
    name: str = "swin_tiny_patch4_window7_224"
    shape: ImageShape | None = None
    size: int = 224
    channels: int = 3
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    fit: Literal["stretch", "crop"] = "stretch"

    def __post_init__(self) -> None:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ConfigError(
                f"{self.channels} channels need as many of mean and std, got {len(self.mean)} and {len(self.std)}"
            )
        if self.backbone == "swin" and "swin" not in self.name:
            raise ConfigError(f"{self.name!r} is not a Swin transformer: name one, or set backbone='cnn'")


class ImageEncoder(Encoder):
    """A token for each cell of the backbone's last feature map, row by row."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.width
        self.backbone = _backbone(config)
        info: Any = self.backbone.feature_info
        self.map_channels: tuple[int, ...] = tuple(info.channels())
        self.strides: tuple[int, ...] = tuple(info.reduction())
        self.norm = nn.LayerNorm(self.map_channels[-1])
        self.project = nn.Linear(self.map_channels[-1], config.width)
        self.register_buffer("mean", torch.tensor(config.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(-1, 1, 1), persistent=False)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Pictures in 0..1, resized with anti-aliasing; the mask has one position a row: present or not.

        Raises:
            FormatError: a noun is no Image, or its channels cannot become the configured number.
        """
        x = torch.zeros(len(nouns), self.config.channels, self.config.size, self.config.size)
        mask = torch.zeros(len(nouns), 1, dtype=torch.bool)
        for row, noun in enumerate(nouns):
            if noun is not None:
                x[row], mask[row] = self._pixels(noun), True
        return Packed(x, mask)

    def forward(self, x: Float[Tensor, "batch channel height width"], mask: Bool[Tensor, "batch 1"]) -> Tokens:
        x = torch.where(mask[:, :, None, None], x, torch.zeros_like(x))
        cells = rearrange(self.maps(x)[-1], "b c h w -> b (h w) c")
        values = self.project(self.norm(cells))
        return Tokens(values * mask[:, :, None].to(values.dtype), mask.expand(-1, values.shape[1]))

    def maps(self, x: Float[Tensor, "batch channel height width"]) -> list[Float[Tensor, "batch _ _ _"]]:
        """The feature maps of every stage, `[batch, channel, height, width]`, finest first (see `strides`)."""
        maps = self.backbone((x - self.mean) / self.std)
        if self.config.backbone == "swin":
            return [rearrange(each, "b h w c -> b c h w") for each in maps]
        return list(maps)

    def _pixels(self, noun: Noun) -> Tensor:
        if not isinstance(noun, Image):
            raise FormatError(f"the image encoder reads Image, got {type(noun).__name__}")
        picture = torch.tensor(_channels(noun.pixels, self.config.channels)).permute(2, 0, 1)[None]
        size, (height, width) = self.config.size, picture.shape[2:]
        if self.config.fit == "crop":
            side = min(height, width)
            top, left = (height - side) // 2, (width - side) // 2
            picture = picture[:, :, top : top + side, left : left + side]
        if picture.shape[2:] != (size, size):
            picture = F.interpolate(picture, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
        return picture[0]


def _backbone(config: ImageConfig) -> nn.Module:
    """timm builds it; random weights, features of every stage."""
    timm = import_timm()
    if config.name not in timm.list_models():
        raise ConfigError(f"timm has no model {config.name!r}")
    arguments: dict[str, Any] = {}
    if config.backbone == "swin":
        arguments["img_size"] = config.size
    if config.shape is not None:
        arguments |= _arguments(config, config.shape)
    return timm.create_model(config.name, pretrained=False, features_only=True, in_chans=config.channels, **arguments)


def _arguments(config: ImageConfig, shape: ImageShape) -> dict[str, Any]:
    stages = len(shape.depths)
    own: dict[str, Any] = {"patch_size": shape.patch, "depths": shape.depths, "out_indices": tuple(range(stages))}
    if config.backbone == "swin":
        if len(shape.heads) != stages:
            raise ConfigError(f"a Swin of {stages} stages needs as many heads, got {len(shape.heads)}")
        return own | {"embed_dim": shape.dims[0], "num_heads": shape.heads, "window_size": shape.window}
    if not config.name.startswith("convnext") or stages != 4 or len(shape.dims) != 4:
        raise ConfigError(f"of the CNNs a ConvNeXt takes a shape, of four stages: got {config.name!r} with {stages}")
    return own | {"dims": shape.dims}


def _channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Grey is repeated, transparency dropped, colour averaged to grey; anything else is refused."""
    have = pixels.shape[2]
    if have == channels:
        return pixels
    if have in (2, 4) and channels in (1, 3):
        return _channels(pixels[:, :, : have - 1], channels)
    if have == 1:
        return np.repeat(pixels, channels, axis=2)
    if channels == 1:
        return pixels.mean(axis=2, keepdims=True)
    raise FormatError(f"an image of {have} channels cannot become one of {channels}: convert it first")
