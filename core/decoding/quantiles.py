"""Quantiles that cannot cross: a centre and the logarithms of the gaps between neighbours."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .heads import Head, Loss, QuantileHead


class Quantiles(Head):
    """Raw numbers: the shift of the middle level in units of the prior's spread, then a log-factor for each gap."""

    prior: Tensor
    levels: Tensor

    def __init__(self, config: QuantileHead) -> None:
        super().__init__()
        self.size, self.gentle = len(config.levels), True
        self.middle = len(config.levels) // 2
        self.register_buffer("levels", torch.tensor(config.levels))
        self.register_buffer("prior", torch.special.ndtri(torch.tensor(config.levels)))

    def answer(
        self, raw: Float[Tensor, "batch 1 level"], offset: Float[Tensor, " batch"] | None, dense: Tensor | None = None
    ) -> Float[Tensor, "batch level"]:
        start = self.prior.expand(raw.shape[0], -1) + (0 if offset is None else offset[:, None])
        return self.shift(start, raw, torch.ones_like(raw[:, 0, 0]))

    def combine(
        self,
        experts: Float[Tensor, "batch modality level"],
        weights: Float[Tensor, "batch modality"],
        offset: Float[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch level"]:
        """Level by level, the mean of the experts weighted by the inverse square of their spread.

        A product of densities known only by their quantiles has no closed form; this keeps its rule for the location
        and stays honest about the spread, which a product of dependent experts understates.
        """
        spread = experts[..., -1] - experts[..., 0]
        share = weights / spread.square().clamp(min=1e-12)
        total = share.sum(dim=1, keepdim=True)
        mean = torch.einsum("bm,bml->bl", share / total.clamp(min=1e-12), experts)
        start = self.prior.expand_as(mean) + (0 if offset is None else offset[:, None])
        return torch.where(total > 0, mean, start)

    def shift(
        self,
        answer: Float[Tensor, "batch level"],
        raw: Float[Tensor, "batch 1 level"],
        scale: Float[Tensor, " batch"],
        dense: Tensor | None = None,
    ) -> Float[Tensor, "batch level"]:
        """Factors and sums of what was sorted: the levels stay sorted whatever the residual is."""
        move = scale[:, None] * raw[:, 0]
        centre = answer[:, self.middle, None] + move[:, :1] * (answer[:, -1:] - answer[:, :1])
        gaps = answer.diff(dim=1) * move[:, 1:].clamp(-5, 5).exp()
        below, above = gaps[:, : self.middle], gaps[:, self.middle :]
        down = centre - below.flip(1).cumsum(dim=1).flip(1)
        return torch.cat([down, centre, centre + above.cumsum(dim=1)], dim=1)

    def uncertainty(self, experts: Float[Tensor, "batch modality level"]) -> Float[Tensor, "batch modality"]:
        """The log of the distance from the lowest level to the highest."""
        return (experts[..., -1] - experts[..., 0]).clamp(min=1e-6).log()

    def loss(self, answer: Float[Tensor, "batch level"], target: Float[Tensor, " batch"]) -> Loss:
        """The pinball loss in units of the prior's spread, so that it weighs like a likelihood."""
        known = target.isfinite()
        safe = torch.where(known, target, answer[:, self.middle].detach())
        error = (safe[:, None] - answer) / (self.prior[-1] - self.prior[0])
        value = 2 * torch.maximum(self.levels * error, (self.levels - 1) * error).sum(dim=1)
        return Loss(torch.where(known, value, torch.zeros_like(value)), known)

    def fit_prior(self, target: Float[Tensor, " batch"], offset: Float[Tensor, " batch"] | None = None) -> None:
        """Quantiles of the targets, or of what the offset leaves over, a little apart from each other."""
        left = target if offset is None else target - offset
        found = torch.quantile(left[left.isfinite()], self.levels)
        least = torch.arange(self.size, device=found.device) * (found[-1] - found[0]).clamp(min=1e-4) * 1e-3
        self.prior.copy_(found + least)
