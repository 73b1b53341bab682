"""Who comes in, whose turn it is, and who has waited long enough. It knows nothing of what is computed, nor of HTTP."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, final

import anyio
import anyio.to_thread

from .limits import Full, Limits, Stopping, TooLate, TooLong

T = TypeVar("T")


@final
class Gate:
    """One request is computed at a time; `limits.waiting` more may wait, each until its time is over.

    `turn` is held while something is computed, so that others who compute in this process can take it too.
    """

    def __init__(self, limits: Limits, turn: anyio.CapacityLimiter) -> None:
        self.limits, self.turn = limits, turn
        self.inside = 0
        self.stopped = False
        self._usual = 0.0  # seconds that one takes, of late
        self._began: float | None = None
        self._running: set[asyncio.Task[Any]] = set()

    @contextmanager
    def entered(self) -> Iterator[float]:
        """Inside, until left; the time of the loop at which the request's time is over.

        Raises:
            Full: as many wait as may wait.
            Stopping: the server is being stopped.
        """
        if self.stopped:
            raise Stopping("this server is stopping: ask again, or ask another", again=1)
        if self.inside > self.limits.waiting:
            raise Full(
                f"{self.inside - 1} wait already, as many as this server lets wait: ask again in {self.again} s",
                again=self.again,
            )
        self.inside += 1
        try:
            yield asyncio.get_running_loop().time() + self.limits.seconds
        finally:
            self.inside -= 1

    @property
    def again(self) -> int:
        """Seconds after which it is worth asking again: what those inside will take, by what others took of late."""
        return max(1, math.ceil(min(self.inside * self._usual, self.limits.seconds)))

    def stop(self) -> None:
        """Let nobody in any more; who is inside is answered."""
        self.stopped = True

    @property
    def overdue(self) -> float:
        """Seconds by which what is being computed has overrun its time (a thread cannot be stopped)."""
        return 0.0 if self._began is None else max(0.0, time.monotonic() - self._began - self.limits.seconds)

    async def computed(
        self,
        work: Callable[[], T],
        *,
        until: float,
        done: Callable[[], None],
        wanted: Callable[[], Awaitable[bool]] | None = None,
    ) -> T | None:
        """What `work` returns, run in a thread when its turn comes; None where it was not `wanted` any more by then.

        `done` is called once, when nothing works any more, even if that is long after the answer was given up.

        Raises:
            TooLate: the turn did not come in time; `work` is not run.
            TooLong: the turn came, and the time was over before the end.
        """
        started = asyncio.Event()
        task = asyncio.ensure_future(self._turned(work, started, done, wanted))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        left = until - asyncio.get_running_loop().time()
        ended, _ = await asyncio.wait({task}, timeout=max(0.0, left))
        if ended:
            return task.result()
        if not started.is_set():
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():  # its turn came in the last moment
                return task.result()
            raise TooLate(
                f"the turn of this request did not come within {self.limits.seconds:g} s: ask again in {self.again} s",
                again=self.again,
            )
        task.add_done_callback(_forgotten)
        raise TooLong(f"this request took longer than the {self.limits.seconds:g} s that a request may take")

    async def _turned(
        self,
        work: Callable[[], T],
        started: asyncio.Event,
        done: Callable[[], None],
        wanted: Callable[[], Awaitable[bool]] | None,
    ) -> T | None:
        try:
            async with self.turn:
                if wanted is not None and not await wanted():
                    return None
                started.set()
                began = self._began = time.monotonic()
                try:
                    return await anyio.to_thread.run_sync(work)
                finally:
                    self._began = None
                    taken = time.monotonic() - began
                    self._usual = taken if not self._usual else 0.8 * self._usual + 0.2 * taken
        finally:
            done()


def _forgotten(task: asyncio.Task[Any]) -> None:
    """Nobody waits for this answer any more, nor for its error."""
    if not task.cancelled():
        task.exception()
