"""How far each modality of this sample is to be trusted. It knows nothing of labels or of the noise in the input.

A gate is read from the modality's tokens and from how sure its own expert is. Trained by the likelihood of a mixture of
experts (Jacobs et al. 1991), it becomes the share of the answer that the modality explains, and so falls with its
signal-to-noise ratio; it is exactly 0 where the modality is absent.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..layers.attention import Mlp
from ..types import Tokens
from .presence import over_present


class Gates(nn.Module):
    """Per sample, one weight a modality; the weights of the present ones add up to 1 and start equal."""

    def __init__(self, modalities: int, width: int, *, signs: int) -> None:
        super().__init__()
        readers = [Mlp(2 * width + signs, expand=1, out=1) for _ in range(modalities)]
        self.norms = nn.ModuleList(nn.LayerNorm(2 * width) for _ in range(modalities))
        for reader in readers:
            nn.init.zeros_(reader.down.weight)
            nn.init.zeros_(reader.down.bias)
        self.readers = nn.ModuleList(readers)

    def forward(
        self,
        tokens: Sequence[Tokens],
        uncertainty: Float[Tensor, "batch modality head"],
        presence: Bool[Tensor, "batch modality"],
    ) -> Float[Tensor, "batch modality"]:
        """`uncertainty` says how unsure each modality's expert is for each head; no gradient goes into it."""
        trust = []
        for index, (each, reader, norm) in enumerate(zip(tokens, self.readers, self.norms, strict=True)):
            signs = uncertainty[:, index].detach()
            trust.append(reader(torch.cat([norm(_profile(each).detach()), signs], dim=1)))
        return over_present(torch.cat(trust, dim=1), presence)


def _profile(tokens: Tokens) -> Float[Tensor, "batch double"]:
    """Mean and spread of the real tokens."""
    real = tokens.mask[:, :, None].to(tokens.values.dtype)
    count = real.sum(dim=1).clamp(min=1)
    mean = (tokens.values * real).sum(dim=1) / count
    spread = ((tokens.values - mean[:, None]).square() * real).sum(dim=1) / count
    return torch.cat([mean, (spread + 1e-6).sqrt()], dim=1)


def entropy(
    gates: Float[Tensor, "batch modality"], presence: Bool[Tensor, "batch modality"]
) -> Float[Tensor, " batch"]:
    """The entropy of the gates as a share of the greatest possible one: 1 = all equal, or one modality alone."""
    count = presence.sum(dim=1)
    nats = -(gates * gates.clamp(min=1e-12).log()).sum(dim=1)
    most = count.clamp(min=2).to(gates.dtype).log()
    return torch.where(count > 1, nats / most, torch.ones_like(nats))
