"""Fusion: a few shared latents read the tokens of every modality, so that cost grows linearly with tokens.

It reads projected tokens, gates and presence, and gives fused tokens; it knows nothing of encoders or of tasks.
(Perceiver IO, Jaegle et al. 2021; the gates scale what each modality says before it is read.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..errors import ConfigError
from ..layers.attention import Block, CrossAttention
from ..types import Tokens
from .lowrank import LowRank
from .memory import Memory


@dataclass(frozen=True, kw_only=True)
class FusionConfig:
    """Sizes of the fused path. `memory` 0 leaves the memory out; `rank` above 0 adds the low-rank product."""

    width: int = 64
    heads: int = 4
    latents: int = 8
    layers: int = 2
    memory: int = 4
    rank: int = 0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ConfigError(f"the fusion width ({self.width}) must be a multiple of its heads ({self.heads})")
        if min(self.latents, self.layers) < 1:
            raise ConfigError(f"fusion needs a latent and a layer, got {self.latents} latents and {self.layers} layers")


class Fused(NamedTuple):
    """Fused tokens; the low-rank product `[batch, 1, width]` that task queries start from, if there is one; and what

    each latent of the first layer read `[batch, latent, token]` if it was asked for.
    """

    tokens: Tokens
    product: Tensor | None
    attention: Tensor | None


class Fusion(nn.Module):
    """Latents read modality tokens and memory, then each other; the memory is written for the layers above."""

    def __init__(self, modalities: int, config: FusionConfig) -> None:
        super().__init__()
        width, heads = config.width, config.heads
        self.latents = nn.Parameter(torch.randn(config.latents, width) * 0.02)
        self.modality = nn.Parameter(torch.randn(modalities, width) * 0.02)
        self.norm_source = nn.LayerNorm(width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(config.layers))
        self.first = CrossAttention(width, heads)
        self.reads = nn.ModuleList([self.first, *(CrossAttention(width, heads) for _ in range(config.layers - 1))])
        self.blocks = nn.ModuleList(Block(width, heads, dropout=config.dropout) for _ in range(config.layers))
        self.memory = Memory(modalities, width, heads, slots=config.memory) if config.memory else None
        self.lowrank = LowRank(modalities, width, rank=config.rank) if config.rank else None

    def forward(
        self,
        tokens: Sequence[Tokens],
        gates: Float[Tensor, "batch modality"],
        presence: Bool[Tensor, "batch modality"],
        *,
        maps: bool = False,
    ) -> Fused:
        """`tokens` in modality order, stand-ins included, all of one width."""
        source, mask = self._source(tokens, gates, presence)
        latents = self.latents.expand(source.shape[0], -1, -1)
        everyone = torch.ones(latents.shape[:2], dtype=torch.bool, device=mask.device)
        attention = self.first.weights(self.norms[0](latents), source, mask) if maps else None
        memory = self.memory.start(presence) if self.memory is not None else None
        for norm, read, block in zip(self.norms, self.reads, self.blocks, strict=True):
            seen, seen_mask = _beside(source, mask, memory)
            latents = block(latents + read(norm(latents), seen, seen_mask), everyone)
            if self.memory is not None and memory is not None:
                memory = self.memory.write(memory, latents)
        product = self.lowrank(tokens, presence) if self.lowrank is not None else None
        return Fused(Tokens(latents, everyone), product, attention)

    def _source(self, tokens: Sequence[Tokens], gates: Tensor, presence: Tensor) -> tuple[Tensor, Tensor]:
        """All tokens in one row: a modality's are scaled by its gate (equal gates scale by 1), a stand-in by 1."""
        scale = torch.where(presence, gates * presence.sum(dim=1, keepdim=True), torch.ones_like(gates))
        values = [
            self.norm_source(each.values) * scale[:, index, None, None] + self.modality[index]
            for index, each in enumerate(tokens)
        ]
        return torch.cat(values, dim=1), torch.cat([each.mask for each in tokens], dim=1)


def _beside(source: Tensor, mask: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
    if memory is None:
        return source, mask
    kept = torch.ones(memory.shape[:2], dtype=torch.bool, device=mask.device)
    return torch.cat([source, memory], dim=1), torch.cat([mask, kept], dim=1)
