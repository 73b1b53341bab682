"""Where and when a token is: sinusoids of order, the hour on a clock, and a bias on the logarithm of a time gap.

Nothing here is learned per absolute position, so that old tokens stay valid when new ones arrive.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ConfigError


def sinusoid(
    positions: Float[Tensor, "*dims"], width: int, *, longest: float = 10_000.0
) -> Float[Tensor, "*dims {width}"]:
    """Sines and cosines of a position at wavelengths from 2 pi up to 2 pi `longest` (Vaswani et al. 2017)."""
    if width % 2:
        raise ConfigError(f"a sinusoid has an even width, got {width}")
    steps = torch.arange(width // 2, dtype=positions.dtype, device=positions.device) / max(width // 2, 1)
    angles = positions[..., None] * torch.exp(-math.log(longest) * steps)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def clock(times: npt.NDArray[np.float64], periods: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """Sine and cosine of the phase of each time in each period: `[time]` to `[time, 2 * period]`.

    Done in float64: a float32 of seconds since 1970 does not know the minute.
    """
    if not periods:
        return np.zeros((len(times), 0), np.float32)
    angles = 2 * np.pi * (times[:, None] / np.asarray(periods, np.float64) % 1.0)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


class LogGapBias(nn.Module):
    """What a head adds to its score for a token that lies `gap` away in time: -softplus(l) * log1p(|gap| / tau).

    ALiBi (Press et al. 2022) for irregular times: monotone, two numbers a head, and dependent on the difference of
    times alone, so cached keys stay valid. With `future`, gaps below zero have slopes of their own.
    `shortest` and `longest` are the gaps, in the unit of the times, between which the heads' tau start.
    """

    def __init__(self, heads: int, *, shortest: float, longest: float, future: bool = False) -> None:
        super().__init__()
        if not 0 < shortest <= longest:
            raise ConfigError(f"time gaps need 0 < shortest <= longest, got {shortest} and {longest}")
        self.log_tau = nn.Parameter(torch.linspace(math.log(shortest), math.log(longest), heads))
        self.slope = nn.Parameter(torch.zeros(2 if future else 1, heads))

    def forward(self, gap: Float[Tensor, "*dims query key"]) -> Float[Tensor, "*dims head query key"]:
        gap = gap.to(self.log_tau.dtype)[..., None, :, :]
        far = torch.log1p(gap.abs() / self.log_tau.exp()[:, None, None])
        slope = F.softplus(self.slope)[:, :, None, None]
        if len(self.slope) == 1:
            return -slope[0] * far
        return -torch.where(gap >= 0, slope[0], slope[1]) * far
