"""Records to batches: an order drawn from the seed and the epoch, optional bucketing by length, a pure `collate`.

Batch `i` of epoch `e` is a function of (seed, e, i) alone, so a run that resumes needs no state from here.
It knows nothing of what a record holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from ..errors import ConfigError
from ..random import numpy_generator, torch_generator
from .shards import Shards

Record = TypeVar("Record")
Change = Callable[[Any, int, torch.Generator], Any]


class Batches(Generic[Record]):
    """Called with an epoch number it gives that epoch's batches, a sequence that collates a batch when asked.

    `collate` turns a list of records into a batch. `lengths` (one a record) puts records of like length together, so
    that little is padding; chance still mixes them. `change(batch, epoch, generator)` is applied last (modality
    dropout, curriculum, augmentation), with a generator of its own for each batch. `weights` (one a record) below 1 are
    the shares of the epochs in which a record is seen. `part` = (rank, ranks) keeps this rank's rows of every batch, as
    many on each rank (up to ranks - 1 rows an epoch are left out for that).

    Raises:
        ConfigError: no records, another number of lengths or weights than records, or a size that ranks cannot share.
    """

    def __init__(
        self,
        records: Sequence[Record],
        collate: Callable[[list[Record]], Any],
        *,
        size: int,
        seed: int = 0,
        lengths: Sequence[int] | None = None,
        change: Change | None = None,
        weights: Sequence[float] | None = None,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        if size < 1 or not len(records):
            raise ConfigError(f"batches need records and a size of at least 1, got {len(records)} and size {size}")
        if lengths is not None and len(lengths) != len(records):
            raise ConfigError(f"{len(records)} records need as many lengths, got {len(lengths)}")
        if weights is not None and len(weights) != len(records):
            raise ConfigError(f"{len(records)} records need as many weights, got {len(weights)}")
        if size % part[1]:
            raise ConfigError(f"a batch of {size} cannot be shared evenly by {part[1]} ranks: give a multiple")
        self.records, self.collate, self.size, self.seed = records, collate, size, seed
        self.lengths, self.change, self.part = lengths, change, part
        self.weights = None if weights is None or min(weights) >= 1 else np.asarray(weights, np.float64)

    def __call__(self, epoch: int) -> Epoch:
        """The batches of that epoch."""
        return Epoch(self, epoch)

    def order(self, epoch: int) -> list[list[int]]:
        """Row numbers by batch; every record once (but for weights), one batch may be smaller."""
        generator = numpy_generator(self.seed, f"order/{epoch}")
        order = generator.permutation(len(self.records))
        if isinstance(self.records, Shards):  # which stay near each other
            order = self.records.order(epoch, seed=self.seed)
        if self.weights is not None:
            seen = numpy_generator(self.seed, f"weights/{epoch}").random(len(order)) < self.weights
            order = order[seen[order]] if seen.any() else order
        order = order[: len(order) - len(order) % self.part[1]]
        if self.lengths is not None:
            # A pool of 32 batches sorted by length: neighbours are alike, and pools still differ between epochs.
            pool = 32 * self.size
            lengths = np.asarray(self.lengths)
            pools = [order[start : start + pool] for start in range(0, len(order), pool)]
            order = np.concatenate([each[np.argsort(lengths[each], kind="stable")] for each in pools])
        batches = [order[start : start + self.size].tolist() for start in range(0, len(order), self.size)]
        if self.lengths is None:
            return batches
        return [batches[each] for each in generator.permutation(len(batches))]


class Epoch(Sequence[Any]):
    """The batches of one epoch, collated when asked for."""

    def __init__(self, batches: Batches[Any], epoch: int) -> None:
        self._batches, self._epoch, self._order = batches, epoch, batches.order(epoch)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        source = self._batches
        rank, ranks = source.part
        batch = source.collate([source.records[row] for row in self._order[index][rank::ranks]])
        if source.change is None:
            return batch
        number = index % len(self)
        generator = torch_generator(source.seed, f"change/{self._epoch}/{number}/{rank}")
        return source.change(batch, self._epoch, generator)
