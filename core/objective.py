"""What a model is trained on: the fused answer, every expert alone, and gates that explain which expert was right.

It knows nothing of optimisers or schedules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .fusion.gates import entropy
from .model import Model, Output


def losses(
    model: Model,
    output: Output,
    targets: Mapping[str, Any],
    *,
    experts: float = 1.0,
    gates: float = 1.0,
    spread: float = 0.0,
) -> dict[str, Tensor]:
    """Named losses whose sum is trained on; rows without a target count for nothing.

    `<head>` is the fused loss, `<head>/experts` the sum of the present experts' own (more of it keeps encoders as good
    for their modality alone as a network of its own would be), `gates` the likelihood of the
    mixture of experts with the gates as its weights (Jacobs et al. 1991), `spread` the negative entropy of the gates
    (in 0..1), which keeps them from closing on one modality.
    """
    named: dict[str, Tensor] = {}
    evidence = torch.zeros_like(output.gates)
    known_any = torch.zeros_like(output.presence[:, 0])
    for name, target in targets.items():
        head = model.head(name)
        fused = head.loss(output.answers[name], target)
        alone = [head.loss(output.experts[name][:, index], target).value for index in range(len(model.modalities))]
        value = torch.stack(alone, dim=1)
        counted = output.presence & fused.known[:, None]
        named[name] = _mean(fused.value, fused.known)
        named[f"{name}/experts"] = experts * _mean(value, counted) * output.presence.sum(dim=1).float().mean()
        evidence = evidence - value.detach()
        known_any = known_any | fused.known
    if gates:
        mixture = torch.logsumexp(output.gates.clamp(min=1e-6).log() + evidence, dim=1)
        named["gates"] = -gates * _mean(mixture, known_any)
    if spread:
        named["spread"] = -spread * entropy(output.gates, output.presence).mean()
    return named


def _mean(values: Float[Tensor, "*rows"], counted: Bool[Tensor, "*rows"]) -> Float[Tensor, ""]:
    real = counted.to(values.dtype)
    return (values * real).sum() / real.sum().clamp(min=1)
