"""From single modalities to joint: early epochs show one modality a row, later ones all that the dropout leaves.

A modality that learns fast otherwise starves the others (Wang et al., What makes training multi-modal classification
networks hard?, 2020). It changes presence only and knows nothing of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..data.missing import ModalityDropout, keep
from ..errors import ConfigError
from ..types import Batch


@dataclass(frozen=True, kw_only=True)
class Curriculum:
    """`alone` epochs of single modalities, then `ramp` epochs in which their share falls to zero in equal steps."""

    alone: int = 0
    ramp: int = 0

    def __post_init__(self) -> None:
        if self.alone < 0 or self.ramp < 0:
            raise ConfigError(f"a curriculum counts epochs from 0, got alone {self.alone} and ramp {self.ramp}")

    def share(self, epoch: int) -> float:
        """The share of rows that show a single modality in this epoch."""
        if epoch < self.alone:
            return 1.0
        return max(0.0, 1 - (epoch - self.alone + 1) / (self.ramp + 1))


@dataclass(frozen=True)
class Presence:
    """The presence of training rows by epoch: single ones as the curriculum says, the others by modality dropout.

    Give `presence.change` to `Batches`, or call `draw` where batches carry labels beside the inputs.
    """

    dropout: ModalityDropout
    curriculum: Curriculum = Curriculum()

    def draw(self, presence: Tensor, epoch: int, generator: torch.Generator) -> Tensor:
        """`[batch, modality]` booleans, never more than `presence`."""
        joint = self.dropout.draw(presence, generator)
        single = self.dropout.singles(presence, generator)
        chance = torch.rand(len(presence), generator=generator).to(presence.device)
        return torch.where((chance < self.curriculum.share(epoch))[:, None], single, joint)

    def change(self, batch: Batch, epoch: int, generator: torch.Generator) -> Batch:
        """The batch with the drawn modalities only."""
        return keep(batch, self.draw(batch.presence, epoch, generator))
