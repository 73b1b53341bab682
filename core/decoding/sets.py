"""Sets: each query answers with a class or "nothing" and a box; targets find their queries by the Hungarian method.

(DETR, Carion et al. 2020.) Boxes of experts are averaged query by query: query 3 of one is query 3 of another.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from .heads import Head, Loss, SetHead

NOTHING_WEIGHT = 0.2  # queries that match nothing are many: they weigh less


class Sets(Head):
    """The last axis holds classes + 1 log-probabilities, then the box."""

    prior: Tensor

    def __init__(self, config: SetHead) -> None:
        super().__init__()
        self.queries, self.classes = config.queries, config.classes
        self.size = config.classes + 1 + config.box
        self.register_buffer("prior", torch.full((config.classes + 1,), 1 / (config.classes + 1)).log())

    def answer(
        self, raw: Float[Tensor, "batch query size"], offset: Tensor | None = None, dense: Tensor | None = None
    ) -> Float[Tensor, "batch query size"]:
        kind, box = self._parts(raw)
        return torch.cat([F.log_softmax(kind + self.prior, dim=-1), box.sigmoid()], dim=-1)

    def combine(
        self,
        experts: Float[Tensor, "batch modality query size"],
        weights: Float[Tensor, "batch modality"],
        offset: Tensor | None = None,
    ) -> Float[Tensor, "batch query size"]:
        """Classes as a product over the prior; boxes as the mean by how sure each expert is that something is there."""
        kind, box = self._parts(experts)
        joint = F.log_softmax(self.prior + torch.einsum("bm,bmqc->bqc", weights, kind - self.prior), dim=-1)
        sure = weights[:, :, None] * (1 - kind[..., -1].exp()).clamp(min=1e-4)
        sure = sure / sure.sum(dim=1, keepdim=True).clamp(min=1e-12)
        return torch.cat([joint, torch.einsum("bmq,bmqd->bqd", sure, box)], dim=-1)

    def shift(
        self,
        answer: Float[Tensor, "batch query size"],
        raw: Float[Tensor, "batch query size"],
        scale: Float[Tensor, " batch"],
        dense: Tensor | None = None,
    ) -> Float[Tensor, "batch query size"]:
        kind, box = self._parts(answer)
        kind_raw, box_raw = self._parts(scale[:, None, None] * raw)
        moved = (torch.logit(box, eps=1e-6) + box_raw).sigmoid()
        return torch.cat([F.log_softmax(kind + kind_raw, dim=-1), moved], dim=-1)

    def uncertainty(self, experts: Float[Tensor, "batch modality query size"]) -> Float[Tensor, "batch modality"]:
        """The entropy in nats of the classes, over all queries."""
        kind, _ = self._parts(experts)
        return -(kind.exp() * kind).sum(dim=-1).mean(dim=-1)

    def loss(self, answer: Float[Tensor, "batch query size"], target: Sequence[tuple[Tensor, Tensor] | None]) -> Loss:
        """Cross-entropy of every query after matching, plus the distance of matched boxes."""
        kind, box = self._parts(answer)
        values = [
            kind.new_zeros(()) if row is None else self._row(kind[i], box[i], *row) for i, row in enumerate(target)
        ]
        known = torch.tensor([row is not None for row in target], device=answer.device)
        return Loss(torch.stack(values), known)

    def fit_prior(self, target: Sequence[tuple[Tensor, Tensor] | None], offset: Tensor | None = None) -> None:
        """Shares of the classes among queries, "nothing" being the rest."""
        rows = [row[0] for row in target if row is not None]
        counts = torch.bincount(torch.cat(rows), minlength=self.classes + 1).to(self.prior.dtype)
        counts[-1] = len(rows) * self.queries - counts.sum()
        self.prior.copy_(((counts + 1) / (counts + 1).sum()).log())

    def _row(self, kind: Tensor, box: Tensor, classes: Tensor, boxes: Tensor) -> Tensor:
        from scipy.optimize import linear_sum_assignment

        cost = torch.cdist(box, boxes.to(box.dtype), p=1) - kind.exp()[:, classes]
        queries, things = linear_sum_assignment(cost.detach().cpu().numpy())
        goal = torch.full((self.queries,), self.classes, device=kind.device)
        goal[queries] = classes[things]
        weight = torch.ones(self.classes + 1, device=kind.device, dtype=kind.dtype)
        weight[-1] = NOTHING_WEIGHT
        found = F.nll_loss(kind, goal, weight=weight)
        return found + 5 * (box[queries] - boxes[things]).abs().mean() if len(things) else found

    def _parts(self, values: Tensor) -> tuple[Tensor, Tensor]:
        return values[..., : self.classes + 1], values[..., self.classes + 1 :]
