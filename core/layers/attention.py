"""Attention with one fused projection, batch first, on `scaled_dot_product_attention`. Knows nothing of modalities.

Written out rather than taken from `nn.TransformerEncoder`, whose frozen weights leave the fast path on CPU.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError


class SelfAttention(nn.Module):
    """Tokens read each other; padding is never read."""

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        _check(width, heads)
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "batch token width"],
        mask: Bool[Tensor, "batch token"],
        bias: Float[
            Tensor,
            (
                batch  # head token token
            ),
        ]
        | None = None,
    ) -> Float[Tensor, "batch token width"]:
        q, k, v = rearrange(self.qkv(x), "b t (three h d) -> three b h t d", three=3, h=self.heads)
        read = F.scaled_dot_product_attention(q, k, v, attn_mask=self._allowed(mask, bias, q.dtype))
        return self.out(rearrange(read, "b h t d -> b t (h d)"))

    def _allowed(self, mask: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
        """A row with nothing to read would be NaN: it may read itself, and its output is masked by the caller."""
        tokens = mask.shape[1]
        itself = torch.eye(tokens, dtype=torch.bool, device=mask.device)
        seen = mask[:, None, None, :]
        if self.causal:
            seen = seen & torch.ones_like(itself).tril()
        seen = seen | itself
        if bias is None:
            return seen
        return torch.where(seen, bias.to(dtype), torch.finfo(dtype).min)


class CrossAttention(nn.Module):
    """A reader's tokens read a source's tokens; a source with no real token is read as nothing (zeros)."""

    def __init__(self, width: int, heads: int, *, source_width: int | None = None) -> None:
        super().__init__()
        _check(width, heads)
        self.heads = heads
        self.ask = nn.Linear(width, width)
        self.answer = nn.Linear(source_width or width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        reader: Float[Tensor, "batch token width"],
        source: Float[Tensor, "batch source source_width"],
        mask: Bool[Tensor, "batch source"],
    ) -> Float[Tensor, "batch token width"]:
        q = rearrange(self.ask(reader), "b i (h d) -> b h i d", h=self.heads)
        k, v = rearrange(self.answer(source), "b j (two h d) -> two b h j d", two=2, h=self.heads)
        anything = mask.any(dim=1)
        seen = (mask | ~anything[:, None])[:, None, None, :]
        read = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        read = self.out(rearrange(read, "b h i d -> b i (h d)"))
        return torch.where(anything[:, None, None], read, torch.zeros_like(read))

    def weights(
        self,
        reader: Float[Tensor, "batch token width"],
        source: Float[Tensor, "batch source source_width"],
        mask: Bool[Tensor, "batch source"],
    ) -> Float[Tensor, "batch token source"]:
        """The attention map, averaged over heads: what each reader token read (rows sum to 1 over real tokens)."""
        q = rearrange(self.ask(reader), "b i (h d) -> b h i d", h=self.heads)
        k, _ = rearrange(self.answer(source), "b j (two h d) -> two b h j d", two=2, h=self.heads)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        scores = scores.masked_fill(~mask[:, None, None, :], torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1).mean(dim=1)
        return torch.where(mask[:, None, :], weights, torch.zeros_like(weights))


class Block(nn.Module):
    """A pre-norm transformer block: self-attention, then an MLP, each beside a residual."""

    def __init__(self, width: int, heads: int, *, expand: int = 4, dropout: float = 0.0, causal: bool = False) -> None:
        super().__init__()
        self.norm_attention, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, causal=causal)
        self.mlp = Mlp(width, expand=expand)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "batch token width"],
        mask: Bool[Tensor, "batch token"],
        bias: Float[
            Tensor,
            (
                batch  # head token token
            ),
        ]
        | None = None,
    ) -> Float[Tensor, "batch token width"]:
        x = x + self.dropout(self.attention(self.norm_attention(x), mask, bias))
        return x + self.dropout(self.mlp(self.norm_mlp(x)))


class Mlp(nn.Module):
    """Two linear layers with a GELU between."""

    def __init__(self, width: int, *, expand: int = 4, out: int | None = None) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, expand * width), nn.Linear(expand * width, out or width)

    def forward(self, x: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows out"]:
        return self.down(F.gelu(self.up(x)))


def masked_mean(
    values: Float[Tensor, "batch token width"], mask: Bool[Tensor, "batch token"]
) -> Float[Tensor, "batch width"]:
    """The mean over real tokens; zeros for a row that has none."""
    real = mask[:, :, None].to(values.dtype)
    return (values * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)


def _check(width: int, heads: int) -> None:
    if width % heads:
        raise ConfigError(f"width ({width}) must be a multiple of heads ({heads})")
