"""Sound to tokens along two paths that meet at each time step: the waveform, and its log-mel spectrogram.

The waveform path keeps phase and what is too short for a spectrogram's window; the mel path sees pitch and timbre
at once. It resamples and levels, and knows nothing of what made the sound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError, FormatError
from ..layers.attention import Block
from ..layers.mel import LogMel
from ..layers.patches import every
from ..layers.positions import sinusoid
from ..torchlibs import import_torchaudio
from ..types import Noun, Packed, Tokens, Waveform
from .base import Encoder


@dataclass(frozen=True, kw_only=True)
class AudioConfig:
    """One token stands for the product of `strides` samples (320 at 16 kHz: 20 ms), a multiple of `hop`.

    `seconds` cuts longer sounds at their end (0: none is cut). `level` "rms" brings every clip to one loudness,
    "as_is" keeps loudness as information. `paths` may leave one path out, to measure what it is worth.
    """

    kind: Literal["audio"] = "audio"
    width: int = 128
    rate: int = 16_000
    seconds: float = 10.0
    level: Literal["as_is", "rms"] = "as_is"
    paths: tuple[str, ...] = ("waveform", "mel")
    strides: tuple[int, ...] = (5, 4, 4, 4)
    channels: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    window: int = 400
    hop: int = 160
    mels: int = 64
    mel_channels: int = 16
    layers: int = 2
    heads: int = 4

    def __post_init__(self) -> None:
        if not self.paths or not set(self.paths) <= {"waveform", "mel"}:
            raise ConfigError(f"the paths of sound are 'waveform' and 'mel', at least one: got {self.paths}")
        if self.samples % self.hop:
            raise ConfigError(f"a token of {self.samples} samples must be a multiple of the hop of {self.hop}")

    @property
    def samples(self) -> int:
        """Samples a token stands for."""
        return math.prod(self.strides)


class AudioEncoder(Encoder):
    """Tokens in time order, each joining what both paths say of the same stretch."""

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.width
        self.waveform = WaveformPath(config) if "waveform" in config.paths else None
        self.mel = MelPath(config) if "mel" in config.paths else None
        self.join = nn.Linear(len(config.paths) * config.width, config.width)
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Samples at the configured rate `[batch, samples]`, padded to whole tokens; the mask is True on samples.

        Raises:
            FormatError: a noun is no Waveform.
        """
        rows = [None if noun is None else self._samples(noun) for noun in nouns]
        longest = max([1, *(len(row) for row in rows if row is not None)])
        length = -(-longest // self.config.samples) * self.config.samples
        x, mask = torch.zeros(len(nouns), length), torch.zeros(len(nouns), length, dtype=torch.bool)
        for place, row in enumerate(rows):
            if row is not None:
                x[place, : len(row)], mask[place, : len(row)] = row, True
        return Packed(x, mask)

    def forward(self, x: Float[Tensor, "batch samples"], mask: Bool[Tensor, "batch samples"]) -> Tokens:
        x = torch.where(mask, x, torch.zeros_like(x))
        real = every(mask, self.config.samples)
        parts = [path(x, mask) for path in (self.waveform, self.mel) if path is not None]
        values = self.join(torch.cat(parts, dim=-1))
        steps = torch.arange(values.shape[1], device=values.device, dtype=torch.float32)
        values = values + sinusoid(steps, self.width).to(values.dtype)
        for block in self.blocks:
            values = block(values, real)
        return Tokens(self.norm(values) * real[:, :, None].to(values.dtype), real)

    def _samples(self, noun: Noun) -> Tensor:
        if not isinstance(noun, Waveform):
            raise FormatError(f"the audio encoder reads Waveform, got {type(noun).__name__}")
        samples = torch.tensor(noun.samples)
        if noun.rate != self.config.rate:
            functional = import_torchaudio().functional
            samples = functional.resample(samples, noun.rate, self.config.rate)
        if self.config.seconds:
            samples = samples[: max(1, round(self.config.seconds * self.config.rate))]
        if self.config.level == "rms":
            samples = 0.1 * samples / samples.square().mean().sqrt().clamp(min=1e-5)
        return samples


class WaveformPath(nn.Module):
    """Strided convolutions down to the tokens' pace, then dilated ones that look far to both sides.

    Source: dilated convolution as in van den Oord et al., "WaveNet", 2016, without its causality.
    """

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.strides = config.strides
        widths = [1] + [config.channels] * len(config.strides)
        self.down = nn.ModuleList(
            nn.Conv1d(narrow, wide, 2 * stride + 1, stride)
            for narrow, wide, stride in zip(widths, widths[1:], config.strides, strict=False)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(config.channels) for _ in config.strides)
        self.dilated = nn.ModuleList(Dilated(config.channels, dilation) for dilation in config.dilations)
        self.out = nn.Linear(config.channels, config.width)

    def forward(
        self, x: Float[Tensor, "batch samples"], mask: Bool[Tensor, "batch samples"]
    ) -> Float[Tensor, "batch token width"]:
        """Behind the mask every layer reads zeros, as it does beyond the end: so padding changes nothing."""
        y = x[:, None]
        for stride, down, norm in zip(self.strides, self.down, self.norms, strict=True):
            mask = every(mask, stride)
            y = _by_channel(norm, down(F.pad(y, (stride // 2, 2 * stride - stride // 2))))
            y = F.gelu(y) * mask[:, None].to(y.dtype)
        for dilated in self.dilated:
            y = dilated(y) * mask[:, None].to(y.dtype)
        return self.out(y.transpose(1, 2))


class Dilated(nn.Module):
    """A residual block whose kernel of three reaches `dilation` steps to each side."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.look = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.norm = nn.LayerNorm(channels)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Float[Tensor, "batch channel token"]) -> Float[Tensor, "batch channel token"]:
        return x + self.mix(F.gelu(_by_channel(self.norm, self.look(x))))


class MelPath(nn.Module):
    """Convolutions over the log-mel spectrogram that halve its bands, then the frames of a token side by side."""

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.frames, self.hop = config.samples // config.hop, config.hop
        self.spectrum = LogMel(rate=config.rate, window=config.window, hop=config.hop, mels=config.mels)
        widths = (1, config.mel_channels, 2 * config.mel_channels, 2 * config.mel_channels)
        self.convs = nn.ModuleList(
            nn.Conv2d(narrow, wide, 3, stride=(2, 1), padding=1) for narrow, wide in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(wide) for wide in widths[1:])
        bands = config.mels
        for _ in self.convs:
            bands = -(-bands // 2)
        self.out = nn.Linear(widths[-1] * bands * self.frames, config.width)

    def forward(
        self, x: Float[Tensor, "batch samples"], mask: Bool[Tensor, "batch samples"]
    ) -> Float[Tensor, "batch token width"]:
        real = every(mask, self.hop)
        y = self.spectrum(x)[:, None] * real[:, None, None].to(x.dtype)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = F.gelu(_by_channel(norm, conv(y))) * real[:, None, None].to(y.dtype)
        batch, channels, bands, frames = y.shape
        y = y.permute(0, 3, 1, 2).reshape(batch, frames // self.frames, self.frames * channels * bands)
        return self.out(y)


def _by_channel(norm: nn.Module, x: Tensor) -> Tensor:
    """Each position normalised over its channels alone, so that no position (and no padding) sways another."""
    return norm(x.movedim(1, -1)).movedim(-1, 1)
