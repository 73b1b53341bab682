"""Masks: each query's vector times each dense feature is the log-odds that the feature is inside (MaskFormer, 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from .heads import Head, Loss, MaskHead


class Masks(Head):
    """The dense features are the tokens of one modality, in the order its encoder gives them."""

    prior: Tensor

    def __init__(self, config: MaskHead, *, width: int) -> None:
        super().__init__()
        self.queries, self.size, self.modality = config.queries, width, config.modality
        self.register_buffer("prior", torch.zeros(config.queries))

    def answer(
        self,
        raw: Float[Tensor, "batch query width"],
        offset: Float[Tensor, "batch query token"] | None,
        dense: Float[Tensor, "batch token width"] | None,
    ) -> Float[Tensor, "batch query token"]:
        """An offset is log-odds to start from."""
        start = self.prior[:, None] if offset is None else offset
        return start + self._product(raw, dense)

    def combine(
        self,
        experts: Float[Tensor, "batch modality query token"],
        weights: Float[Tensor, "batch modality"],
        offset: Float[Tensor, "batch query token"] | None = None,
    ) -> Float[Tensor, "batch query token"]:
        """The product of Bernoulli answers over the prior: log-odds add up."""
        start = self.prior[:, None] if offset is None else offset
        evidence = experts - (start if offset is None else start[:, None])
        return start + torch.einsum("bm,bmqt->bqt", weights, evidence)

    def shift(
        self,
        answer: Float[Tensor, "batch query token"],
        raw: Float[Tensor, "batch query width"],
        scale: Float[Tensor, " batch"],
        dense: Float[Tensor, "batch token width"] | None,
    ) -> Float[Tensor, "batch query token"]:
        return answer + scale[:, None, None] * self._product(raw, dense)

    def uncertainty(self, experts: Float[Tensor, "batch modality query token"]) -> Float[Tensor, "batch modality"]:
        """The mean entropy in nats."""
        inside, outside = experts.sigmoid(), (-experts).sigmoid()
        return -(inside * F.logsigmoid(experts) + outside * F.logsigmoid(-experts)).mean(dim=(2, 3))

    def loss(self, answer: Float[Tensor, "batch query token"], target: Float[Tensor, "batch query token"]) -> Loss:
        """Cross-entropy plus the Dice loss, over the tokens whose target is known."""
        inside = target.isfinite()
        goal = torch.where(inside, target, torch.zeros_like(target))
        real = inside.to(answer.dtype)
        count = real.sum(dim=(1, 2)).clamp(min=1)
        entropy = (F.binary_cross_entropy_with_logits(answer, goal, reduction="none") * real).sum(dim=(1, 2)) / count
        chance = answer.sigmoid() * real
        dice = 1 - (2 * (chance * goal).sum(dim=(1, 2)) + 1) / ((chance + goal * real).sum(dim=(1, 2)) + 1)
        known = inside.flatten(1).any(dim=1)
        return Loss(torch.where(known, entropy + dice, torch.zeros_like(dice)), known)

    def fit_prior(self, target: Float[Tensor, "batch query token"], offset: Tensor | None = None) -> None:
        """The log-odds of being inside, by query; with an offset the prior stays at even odds."""
        if offset is None:
            share = target.nanmean(dim=(0, 2)).clamp(1e-3, 1 - 1e-3)
            self.prior.copy_(torch.logit(share))

    def _product(self, raw: Tensor, dense: Tensor | None) -> Tensor:
        assert dense is not None, "a mask is asked over tokens"
        return torch.einsum("bqw,btw->bqt", raw, dense) / raw.shape[-1] ** 0.5
