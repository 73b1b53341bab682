"""Low-rank fusion: the product of every modality's summary without the tensor of all its pairs (Liu et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..layers.attention import masked_mean
from ..types import Tokens


class LowRank(nn.Module):
    """Factors of each modality's mean token are multiplied and become one token; an absent one counts as 1."""

    def __init__(self, modalities: int, width: int, *, rank: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(modalities))
        factors = [nn.Linear(width, rank) for _ in range(modalities)]
        self.out = nn.Linear(rank, width)
        # Even factors start as a product of all; odd ones, around 1, also hold the products of every smaller subset.
        for factor in factors:
            factor.bias.data = (torch.arange(rank) % 2).to(factor.bias.dtype)
        self.factors = nn.ModuleList(factors)

    def forward(
        self, tokens: Sequence[Tokens], presence: Bool[Tensor, "batch modality"]
    ) -> Float[Tensor, "batch one width"]:
        product: Tensor | None = None
        for index, each in enumerate(tokens):
            factor = self.factors[index](self.norms[index](masked_mean(each.values, each.mask)))
            factor = torch.where(presence[:, index, None], factor, torch.ones_like(factor))
            product = factor if product is None else product * factor
        assert product is not None
        return self.out(product)[:, None]
