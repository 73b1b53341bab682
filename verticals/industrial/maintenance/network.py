"""The residual network: the core's series encoder over a machine's last cycles, and one number, zero before training.

The number is added to what boosting says of the remaining life. It knows nothing of files or of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ....core.encoders.series import SeriesConfig, SeriesEncoder, SeriesInput
from ....core.types import Array
from .features import WINDOW

STEP = 20.0  # cycles of life for one unit of the network's answer
ROWS = 1024  # at once


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Sizes of each member, and how many are averaged. `channels` follows from the fleet's sensors."""

    channels: int
    width: int = 48
    patch: int = 6
    depth: int = 2
    heads: int = 4
    members: int = 3
    dropout: float = 0.1


class Member(nn.Module):
    """Windows `[batch, cycle, channel]` that end at the newest cycle, to a change of life `[batch]` in cycles."""

    def __init__(self, config: NetworkConfig, *, seed: int) -> None:
        super().__init__()
        self.patch = config.patch
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = SeriesEncoder(
                SeriesConfig(
                    width=config.width, channels=config.channels, patch=config.patch, scale="given",
                    depth=config.depth, heads=config.heads, window=WINDOW // config.patch,
                )
            )  # fmt: skip
            self.norm, self.drop = nn.LayerNorm(2 * config.width), nn.Dropout(config.dropout)
            self.change = nn.Linear(2 * config.width, 1)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)

    def forward(
        self, values: Float[Tensor, "batch cycle channel"], real: Bool[Tensor, "batch cycle"]
    ) -> Float[Tensor, " batch"]:
        batch, count, size = values.shape[0], WINDOW // self.patch, self.patch
        seen = real.reshape(-1, count, size)
        offsets = torch.arange(1.0 - size, 1.0).expand(batch, count, size)
        ends = (torch.arange(1 - count, 1).double() * size).expand(batch, count)
        cut = SeriesInput(values.reshape(-1, count, size, values.shape[2]), seen, offsets, ends)
        tokens, mask = self.encoder(cut, seen.any(dim=2))
        weight = mask[..., None].to(tokens.dtype)
        mean = (tokens * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
        found = self.change(self.drop(self.norm(torch.cat([mean, tokens[:, -1]], dim=1))))
        return STEP * found[:, 0]


class Network(nn.Module):
    """The mean of the members."""

    def __init__(self, config: NetworkConfig, members: Sequence[Member]) -> None:
        super().__init__()
        self.config, self.members = config, nn.ModuleList(members)
        self.eval()

    def forward(
        self, values: Float[Tensor, "batch cycle channel"], real: Bool[Tensor, "batch cycle"]
    ) -> Float[Tensor, " batch"]:
        return torch.stack([member(values, real) for member in self.members]).mean(dim=0)

    def changes(self, channels: Float[Array, "cycle channel"], rows: Sequence[int]) -> Float[Array, " row"]:
        """The change of life after each of those cycles of one machine."""
        parts = [np.zeros(0)]
        with torch.no_grad():
            for start in range(0, len(rows), ROWS):
                values, real = windows_of([(channels, row) for row in rows[start : start + ROWS]])
                parts.append(self(values, real).double().numpy())
        return np.concatenate(parts)


def windows_of(
    places: Sequence[tuple[Array, int]],
) -> tuple[Float[Tensor, "batch cycle channel"], Bool[Tensor, "batch cycle"]]:
    """The last cycles up to each row, padded on the left."""
    values = np.zeros((len(places), WINDOW, places[0][0].shape[1]), np.float32)
    real = np.zeros((len(places), WINDOW), bool)
    for index, (channels, row) in enumerate(places):
        cut = channels[max(0, row - WINDOW + 1) : row + 1]
        values[index, WINDOW - len(cut) :] = cut
        real[index, WINDOW - len(cut) :] = True
    return torch.from_numpy(values), torch.from_numpy(real)
