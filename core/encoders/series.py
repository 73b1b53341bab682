"""A series of measurements to one token a patch of time, and one for its level. Knows nothing of what is measured.

Each channel is read relative to its own mean and spread, so that a shape is known at any scale; what that takes away
is given back as the level token (Kim et al. 2022, RevIN, normalise away the level; a forecast of risk needs it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError, FormatError
from ..layers.temporal import TemporalBlock
from ..types import Noun, Packed, Series, Tokens
from .base import Encoder


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesConfig:
    """`patch` and `window` count samples and patches; `step` is the usual time from sample to sample.

    `scale`: "instance" reads each channel relative to its own mean and spread in the row; "given" reads it as it is.
    With `causal` a patch reads only earlier ones, and a decaying state of `rates` reaches beyond the window.
    """

    kind: Literal["series"] = "series"
    width: int
    channels: int
    patch: int = 8
    step: float = 1.0
    scale: Literal["instance", "given"] = "instance"
    depth: int = 2
    heads: int = 4
    window: int = 128
    causal: bool = False
    rates: int = 4

    def __post_init__(self) -> None:
        if self.patch < 1 or self.channels < 1 or self.step <= 0:
            raise ConfigError(
                f"patch ({self.patch}), channels ({self.channels}) and step ({self.step}) must be positive"
            )


class SeriesInput(NamedTuple):
    """Patches that end at the newest sample; the oldest may be part empty. Times are in steps before the newest.

    `ends` (float64) are the times of each patch's last sample, `offsets` those of its samples from there.
    """

    values: Float[Tensor, "batch patch sample channel"]
    real: Bool[Tensor, "batch patch sample"]
    offsets: Float[Tensor, "batch patch sample"]
    ends: Float[Tensor, "batch patch"]


class SeriesEncoder(Encoder):
    """The level token, then one token a patch, oldest first."""

    def __init__(self, config: SeriesConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.width
        self.patches = nn.Linear(config.patch * (config.channels + 2), config.width)
        self.level = nn.Linear(2 * config.channels, config.width)
        self.blocks = nn.ModuleList(
            TemporalBlock(
                config.width,
                config.heads,
                window=config.window,
                rates=config.rates if config.causal else 0,
                shortest=float(config.patch),
                longest=float(config.patch * config.window),
                causal=config.causal,
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Rows padded on the right to the most patches.

        Raises:
            FormatError: not a series, or one with another number of channels.
        """
        rows = [self._patches(noun) if noun is not None else None for noun in nouns]
        patches = max([len(row.ends) for row in rows if row is not None], default=1)
        shape = (len(rows), patches, self.config.patch)
        packed = SeriesInput(
            torch.zeros(*shape, self.config.channels),
            torch.zeros(shape, dtype=torch.bool),
            torch.zeros(shape),
            torch.zeros(shape[:2], dtype=torch.float64),
        )
        mask = torch.zeros(shape[:2], dtype=torch.bool)
        for index, row in enumerate(rows):
            if row is not None:
                count = len(row.ends)
                for into, part in zip(packed, row, strict=True):
                    into[index, :count] = part
                mask[index, :count] = True
        return Packed(packed, mask)

    def forward(self, x: SeriesInput, mask: Bool[Tensor, "batch patch"]) -> Tokens:
        dtype = self.patches.weight.dtype
        real = x.real & mask[..., None]
        values = torch.where(real[..., None], x.values.to(dtype), 0.0)
        offsets = torch.where(real, x.offsets.to(dtype), 0.0)
        ends = torch.where(mask, x.ends, 0.0)
        mean, spread = _level(values, real)
        if self.config.scale == "instance":
            values = (values - mean[:, None, None]) / spread[:, None, None] * real[..., None].to(dtype)
        near = -torch.log1p(offsets.abs())
        patches = torch.cat([values.flatten(2), real.flatten(2).to(dtype), near.flatten(2)], dim=2)
        tokens = self.patches(patches) * mask[..., None].to(dtype)
        for block in self.blocks:
            tokens = block(tokens, ends, mask)
        level = self.level(torch.cat([mean.asinh(), spread.log()], dim=1))[:, None]
        mask = torch.cat([mask.any(dim=1, keepdim=True), mask], dim=1)
        return Tokens(self.norm(torch.cat([level, tokens], dim=1)) * mask[..., None].to(dtype), mask)

    def _patches(self, series: Noun) -> SeriesInput:
        if not isinstance(series, Series):
            raise FormatError(f"the series encoder reads Series, got {type(series).__name__}")
        samples, channels = series.values.shape
        if channels != self.config.channels:
            raise FormatError(f"the series encoder reads {self.config.channels} channels, got {channels}")
        size, empty = self.config.patch, -samples % self.config.patch
        times = np.pad((series.times - series.times[-1]) / self.config.step, (empty, 0)).reshape(-1, size)
        values = np.pad(series.values, ((empty, 0), (0, 0))).reshape(-1, size, channels)
        real = (np.arange(empty + samples) >= empty).reshape(-1, size)
        offsets = np.where(real, times - times[:, -1:], 0.0).astype(np.float32)
        return SeriesInput(
            *(torch.from_numpy(np.ascontiguousarray(part)) for part in (values, real, offsets, times[:, -1]))
        )


def _level(
    values: Float[Tensor, "batch patch sample channel"], real: Bool[Tensor, "batch patch sample"]
) -> tuple[Float[Tensor, "batch channel"], Float[Tensor, "batch channel"]]:
    """Mean and spread of each row's real samples; a channel that stands still spreads a millionth of its mean."""
    weight = real[..., None].to(values.dtype)
    count = weight.sum(dim=(1, 2)).clamp(min=1)
    mean = (values * weight).sum(dim=(1, 2)) / count
    variance = ((values - mean[:, None, None]) * weight).square().sum(dim=(1, 2)) / count
    return mean, (variance + (1e-6 * mean.abs().clamp(min=1e-6)).square() + 1e-24).sqrt()
