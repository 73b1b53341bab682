"""Where the cell of a grid sits, and the mask of tokens that each cover a stretch. Knows nothing of what they show.

Positions are computed, not learned, so that a grid of another size needs no new weights.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..errors import ConfigError
from .positions import sinusoid


def grid_sines(shape: tuple[int, ...], width: int, *, like: Tensor) -> Float[Tensor, "cell width"]:
    """The position of every cell of a grid, last axis fastest: each axis gets an equal, even share of `width`.

    What `width` leaves over stays zero. Device and type are those of `like`.
    """
    share = width // len(shape) // 2 * 2
    if not share:
        raise ConfigError(f"{len(shape)} axes need a width of at least {2 * len(shape)}, got {width}")
    parts = []
    for axis, size in enumerate(shape):
        along = sinusoid(torch.arange(size, device=like.device, dtype=torch.float32), share, longest=100.0)
        view = [1] * len(shape) + [share]
        view[axis] = size
        parts.append(along.view(view).expand(*shape, share))
    left = like.new_zeros(*shape, width - share * len(shape), dtype=torch.float32)
    return torch.cat([*parts, left], dim=-1).reshape(-1, width).to(like.dtype)


def every(mask: Bool[Tensor, "batch position"], step: int) -> Bool[Tensor, "batch token"]:
    """The mask of tokens that each cover `step` positions: a token is real where its first position is."""
    return mask[:, ::step]
