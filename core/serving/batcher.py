"""The work-conserving queue before the workers: run at once where one is idle; else the next that is free takes all
that wait and fit together, up to a limit. No timer: a lone request never waits for company.

A worker that dies gives its requests back; they run again, each by itself, so that one that kills what runs it is
found. An answer is given once, whoever computed it. Everything here happens on one event loop: there are no locks.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, final

from ..types import Array
from .batching import Arrays, Asked, Joined, Joiner
from .limits import Full, Limits, Refused, TooLate
from .metrics import Metrics

_DEATHS = 3  # of workers on the same request, until it is given up


class Fatal(Refused):
    """Whatever computes this request dies of it."""

    status = 500


class Died(Exception):
    """The worker ended before it answered."""


class Worker(Protocol):
    """What runs one batch at a time."""

    def run(self, arrays: Arrays, done: Callable[[Mapping[str, Array] | Exception], None]) -> None:
        """Call `done` once, on the loop: with the outputs, with the error of the input, or with `Died`."""

    def kill(self) -> None:
        """End it at once, whatever it does."""


@dataclass(kw_only=True, eq=False)
class _Job:
    asked: Asked
    key: tuple[object, ...]
    answer: asyncio.Future[Mapping[str, Array]]
    alone: bool = False  # it ran with others, and something went wrong
    deaths: int = 0


@final
class Batcher:
    """The queue of one program. `most` is the rows of a batch; one request that brings more runs alone."""

    def __init__(self, name: str, joiner: Joiner, *, limits: Limits, metrics: Metrics, most: int = 16) -> None:
        self.name, self.joiner, self.limits, self.metrics = name, joiner, limits, metrics
        self.most = most if joiner.batch is not None else 1
        self._over: Callable[[], Refused] | None = None
        self._free: list[Worker] = []
        self._waiting: deque[_Job] = deque()
        self._running = 0
        self._usual = 0.0  # seconds a request, of late

    async def ask(self, given: Mapping[str, Array]) -> Mapping[str, Array]:
        """The outputs for one request's inputs.

        Raises:
            InputError: the inputs are not those of the program.
            Refused: too many wait, there are no workers any more, the time is over, or workers die of this request.
        """
        if self._over is not None:
            raise self._over()
        if len(self._waiting) >= self.limits.waiting and not self._free:
            again = self.again
            raise Full(f"{len(self._waiting)} wait already, as many as may: ask again in {again} s", again=again)
        asked = self.joiner.checked(given)
        loop = asyncio.get_running_loop()
        job = _Job(asked=asked, key=self.joiner.key(asked), answer=loop.create_future())
        self._waiting.append(job)
        self._pump()
        late = loop.call_later(self.limits.seconds, self._late, job)
        try:
            return await job.answer
        finally:
            late.cancel()

    @property
    def again(self) -> int:
        """Seconds after which it is worth asking again."""
        return max(1, math.ceil(min(len(self._waiting) * self._usual, self.limits.seconds)))

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether anybody still waits for an answer."""
        return self._running > 0 or any(not job.answer.done() for job in self._waiting)

    def end(self, kind: type[Refused], why: str) -> None:
        """There will be no workers any more: what waits is refused, and whoever asks from now on."""
        self._over = partial(kind, why, again=1)
        for job in self._waiting:
            if not job.answer.done():
                job.answer.set_exception(self._over())
        self._waiting.clear()

    def forget(self, worker: Worker) -> None:
        """It ended while it was idle."""
        if worker in self._free:
            self._free.remove(worker)

    def join(self, worker: Worker) -> None:
        """A worker is ready to work."""
        self._free.append(worker)
        self._pump()

    def _pump(self) -> None:
        while self._free and self._waiting:
            jobs = self._next()
            if jobs:
                self._start(self._free.pop(), jobs)

    def _next(self) -> list[_Job]:
        """The oldest that waits, and all that fit with it. What nobody waits for any more is dropped."""
        while self._waiting and self._waiting[0].answer.done():
            self._waiting.popleft()
        if not self._waiting:
            return []
        first = self._waiting.popleft()
        taken, rows, left = [first], first.asked.rows, []
        if first.alone or rows >= self.most:
            return taken
        while self._waiting:
            job = self._waiting.popleft()
            if job.answer.done():
                continue
            if job.key == first.key and not job.alone and rows + job.asked.rows <= self.most:
                taken.append(job)
                rows += job.asked.rows
                if rows >= self.most:
                    break
            else:
                left.append(job)
        self._waiting.extendleft(reversed(left))
        return taken

    def _start(self, worker: Worker, jobs: list[_Job]) -> None:
        joined = self.joiner.joined([job.asked for job in jobs])
        rows = sum(job.asked.rows for job in jobs)
        self.metrics.ran(self.name, rows=rows, cells=joined.cells, padding=joined.padding)
        self._running += 1
        began = time.perf_counter()
        stuck = asyncio.get_running_loop().call_later(self.limits.seconds, worker.kill)

        def done(found: Mapping[str, Array] | Exception) -> None:
            stuck.cancel()
            self._running -= 1
            taken = (time.perf_counter() - began) / len(jobs)
            self._usual = taken if not self._usual else 0.9 * self._usual + 0.1 * taken
            self._ended(joined, jobs, found)
            if not isinstance(found, Died):
                self._free.append(worker)
            self._pump()

        worker.run(joined.arrays, done)

    def _ended(self, joined: Joined, jobs: Sequence[_Job], found: Mapping[str, Array] | Exception) -> None:
        if isinstance(found, Died):
            self.metrics.died(self.name)
            for job in reversed(jobs):
                self._again(job)
        elif isinstance(found, Exception):
            alone = len(jobs) == 1
            for job in reversed(jobs):
                if alone and not job.answer.done():
                    job.answer.set_exception(found)
                elif not alone:  # one of them is at fault: each is asked by itself
                    job.alone = True
                    self._waiting.appendleft(job)
        else:
            for job, own in zip(jobs, self.joiner.parted(joined, found), strict=True):
                if not job.answer.done():
                    job.answer.set_result(own)

    def _again(self, job: _Job) -> None:
        job.deaths, job.alone = job.deaths + 1, True
        if job.answer.done():
            return
        if self._over is not None:
            job.answer.set_exception(self._over())
            return
        if job.deaths < _DEATHS:
            self._waiting.appendleft(job)
            return
        sentence = f"{job.deaths} workers ended while they computed this request: it is given up"
        job.answer.set_exception(Fatal(sentence))

    def _late(self, job: _Job) -> None:
        if not job.answer.done():
            sentence = f"this request was not answered within {self.limits.seconds:g} s: ask again in {self.again} s"
            job.answer.set_exception(TooLate(sentence, again=self.again))
