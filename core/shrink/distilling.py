"""What a small network learns from a large one: its answers as soft labels, and what it has understood as features.

After Hinton et al. 2015 (arXiv:1503.02531) and Romero et al. 2015 (arXiv:1412.6550). It knows nothing of networks:
logits, labels and features go in, a loss comes out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def answers(logits: Tensor, labels: Tensor, taught: Tensor, *, trust: float = 0.5) -> Tensor:
    """Cross-entropy of yes-or-no logits `[row]` with labels of 0 and 1, and with a teacher's probabilities by `trust`.

    Raises:
        ValueError: `trust` is not within 0 and 1.
    """
    if not 0 <= trust <= 1:
        raise ValueError(f"trust in a teacher lies from 0 to 1, got {trust}")
    return F.binary_cross_entropy_with_logits(logits, (1 - trust) * labels + trust * taught)


def classes(logits: Tensor, labels: Tensor, taught: Tensor, *, trust: float = 0.5, temperature: float = 2.0) -> Tensor:
    """The same for logits `[row, class]`, with a teacher's logits, both softened by a temperature."""
    hard = F.cross_entropy(logits, labels)
    soft = F.kl_div(
        torch.log_softmax(logits / temperature, dim=1),
        torch.log_softmax(taught / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return (1 - trust) * hard + trust * temperature**2 * soft


class Hint(nn.Module):
    """Asks of a small network's features that the teacher's can be read off them; needed in training alone."""

    def __init__(self, width: int, numbers: int) -> None:
        super().__init__()
        self.read = nn.Linear(width, numbers)

    def forward(self, features: Tensor, taught: Tensor) -> Tensor:
        """The loss `[]` from `[row, width]` and the teacher's `[row, number]`."""
        return F.smooth_l1_loss(self.read(features), taught)
