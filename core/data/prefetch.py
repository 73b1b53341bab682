"""Batches made ahead by a thread, in order, so that a step finds its batch ready; what is in them does not change.

Reading files, decoding, NumPy and torch let other threads run meanwhile; a `collate` in pure Python does not, and gains
nothing here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


def ahead(batches: Sequence[Any], depth: int) -> Sequence[Any]:
    """The same batches; after one is asked for, the next `depth` are being made. Depth 0 makes none ahead."""
    return Ahead(batches, depth) if depth > 0 else batches


class Ahead(Sequence[Any]):
    """A sequence read in order, once; an index out of order is answered, only not sooner."""

    def __init__(self, batches: Sequence[Any], depth: int) -> None:
        self._batches, self._depth = batches, depth
        self._coming: deque[tuple[int, Future[Any]]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not self._coming or self._coming[0][0] != index:
            self._drop()
            self._ask(index)
        for each in range(self._coming[-1][0] + 1, min(index + self._depth + 1, len(self))):
            self._ask(each)
        _, made = self._coming.popleft()
        if not self._coming and self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None
        return made.result()

    def _ask(self, index: int) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._coming.append((index, self._thread.submit(self._batches.__getitem__, index)))

    def _drop(self) -> None:
        while self._coming:
            self._coming.popleft()[1].cancel()
