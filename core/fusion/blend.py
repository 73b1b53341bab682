"""How much of the fused residual each subset of modalities gets, and which experts stand under it.

It starts from "all of it, on all experts"; the guard lowers it where validation data show that less is better.
It knows nothing of tasks but their number.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError
from .presence import subset

MOST = 12  # modalities; the tables grow as two to the power of their number


class Blended(NamedTuple):
    """By row: the share of the residual, and the power of each expert in the product below it."""

    scale: Float[Tensor, " batch"]
    powers: Float[Tensor, "batch modality"]


class Blend(nn.Module):
    """A table by head and subset. Buffers, not parameters: training does not move them."""

    scale: Tensor
    powers: Tensor

    def __init__(self, heads: int, modalities: int) -> None:
        super().__init__()
        if not 1 <= modalities <= MOST:
            raise ConfigError(f"a model fuses 1 to {MOST} modalities, got {modalities}")
        scale = torch.ones(heads, 2**modalities)
        scale[:, 0] = 0  # with nothing present the answer is the prior: no residual was ever trained for that
        self.register_buffer("scale", scale)
        self.register_buffer("powers", torch.ones(heads, 2**modalities, modalities))

    def forward(self, head: int, presence: Bool[Tensor, "batch modality"]) -> Blended:
        which = subset(presence)
        return Blended(self.scale[head][which], self.powers[head][which] * presence.to(self.powers.dtype))
