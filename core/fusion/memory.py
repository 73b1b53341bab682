"""Memory: slots that know which modalities are present, written after each fusion layer and read by every later one."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..layers.attention import CrossAttention


class Memory(nn.Module):
    """A few slots a sample; what is present moves where they start."""

    def __init__(self, modalities: int, width: int, heads: int, *, slots: int) -> None:
        super().__init__()
        self.slots = nn.Parameter(torch.randn(slots, width) * 0.02)
        self.present = nn.Parameter(torch.randn(modalities, slots, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.writer = CrossAttention(width, heads)

    def start(self, presence: Bool[Tensor, "batch modality"]) -> Float[Tensor, "batch slot width"]:
        """Slots for this subset of modalities."""
        return self.slots + torch.einsum("bm,msw->bsw", presence.to(self.slots.dtype), self.present)

    def write(
        self, memory: Float[Tensor, "batch slot width"], latents: Float[Tensor, "batch latent width"]
    ) -> Float[Tensor, "batch slot width"]:
        """Slots after they read the latents."""
        everything = torch.ones(latents.shape[:2], dtype=torch.bool, device=latents.device)
        return memory + self.writer(self.norm(memory), latents, everything)
