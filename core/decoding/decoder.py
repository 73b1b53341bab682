"""One transformer decoder whose weights all tasks share: queries read each other, then the fused tokens.

It knows neither what a query asks nor what becomes of its answer. `causal` lets each query see earlier ones only,
which turns the same weights into a writer of sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..layers.attention import CrossAttention, Mlp, SelfAttention
from ..types import Tokens


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Depth and attention heads; the width is that of the fused tokens."""

    layers: int = 1
    heads: int = 4
    dropout: float = 0.0


class Decoder(nn.Module):
    """A stack of layers and a last norm."""

    def __init__(self, width: int, config: DecoderConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(width, config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)

    def forward(
        self, queries: Float[Tensor, "batch query width"], fused: Tokens, *, causal: bool = False
    ) -> Float[Tensor, "batch query width"]:
        bias = _earlier(queries) if causal else None
        for layer in self.layers:
            queries = layer(queries, fused.values, fused.mask, bias)
        return self.norm(queries)


class DecoderLayer(nn.Module):
    """Self-attention over queries, cross-attention to fused tokens, MLP; each normed first, beside a residual."""

    def __init__(self, width: int, config: DecoderConfig) -> None:
        super().__init__()
        self.norm_self, self.norm_cross, self.norm_mlp = (nn.LayerNorm(width) for _ in range(3))
        self.attend = SelfAttention(width, config.heads)
        self.read = CrossAttention(width, config.heads)
        self.mlp = Mlp(width, expand=2)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        queries: Float[Tensor, "batch query width"],
        values: Float[Tensor, "batch token width"],
        mask: Bool[Tensor, "batch token"],
        bias: Float[Tensor, "batch 1 query query"] | None,
    ) -> Float[Tensor, "batch query width"]:
        everyone = torch.ones(queries.shape[:2], dtype=torch.bool, device=queries.device)
        queries = queries + self.dropout(self.attend(self.norm_self(queries), everyone, bias))
        queries = queries + self.dropout(self.read(self.norm_cross(queries), values, mask))
        return queries + self.dropout(self.mlp(self.norm_mlp(queries)))


def _earlier(queries: Float[Tensor, "batch query width"]) -> Float[Tensor, "batch 1 query query"]:
    """0 where a query may look, the lowest number where it may not."""
    count = queries.shape[1]
    lowest = torch.full((count, count), torch.finfo(queries.dtype).min, device=queries.device, dtype=queries.dtype)
    return lowest.triu(diagonal=1).expand(queries.shape[0], 1, count, count)
