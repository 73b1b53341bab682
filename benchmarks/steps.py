"""A small encoder for rows of numbers in time, enough for the proofs of fusion: what is proven is not the encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colonnade.core.encoders.base import Encoder
from colonnade.core.errors import FormatError
from colonnade.core.types import Noun, Packed, Series, Tokens

LONGEST = 256  # tokens


class Steps(Encoder):
    """Numbers `[batch, step, channel]` to a token for each window of steps, `stride` apart, by two linear layers."""

    def __init__(self, channels: int, width: int, *, window: int = 1, stride: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.width, self.channels, self.window, self.stride = width, channels, window, stride
        self.first, self.second = nn.Linear(window * channels, width), nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.where = nn.Parameter(torch.zeros(LONGEST, width))
        self.dropout = nn.Dropout(dropout)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Series of any length, padded to one window at least.

        Raises:
            FormatError: a noun is no Series.
        """
        length = max([self.window, *(len(noun.values) for noun in nouns if isinstance(noun, Series))])
        x, mask = torch.zeros(len(nouns), length, self.channels), torch.zeros(len(nouns), length, dtype=torch.bool)
        for row, noun in enumerate(nouns):
            if noun is not None and not isinstance(noun, Series):
                raise FormatError(f"this encoder reads Series, got {type(noun).__name__}")
            if noun is not None:
                x[row, : len(noun.values)], mask[row, : len(noun.values)] = torch.tensor(noun.values), True
        return Packed(x, mask)

    def forward(self, x: Tensor, mask: Tensor) -> Tokens:
        windows = (x * mask[:, :, None]).unfold(1, self.window, self.stride).flatten(2)
        mask = mask[:, : mask.shape[1] - self.window + 1 : self.stride]
        hidden = self.second(self.dropout(F.gelu(self.norm(self.first(windows)))))
        hidden = F.gelu(hidden + self.where[: hidden.shape[1]])
        return Tokens(self.dropout(hidden) * mask[:, :, None], mask)
