"""Who is there: absent rows are blanked before their encoder, and one learned token a modality stands in for them.

It knows nothing of what a modality is. The stand-in is the same in training and at prediction (Missing Modality Token,
Ramazanova et al. 2024), and nothing of an absent row's values reaches an answer or a gradient, not even a NaN.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..types import Packed, Tokens


def blank(packed: Packed, present: Bool[Tensor, " batch"]) -> Packed:
    """The modality with zeros and a False mask in its absent rows; every tensor in it leads with the batch axis."""
    return Packed(_blank(packed.x, present), packed.mask & present[:, None])


def _blank(x: Any, present: Tensor) -> Any:
    if isinstance(x, Tensor) and x.dtype == torch.bool:
        return x & present.reshape(-1, *[1] * (x.ndim - 1))
    if isinstance(x, Tensor):
        rows = present.reshape(-1, *[1] * (x.ndim - 1))
        return torch.where(rows, x, torch.zeros_like(x))
    if isinstance(x, tuple):
        parts = [_blank(part, present) for part in x]
        return type(x)(*parts) if hasattr(x, "_fields") else tuple(parts)
    return x


class StandIn(nn.Module):
    """One learned token for a modality, read where the modality is absent."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(width) * 0.02)

    def forward(self, tokens: Tokens, present: Bool[Tensor, " batch"]) -> Tokens:
        """The tokens, with the learned one as the only real token of each absent row."""
        first = torch.arange(tokens.mask.shape[1], device=present.device) == 0
        values = torch.where(present[:, None, None], tokens.values, self.token.to(tokens.values.dtype))
        # Written as logic: ONNX Runtime has no Where for booleans.
        return Tokens(values, (tokens.mask & present[:, None]) | (first[None, :] & ~present[:, None]))


def subset(presence: Bool[Tensor, "batch modality"]) -> Int[Tensor, " batch"]:
    """The number of each row's subset of modalities: bit `i` is set where modality `i` is present."""
    bits = 2 ** torch.arange(presence.shape[1], device=presence.device)
    return (presence.long() * bits).sum(dim=1)


def over_present(
    values: Float[Tensor, "batch modality"], presence: Bool[Tensor, "batch modality"]
) -> Float[Tensor, "batch modality"]:
    """A softmax over the modalities that are present: exactly 0 elsewhere, and all 0 where none is."""
    lowest = torch.finfo(values.dtype).min
    weights = values.masked_fill(~presence, lowest).softmax(dim=1)
    return torch.where(presence, weights, torch.zeros_like(weights))
