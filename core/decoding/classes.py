"""Classes: log-probabilities, multiplied over experts, divided by the prior that each counted (Hinton 2002)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from .heads import ClassHead, Head, Loss


class Classes(Head):
    """An offset `[batch, class]` is added to the log of the prior: a prior of each row's own."""

    prior: Tensor

    def __init__(self, config: ClassHead) -> None:
        super().__init__()
        self.size, self.gentle = config.classes, config.gentle
        self.register_buffer("prior", torch.full((config.classes,), 1 / config.classes).log())

    def answer(
        self,
        raw: Float[Tensor, "batch 1 class"],
        offset: Float[Tensor, "batch class"] | None,
        dense: Tensor | None = None,
    ) -> Float[Tensor, "batch class"]:
        return F.log_softmax(raw[:, 0] + self._prior(offset), dim=-1)

    def combine(
        self,
        experts: Float[Tensor, "batch modality class"],
        weights: Float[Tensor, "batch modality"],
        offset: Float[Tensor, "batch class"] | None = None,
    ) -> Float[Tensor, "batch class"]:
        prior = self._prior(offset)
        evidence = experts - (prior if offset is None else prior[:, None])
        return F.log_softmax(prior + torch.einsum("bm,bmc->bc", weights, evidence), dim=-1)

    def shift(
        self,
        answer: Float[Tensor, "batch class"],
        raw: Float[Tensor, "batch 1 class"],
        scale: Float[Tensor, " batch"],
        dense: Tensor | None = None,
    ) -> Float[Tensor, "batch class"]:
        return F.log_softmax(answer + scale[:, None] * raw[:, 0], dim=-1)

    def uncertainty(self, experts: Float[Tensor, "batch modality class"]) -> Float[Tensor, "batch modality"]:
        """The entropy in nats."""
        return -(experts.exp() * experts).sum(dim=-1)

    def loss(self, answer: Float[Tensor, "batch class"], target: Int[Tensor, " batch"]) -> Loss:
        known = target >= 0
        value = F.nll_loss(answer, target.clamp(min=0), reduction="none")
        return Loss(torch.where(known, value, torch.zeros_like(value)), known)

    def fit_prior(self, target: Int[Tensor, " batch"], offset: Tensor | None = None) -> None:
        """Shares of the classes, each counted once more than seen; with an offset the prior stays flat."""
        if offset is None:
            counts = torch.bincount(target[target >= 0], minlength=self.size).to(self.prior.dtype) + 1
            self.prior.copy_((counts / counts.sum()).log())

    def _prior(self, offset: Tensor | None) -> Tensor:
        return self.prior if offset is None else F.log_softmax(self.prior + offset, dim=-1)
