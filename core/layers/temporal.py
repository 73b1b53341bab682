"""A transformer block for tokens that have times: windowed attention, a decaying state beside it, an MLP.

It runs over a whole sequence, or a token at a time with a memory of what later tokens may need; both give the same
tokens. Memory of a causal block is bounded: the keys and values of the window, and one state for all that came before.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError
from .attention import Mlp
from .decay import DecayingState
from .window import WindowedAttention


class Memory(NamedTuple):
    """What a block keeps of the past. Plain tensors, so that it can be stored and read back."""

    keys: Float[Tensor, "batch head past depth"]
    values: Float[Tensor, "batch head past depth"]
    times: Float[Tensor, "batch past"]
    held: Float[Tensor, "batch rate 1 depth"]


class TemporalBlock(nn.Module):
    """Pre-norm; attention and state read the same normed tokens and are added together. `rates` of 0: no state."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        window: int,
        rates: int,
        shortest: float,
        longest: float,
        causal: bool = True,
    ) -> None:
        super().__init__()
        if rates and not causal:
            raise ConfigError("a decaying state looks back only: give rates=0 where attention is not causal")
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = WindowedAttention(
            width, heads, window=window, shortest=shortest, longest=longest, causal=causal
        )
        self.state = DecayingState(width, rates, shortest=shortest, longest=longest) if rates else None
        self.mlp = Mlp(width)

    def forward(
        self,
        x: Float[Tensor, "batch token width"],
        times: Float[Tensor, "batch token"],
        mask: Bool[Tensor, "batch token"],
    ) -> Float[Tensor, "batch token width"]:
        normed = self.norm_attention(x)
        x = x + self.attention(normed, times, mask)
        if self.state is not None:
            x = x + self.state(normed, times, mask)
        return x + self.mlp(self.norm_mlp(x))

    def start(self, batch: int = 1) -> Memory:
        """The memory before the first token."""
        like = self.norm_mlp.weight
        heads, width = self.attention.heads, len(like)
        rates = self.state.rates if self.state is not None else 1
        past = like.new_zeros(batch, heads, 0, width // heads)
        times = like.new_zeros(batch, 0, dtype=torch.float64)
        return Memory(past, past, times, like.new_zeros(batch, rates, 1, width // rates + 1))

    def step(
        self,
        x: Float[Tensor, "batch 1 width"],
        time: Float[Tensor, "batch 1"],
        gap: Float[Tensor, "batch 1"],
        memory: Memory,
    ) -> tuple[Float[Tensor, "batch 1 width"], Memory]:
        """The newest token and the memory after it; `gap` is the time since the token before (0 for the first).

        Raises:
            ConfigError: the block is not causal, so that a new token would change old ones.
        """
        if not self.attention.causal:
            raise ConfigError("only a causal block runs a token at a time: build it with causal=True")
        normed = self.norm_attention(x)
        read, keys, values, times = self.attention.step(normed, time, memory.keys, memory.values, memory.times)
        x, held = x + read, memory.held
        if self.state is not None:
            found, held = self.state.step(normed, gap, held)
            x = x + found
        return x + self.mlp(self.norm_mlp(x)), Memory(keys, values, times, held)
