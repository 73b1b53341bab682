"""A row of numbers to one token: an encoder of this field's own, for a few thousand noisy days, where a token a column
would learn the noise. It knows nothing of what the columns mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from ....core.encoders.base import Encoder
from ....core.errors import FormatError
from ....core.types import Noun, Packed, Table, Tokens

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor


class RowEncoder(Encoder):
    """One hidden layer with strong dropout; a number that is not known counts as the mean, which is zero."""

    def __init__(self, columns: Sequence[str], width: int, *, dropout: float = 0.3) -> None:
        super().__init__()
        self.columns, self.width = tuple(columns), width
        self.read = nn.Linear(len(self.columns), width)
        self.dropout = nn.Dropout(dropout)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """Rows `[batch, column]`, and a mask with one position.

        Raises:
            FormatError: not a table row.
        """
        rows = torch.zeros(len(nouns), len(self.columns))
        for index, noun in enumerate(nouns):
            if noun is not None:
                if not isinstance(noun, Table):
                    raise FormatError(f"the row encoder reads Table, got {type(noun).__name__}")
                rows[index] = torch.tensor([noun.numbers.get(name, 0.0) for name in self.columns])
        return Packed(rows.nan_to_num(0.0), torch.tensor([[noun is not None] for noun in nouns]))

    def forward(self, x: Float[Tensor, "batch column"], mask: Bool[Tensor, "batch 1"]) -> Tokens:
        token = self.dropout(torch.nn.functional.silu(self.read(x)))
        return Tokens((token * mask.to(token.dtype))[:, None], mask)
