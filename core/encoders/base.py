"""The contract of an encoder: nouns in, tokens out. It knows nothing of other modalities.

The promises, proven for the whole catalogue in tests/core/encoders/test_contract.py:
real tokens do not depend on padding; rows do not depend on each other; a gradient reaches every parameter;
an absent row (None in `collate`) gives a mask of False and no NaN; the module exports with torch.export.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from ..types import Noun, Packed, Tokens

if TYPE_CHECKING:
    from jaxtyping import Bool
    from torch import Tensor


class Encoder(nn.Module, ABC):
    """A modality's way from border nouns to tokens of `width` numbers."""

    width: int

    @abstractmethod
    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Nouns to padded tensors; None (absent) becomes a row of zeros whose mask is all False."""

    @abstractmethod
    def forward(self, x: Any, mask: Bool[Tensor, "batch position"]) -> Tokens:
        """Tokens `[batch, token, width]` and their mask; token counts may differ from position counts."""
