"""Where the answers of a head start: a plain rule that is good before anything was learned, of whoever is present.

One rule so far: the largest of one column over the tables that are present, as log-odds of the second of two classes.
It knows nothing of what the column means; larger says "second class".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..encoders.table import TableEncoder
from ..errors import ConfigError
from ..trust.calibration import fit_platt
from ..types import Array, Packed

NONE = -1e9  # below any number: a table that is not there never has the largest


@dataclass(frozen=True, kw_only=True)
class LargestConfig:
    """`column` is a number in the table of every modality."""

    column: str
    kind: Literal["largest"] = "largest"


class Largest(nn.Module):
    """Slope and shift are buffers that `use` fits: training does not move them, and a slope is never negative."""

    slope: Tensor
    shift: Tensor

    def __init__(self, config: LargestConfig, encoders: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.places = {name: _place(config.column, name, encoder) for name, encoder in encoders.items()}
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))

    def use(self, largest: Float[Array, " row"], second: Bool[Array, " row"]) -> None:
        """Fit slope and shift to rows of training data: their largest number, and whether they are of the second class.

        Raises:
            InputError: one of the two classes does not occur.
        """
        line = fit_platt(largest, second)
        self.slope.fill_(max(line.slope, 0.0))
        self.shift.fill_(line.offset if line.slope > 0 else float(np.log(second.sum() / (~second).sum())))

    def forward(
        self, inputs: Mapping[str, Packed], presence: Bool[Tensor, "batch modality"]
    ) -> Float[Tensor, "batch 2"]:
        """Log-odds beside zero; both zero where no number is known."""
        largest, known = self.largest(inputs, presence)
        odds = torch.where(known, self.slope * largest + self.shift, torch.zeros_like(largest))
        return torch.stack([torch.zeros_like(odds), odds], dim=1)

    def largest(
        self, inputs: Mapping[str, Packed], presence: Bool[Tensor, "batch modality"]
    ) -> tuple[Float[Tensor, " batch"], Bool[Tensor, " batch"]]:
        """The largest number of each row, and whether it has one."""
        numbers, known = [], []
        for index, (name, place) in enumerate(self.places.items()):
            table = inputs[name].x
            here = presence[:, index] & table.known[:, place]
            numbers.append(torch.where(here, table.numbers[:, place], torch.full_like(table.numbers[:, place], NONE)))
            known.append(here)
        return torch.stack(numbers, dim=1).amax(dim=1), torch.stack(known, dim=1).any(dim=1)


def _place(column: str, name: str, encoder: nn.Module) -> int:
    if not isinstance(encoder, TableEncoder) or column not in encoder.config.numbers:
        raise ConfigError(f"answers start from the largest {column!r}, but {name} has no such number in its table")
    return encoder.config.numbers.index(column)
