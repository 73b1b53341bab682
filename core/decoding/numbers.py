"""Numbers: Gaussians, multiplied over experts by precision. The scale is positive by its logarithm."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from .heads import Head, Loss


class Numbers(Head):
    """An offset `[batch]` is where the mean starts from: the network learns what is left over."""

    prior: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.size, self.gentle = 2, True
        self.register_buffer("prior", torch.tensor([0.0, 0.0]))  # mean and log of the scale

    def answer(
        self, raw: Float[Tensor, "batch 1 2"], offset: Float[Tensor, " batch"] | None, dense: Tensor | None = None
    ) -> Float[Tensor, "batch 2"]:
        """The mean moves in units of the prior's scale; no expert is less sure than the prior, which it counts too."""
        mean = self.prior[0] + raw[:, 0, 0] * self.prior[1].exp() + (0 if offset is None else offset)
        return torch.stack([mean, self.prior[1] - F.softplus(raw[:, 0, 1].clamp(max=7) - 2)], dim=1)

    def combine(
        self,
        experts: Float[Tensor, "batch modality 2"],
        weights: Float[Tensor, "batch modality"],
        offset: Float[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch 2"]:
        """The product of the Gaussians over the prior to the power of one less than their number."""
        precision, floor = (-2 * experts[..., 1]).exp(), (-2 * self.prior[1]).exp()
        mean = self.prior[0] + (torch.zeros_like(weights[:, 0]) if offset is None else offset)
        total = floor + (weights * (precision - floor).clamp(min=0)).sum(dim=1)
        pull = (weights * precision * (experts[..., 0] - mean[:, None])).sum(dim=1)
        return torch.stack([mean + pull / total, -0.5 * total.log()], dim=1)

    def shift(
        self,
        answer: Float[Tensor, "batch 2"],
        raw: Float[Tensor, "batch 1 2"],
        scale: Float[Tensor, " batch"],
        dense: Tensor | None = None,
    ) -> Float[Tensor, "batch 2"]:
        """The mean moves in units of the answer's own scale."""
        mean = answer[:, 0] + scale * raw[:, 0, 0] * answer[:, 1].exp()
        return torch.stack([mean, answer[:, 1] + scale * raw[:, 0, 1].clamp(-5, 5)], dim=1)

    def uncertainty(self, experts: Float[Tensor, "batch modality 2"]) -> Float[Tensor, "batch modality"]:
        """The log of the scale."""
        return experts[..., 1]

    def loss(self, answer: Float[Tensor, "batch 2"], target: Float[Tensor, " batch"]) -> Loss:
        known = target.isfinite()
        safe = torch.where(known, target, answer[:, 0].detach())
        value = 0.5 * ((safe - answer[:, 0]) * (-answer[:, 1]).exp()).square() + answer[:, 1]
        return Loss(torch.where(known, value, torch.zeros_like(value)), known)

    def fit_prior(self, target: Float[Tensor, " batch"], offset: Float[Tensor, " batch"] | None = None) -> None:
        """Mean and scale of the targets, or of what the offset leaves over."""
        left = target if offset is None else target - offset
        left = left[left.isfinite()]
        mean = left.mean() if offset is None else torch.zeros_like(left[0])
        self.prior.copy_(torch.stack([mean, (left - mean).square().mean().sqrt().clamp(min=1e-6).log()]))
