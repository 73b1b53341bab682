"""A table row to one token a column: numbers by periodic or piecewise-linear features, categories by hashing.

What is not known has a token of its own, learned for each column. It knows nothing of what the columns mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import ConfigError, FormatError, UnknownName
from ..layers.attention import Block
from ..layers.hashing import bucket_of
from ..layers.numbers import PerColumn, Periodic, PiecewiseLinear, Standard
from ..types import Noun, Packed, Table, Tokens
from .base import Encoder


@dataclass(frozen=True, kw_only=True, slots=True)
class TableConfig:
    """`numbers` and `categories` name the columns, in the order of their tokens; `depth` blocks let columns meet."""

    kind: Literal["table"] = "table"
    width: int
    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    features: Literal["periodic", "piecewise", "both"] = "both"
    frequencies: int = 8
    bins: int = 8
    buckets: int = 256
    depth: int = 1
    heads: int = 4

    def __post_init__(self) -> None:
        columns = self.numbers + self.categories
        if not columns or len(set(columns)) < len(columns):
            raise ConfigError(f"a table needs columns, each named once, got {', '.join(columns) or 'none'}")


class TableInput(NamedTuple):
    """Numbers as they are (0 where not known), whether they are known, and a bucket a category (0: not known)."""

    numbers: Float[Tensor, "batch number"]
    known: Bool[Tensor, "batch number"]
    buckets: Int[Tensor, "batch category"]


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Statistics:
    """What standardising needs, by column: mean, scale, and quantile edges in standardised units."""

    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    edges: npt.NDArray[np.float64]


def statistics(rows: Sequence[Table], config: TableConfig) -> Statistics:
    """Means, scales and quantiles of the known numbers; a column without any, or with one value, has scale 1."""
    count = len(config.numbers)
    mean, scale = np.zeros(count), np.ones(count)
    edges = np.tile(np.linspace(-2, 2, config.bins + 1), (count, 1))
    for index, name in enumerate(config.numbers):
        column = np.array([row.numbers.get(name, np.nan) for row in rows], np.float64)
        column = column[np.isfinite(column)]
        if len(column):
            spread = column.std()
            mean[index] = column.mean()
            scale[index] = spread if spread > 1e-12 * max(abs(mean[index]), 1e-300) else 1.0
            standardised = (column - mean[index]) / scale[index]
            edges[index] = np.maximum.accumulate(np.quantile(standardised, np.linspace(0, 1, config.bins + 1)))
    return Statistics(mean=mean, scale=scale, edges=edges)


class TableEncoder(Encoder):
    """Call `use(statistics(rows, config))` on training rows before training; the statistics are saved as buffers."""

    def __init__(self, config: TableConfig) -> None:
        super().__init__()
        self.config, self.width = config, config.width
        count = len(config.numbers)
        self.standard = Standard(count)
        self.periodic = Periodic(count, config.frequencies) if count and config.features != "piecewise" else None
        self.piecewise = PiecewiseLinear(count, config.bins) if count and config.features != "periodic" else None
        parts = [part.features for part in (self.periodic, self.piecewise) if part is not None]
        self.numbers = PerColumn(count, sum(parts), config.width) if count else None
        self.unknown = nn.Parameter(torch.empty(count, config.width).normal_(std=0.1)) if count else None
        self.categories = (
            nn.Embedding(len(config.categories) * (config.buckets + 1), config.width) if config.categories else None
        )
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def use(self, found: Statistics) -> None:
        """Take over statistics of training rows."""
        self.standard.use(found.mean, found.scale)
        if self.piecewise is not None:
            self.piecewise.use(found.edges)

    def collate(self, nouns: Sequence[Noun | None]) -> Packed:
        """A position for each column.

        Raises:
            FormatError: not a table row, or an infinite number.
            UnknownName: a column that the encoder was not built for.
        """
        config = self.config
        numbers = np.full((len(nouns), len(config.numbers)), np.nan)
        buckets = np.zeros((len(nouns), len(config.categories)), np.int64)
        for index, noun in enumerate(nouns):
            if noun is not None:
                row = self._checked(noun)
                numbers[index] = [row.numbers.get(name, np.nan) for name in config.numbers]
                buckets[index] = [
                    bucket_of(row.categories.get(name, ""), config.buckets, column=name) for name in config.categories
                ]
        known = np.isfinite(numbers)
        arrays = (np.where(known, numbers, 0.0).astype(np.float32), known, buckets)
        present = torch.tensor([noun is not None for noun in nouns], dtype=torch.bool)
        mask = present[:, None].repeat(1, len(config.numbers) + len(config.categories))
        return Packed(TableInput(*(torch.from_numpy(array) for array in arrays)), mask)

    def forward(self, x: TableInput, mask: Bool[Tensor, "batch column"]) -> Tokens:
        tokens = [part for part in (self._numbers(x, mask), self._categories(x)) if part is not None]
        values = torch.cat(tokens, dim=1)
        for block in self.blocks:
            values = block(values, mask)
        return Tokens(self.norm(values) * mask[..., None].to(values.dtype), mask)

    def _numbers(self, x: TableInput, mask: Tensor) -> Tensor | None:
        if self.numbers is None or self.unknown is None:
            return None
        known = x.known & mask[:, : x.known.shape[1]]
        numbers = self.standard(torch.where(known, x.numbers, 0.0).to(self.unknown.dtype))
        parts = [part(numbers) for part in (self.periodic, self.piecewise) if part is not None]
        return torch.where(known[..., None], self.numbers(torch.cat(parts, dim=-1)), self.unknown)

    def _categories(self, x: TableInput) -> Tensor | None:
        if self.categories is None:
            return None
        offsets = torch.arange(x.buckets.shape[1], device=x.buckets.device) * (self.config.buckets + 1)
        return self.categories(x.buckets + offsets)

    def _checked(self, row: Noun) -> Table:
        if not isinstance(row, Table):
            raise FormatError(f"the table encoder reads Table, got {type(row).__name__}")
        for given, known in ((row.numbers, self.config.numbers), (row.categories, self.config.categories)):
            for name in given:
                if name not in known:
                    raise UnknownName("column of this table", name, known)
        infinite = [name for name, number in row.numbers.items() if np.isinf(number)]
        if infinite:
            raise FormatError(f"column {infinite[0]!r} is infinite: give a number, or NaN where it is not known")
        return row
