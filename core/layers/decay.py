"""A memory that forgets exponentially in time, as a whole sequence or a step at a time. Knows nothing of modalities.

Every exponent is at most zero, in either form: nothing overflows, however long the gaps or the sequence.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError
from .chunks import chunked

CHUNK = 32  # tokens summed pair by pair; whole chunks of the past are summed once each


class DecayingState(nn.Module):
    """What each token finds of the past: its mean, weighted by exp(-rate * age), and the logarithm of the weight.

    The weight is a Hawkes process's count of recent events, and says how much the mean rests on. The width is shared
    by `rates` learned rates, which start between 1 / `longest` and 1 / `shortest`, in the unit of the times.
    """

    def __init__(self, width: int, rates: int, *, shortest: float, longest: float) -> None:
        super().__init__()
        if width % rates or not 0 < shortest <= longest:
            raise ConfigError(f"width ({width}) must be a multiple of rates ({rates}), and 0 < {shortest} <= {longest}")
        self.rates = rates
        self.log_rate = nn.Parameter(-torch.linspace(math.log(shortest), math.log(longest), rates))
        self.write = nn.Linear(width, width)
        self.read = nn.Linear(width + rates, width)

    def forward(
        self,
        x: Float[Tensor, "batch token width"],
        times: Float[Tensor, "batch token"],
        mask: Bool[Tensor, "batch token"],
    ) -> Float[Tensor, "batch token width"]:
        return self._answer(decayed_sums(self._written(x), times, mask, self.log_rate.exp()))

    def step(
        self,
        x: Float[Tensor, "batch 1 width"],
        gap: Float[Tensor, "batch 1"],
        held: Float[Tensor, "batch rate 1 depth"],
    ) -> tuple[Tensor, Tensor]:
        """The newest token's answer, and what is held after it; `gap` is the time since the one before."""
        kept = torch.exp(-self.log_rate.exp()[:, None, None] * gap.to(x.dtype)[:, None, :, None])
        held = held * kept + self._written(x)
        return self._answer(held), held

    def _written(self, x: Tensor) -> Tensor:
        return F.pad(rearrange(self.write(x), "b t (r d) -> b r t d", r=self.rates), (0, 1), value=1.0)

    def _answer(self, held: Tensor) -> Tensor:
        """A real token holds at least itself (weight 1); the clamp is for padding, which holds nothing."""
        weight = held[..., -1:].clamp(min=1.0)
        mean = rearrange(held[..., :-1] / weight, "b r t d -> b t (r d)")
        return self.read(torch.cat([mean, rearrange(weight.log(), "b r t 1 -> b t r")], dim=-1))


def decayed_sums(
    written: Float[Tensor, "batch rate token depth"],
    times: Float[Tensor, "batch token"],
    mask: Bool[Tensor, "batch token"],
    rates: Float[Tensor, " rate"],
) -> Float[Tensor, "batch rate token depth"]:
    """Sum over real tokens j <= i of exp(-rate * (time_i - time_j)) * written_j.

    Inside a chunk pair by pair; a chunk that is over is first summed up to its own last time.
    """
    tokens = times.shape[1]
    own, exists = chunked(tokens, CHUNK, device=times.device)
    real, times = mask[:, own] & exists, times[:, own]
    written = written[:, :, own]
    written = torch.where(real[:, None, ..., None], written, torch.zeros_like(written))
    order = torch.arange(CHUNK, device=times.device)
    inside = _forgotten(times[..., :, None] - times[..., None, :], rates) * (order[:, None] >= order)
    end = torch.where(real, times, torch.full_like(times, -torch.inf)).amax(dim=-1)
    end = torch.where(real.any(dim=-1), end, torch.zeros_like(end))
    to_end = _forgotten((end[..., None] - times)[..., None, :], rates)
    chunk = torch.arange(own.shape[0], device=times.device)
    since = _forgotten(times[..., None] - end[:, None, None, :], rates) * (chunk[:, None] > chunk)[:, None, :]
    sums = (to_end @ written).squeeze(-2)
    found = rearrange(inside @ written + since @ sums[:, :, None], "b r n c d -> b r (n c) d")
    return found.index_select(2, torch.arange(tokens, device=times.device))


def _forgotten(gap: Float[Tensor, "batch ..."], rates: Float[Tensor, " rate"]) -> Float[Tensor, "batch rate ..."]:
    """What is left after a gap; a gap below zero is never read, and is taken as none so that it stays finite."""
    gap = gap.clamp(min=0).to(rates.dtype)[:, None]
    return torch.exp(-rates.reshape(-1, *[1] * (gap.ndim - 2)) * gap)
