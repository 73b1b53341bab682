"""Alignment of modalities: the same row seen twice should be near itself. Knows modality names and pooled vectors only.

Too much of it destroys what a single modality alone knows (benchmarks/alignment.py draws the curve), so its weight is
a setting and small by default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .. import distributed
from ..errors import ConfigError
from ..layers.attention import Mlp


@dataclass(frozen=True, kw_only=True)
class AlignmentConfig:
    """`contrastive` pulls pairs together and pushes other rows away; `positive` only pulls.

    `weight` multiplies the loss; `width` is that of the space where modalities meet; `temperature` is the first one,
    learned from there.
    """

    weight: float = 0.1
    kind: Literal["contrastive", "positive"] = "contrastive"
    width: int = 64
    temperature: float = 0.07

    def __post_init__(self) -> None:
        if self.weight < 0 or self.width < 2 or not 0.01 <= self.temperature <= 1:
            raise ConfigError(
                "alignment needs a weight of at least 0, a width of at least 2 and a temperature of 0.01 to 1, got "
                f"{self.weight}, {self.width} and {self.temperature}"
            )


class Alignment(nn.Module):
    """A projection head for each modality and the loss between every two of them, on rows where both are present."""

    def __init__(self, widths: Mapping[str, int], config: AlignmentConfig) -> None:
        super().__init__()
        self.config = config
        self.heads = nn.ModuleDict({name: _Projection(width, config.width) for name, width in widths.items()})
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / config.temperature)))

    def embed(self, name: str, pooled: Float[Tensor, "batch width"]) -> Float[Tensor, "batch meeting"]:
        """Where one modality's rows lie in the common space: unit length, float32."""
        return F.normalize(self.heads[name](pooled).float(), dim=-1)

    def forward(self, pooled: Mapping[str, Tensor], presence: Bool[Tensor, "batch modality"]) -> Float[Tensor, ""]:
        """The weighted mean loss over pairs of modalities; each `pooled` is `[batch, width]`, in presence's order.

        Zero where no two modalities are present in any row. What an absent row holds is not read.
        """
        here = dict(zip(pooled, presence.unbind(dim=1), strict=True))
        meeting = {}
        for name, values in pooled.items():
            meeting[name] = self.heads[name](torch.where(here[name][:, None], values, torch.zeros_like(values))).float()
        losses = [self._pair(meeting[a], meeting[b], here[a] & here[b]) for a, b in combinations(pooled, 2)]
        if not losses or not self.config.weight:
            return self.log_scale * 0
        return self.config.weight * torch.stack(losses).mean()

    def _pair(self, a: Tensor, b: Tensor, both: Tensor) -> Tensor:
        if self.config.kind == "positive":
            return positive(a, b, both)
        # 100 at most, as CLIP has it: beyond, the softmax is a maximum and its gradient noise.
        scale = self.log_scale.exp().clamp(max=100)
        return info_nce(F.normalize(a, dim=-1), F.normalize(b, dim=-1), both, scale=scale)


def info_nce(
    a: Float[Tensor, "batch width"],
    b: Float[Tensor, "batch width"],
    both: Bool[Tensor, batch],
    *,
    scale: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """The symmetric InfoNCE of unit rows, with the rows of every rank as negatives; rows without both are left out.

    Averaged over ranks, its gradient is that of one process with the whole batch.
    Source: van den Oord et al., Representation learning with contrastive predictive coding, 2018; Radford et al., 2021.
    """
    everywhere = distributed.gather(both)
    ways = _towards(a, distributed.gather(b), everywhere, scale) + _towards(b, distributed.gather(a), everywhere, scale)
    return _mean(ways / 2, both, everywhere)


def positive(
    a: Float[Tensor, "batch width"], b: Float[Tensor, "batch width"], both: Bool[Tensor, batch]
) -> Float[Tensor, ""]:
    """Pairs are pulled together and no row is pushed from another; each column keeps its spread and its own content.

    The spread and the decorrelation, over the rows of every rank, are what keeps all rows from falling onto one point
    without negatives. Source: Bardes et al., VICReg, 2022 (its weights 25, 25 and 1, over 25).
    """
    a, b, both = distributed.gather(a), distributed.gather(b), distributed.gather(both)
    rows = both[:, None].to(a.dtype)
    count = rows.sum()
    apart = ((a - b).square() * rows).sum() / count.clamp(min=1) / a.shape[1]
    loss = apart + (_spread(a, rows, count) + _spread(b, rows, count)) / 2
    return torch.where(count > 1, loss, loss * 0)


def _spread(x: Tensor, rows: Tensor, count: Tensor) -> Tensor:
    """How far the columns are from a deviation of 1, and from being uncorrelated."""
    with torch.autocast(x.device.type, enabled=False):
        centred = (x - (x * rows).sum(dim=0) / count.clamp(min=1)) * rows
        covariance = centred.T @ centred / (count - 1).clamp(min=1)
    narrow = F.relu(1 - (covariance.diagonal() + 1e-4).sqrt()).mean()
    shared = (covariance.square().sum() - covariance.diagonal().square().sum()) / x.shape[1]
    return narrow + shared / 25


def _towards(rows: Tensor, others: Tensor, present: Tensor, scale: Tensor) -> Tensor:
    """The cross-entropy of finding each row's own partner among the present ones of all ranks `[batch]`."""
    own = torch.arange(len(rows), device=rows.device) + distributed.rank() * len(rows)
    with torch.autocast(rows.device.type, enabled=False):
        scores = scale * rows @ others.T
    itself = F.one_hot(own, len(others)).bool()
    scores = scores.masked_fill(~(present[None, :] | itself), torch.finfo(scores.dtype).min)
    return F.cross_entropy(scores, own, reduction="none")


def _mean(losses: Tensor, both: Tensor, everywhere: Tensor) -> Tensor:
    """The mean over rows with both, weighted so that the mean over ranks is that over all their rows."""
    count = everywhere.sum() / distributed.ranks()
    return torch.where(both, losses, torch.zeros_like(losses)).sum() / count.clamp(min=1 / distributed.ranks())


class _Projection(nn.Module):
    """A norm and two layers, so that the loss shapes this space more than the one that the task reads."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.norm, self.mlp = nn.LayerNorm(width), Mlp(width, expand=2, out=out)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch meeting"]:
        return self.mlp(self.norm(x))
