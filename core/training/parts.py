"""A rank's rows of a batch, whatever the batch is made of; together the ranks have each row once.

Batches are drawn whole on every rank (they are functions of seed and number), so that several processes see what one
would have seen, down to which modality was hidden.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor


def part_of(batch: Any, rank: int, ranks: int) -> tuple[Any, float]:
    """This rank's rows and their weight, such that the mean over ranks of weight times mean loss is the whole's mean.

    A batch whose rows cannot be told (its arrays disagree on their number), or that has fewer than ranks, is given to
    every rank whole: right, but no faster.
    """
    sizes = set(_lengths(batch))
    if ranks < 2 or len(sizes) != 1 or (rows := sizes.pop()) < ranks:
        return batch, 1.0
    mine = len(range(rank, rows, ranks))
    return _taken(batch, rank, ranks), mine * ranks / rows


def _lengths(batch: Any) -> Iterator[int]:
    """The first size of each array; -1 for one without, or for anything else that is not shared by rows."""
    if isinstance(batch, Tensor | np.ndarray):
        yield batch.shape[0] if batch.ndim else -1
    elif isinstance(batch, Mapping):
        for value in batch.values():
            yield from _lengths(value)
    elif isinstance(batch, tuple) or (
        isinstance(batch, list) and any(isinstance(x, Tensor | np.ndarray) for x in batch)
    ):
        for value in batch:
            yield from _lengths(value)
    elif isinstance(batch, list):
        yield len(batch)
    elif dataclasses.is_dataclass(batch):
        for each in dataclasses.fields(batch):
            yield from _lengths(getattr(batch, each.name))
    elif batch is not None:
        yield -1


def _taken(batch: Any, rank: int, ranks: int) -> Any:
    if isinstance(batch, Tensor | np.ndarray):
        return batch[rank::ranks]
    if isinstance(batch, Mapping):
        return type(batch)((key, _taken(value, rank, ranks)) for key, value in batch.items())  # type: ignore[call-arg]
    if isinstance(batch, tuple):
        parts = [_taken(value, rank, ranks) for value in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)
    if isinstance(batch, list) and any(isinstance(x, Tensor | np.ndarray) for x in batch):
        return [_taken(value, rank, ranks) for value in batch]
    if isinstance(batch, list):
        return batch[rank::ranks]
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        return type(batch)(**{f.name: _taken(getattr(batch, f.name), rank, ranks) for f in dataclasses.fields(batch)})
    return batch
