"""One expert a modality: it answers every task from that modality's tokens alone. It knows nothing of the others.

Experts share no weights with the fused path beyond the encoder, so that each is as good as a network of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..layers.attention import CrossAttention, Mlp, masked_mean
from ..types import Tokens


class Expert(nn.Module):
    """Queries read one modality's tokens, beside their mean, and become raw numbers for each head."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        queries: Mapping[str, int],
        sizes: Mapping[str, int],
        gentle: Collection[str] = (),
    ) -> None:
        """`gentle` names the heads whose raw numbers start at zero."""
        super().__init__()
        self.counts = dict(queries)
        self.queries = nn.Parameter(torch.randn(sum(queries.values()), width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.read = CrossAttention(width, heads)
        answers = {name: Mlp(2 * width, expand=1, out=size) for name, size in sizes.items()}
        for name in gentle:
            nn.init.zeros_(answers[name].down.weight)
            nn.init.zeros_(answers[name].down.bias)
        self.answers = nn.ModuleDict(answers)

    def forward(self, tokens: Tokens) -> dict[str, Float[Tensor, "batch query size"]]:
        """Raw numbers by head, `[batch, query, size]`."""
        values = self.norm(tokens.values)
        asked = self.queries.expand(values.shape[0], -1, -1)
        read = self.read(asked, values, tokens.mask)
        mean = masked_mean(values, tokens.mask)[:, None].expand_as(read)
        seen = torch.cat([read, mean], dim=2).split(list(self.counts.values()), dim=1)
        return {name: self.answers[name](part) for name, part in zip(self.counts, seen, strict=True)}
