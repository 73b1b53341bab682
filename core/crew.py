"""A crew of processes that each load something once and then work on what they are handed, one thing at a time.

A process that dies (out of memory, killed, a crash in a library) is replaced and its work handed out again; work that
has cost two of them comes back as lost. It knows nothing of what the work is.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import connection, get_context
from typing import Any

from .errors import ColonnadeError, InputError

Load = Callable[[], Callable[[Any], Any]]
TRIES = 2


@dataclass
class Lost:
    """What came of work that no process survived."""

    deaths: int


@dataclass
class _Worker:
    process: Any
    pipe: connection.Connection
    ready: bool = False
    number: int = -1  # of what it works on


class Crew:
    """`size` processes; `load` runs in each and gives the function that does the work. It and the work can be pickled.

    Raises:
        InputError: loading failed; with its sentence.
    """

    def __init__(self, load: Load, size: int) -> None:
        if size < 1:
            raise InputError(f"processes must be at least 1, got {size}")
        self._load, self._size = load, size
        self._workers: list[_Worker] = []

    def map(self, work: Iterable[Any]) -> Iterator[Any]:
        """What comes of each piece of work, in order; only a few of them are held at a time."""
        threads = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = threads or str(max(1, (os.cpu_count() or 1) // self._size))
        try:
            self._workers = [self._hired() for _ in range(self._size)]
            yield from self._mapped(iter(work))
        finally:
            for worker in self._workers:
                worker.process.kill()
                worker.process.join()
                worker.pipe.close()
            if threads is None:
                del os.environ["OMP_NUM_THREADS"]

    def _mapped(self, work: Iterator[Any]) -> Iterator[Any]:
        waiting: deque[int] = deque()  # handed out before, and lost with the process
        held: dict[int, Any] = {}  # work that is not done, by number
        done: dict[int, Any] = {}
        deaths: dict[int, int] = {}
        coming, given, more = 0, 0, True  # the next number to give back, the next to hand out
        while more or held or done:
            for worker in self._workers:
                if not worker.ready or worker.number >= 0:
                    continue
                if waiting:
                    number = waiting.popleft()
                elif more and given < coming + 8 * self._size:
                    try:
                        held[given] = next(work)
                    except StopIteration:
                        more = False
                        continue
                    number, given = given, given + 1
                else:
                    continue
                self._hand(worker, number, held[number])
            while coming in done:
                yield done.pop(coming)
                coming += 1
            if not held and not more:
                continue
            for worker in self._heard():
                number, came = self._said(worker)
                if number < 0:
                    continue
                if came is None:  # it died
                    deaths[number] = deaths.get(number, 0) + 1
                    if deaths[number] < TRIES:
                        waiting.append(number)
                        continue
                    came = Lost(deaths[number])
                held.pop(number)
                done[number] = came

    def _heard(self) -> list[_Worker]:
        """Those that have something to say, or have died."""
        pipes = {worker.pipe: worker for worker in self._workers}
        ready = connection.wait(list(pipes))
        return [pipes[each] for each in ready]  # type: ignore[index]

    def _said(self, worker: _Worker) -> tuple[int, Any]:
        """The number of the work and what came of it, None if the process died; number -1 if it was none."""
        try:
            kind, came = worker.pipe.recv()
        except (EOFError, OSError):
            number = worker.number
            worker.process.join()
            if not worker.ready:
                raise InputError(
                    f"a process died while it loaded (exit code {worker.process.exitcode}): try fewer processes"
                ) from None
            worker.pipe.close()
            self._workers[self._workers.index(worker)] = self._hired()
            return number, None
        if kind == "failed":
            raise InputError(came)
        if kind == "ready":
            worker.ready = True
            return -1, None
        number, worker.number = worker.number, -1
        return number, came

    def _hand(self, worker: _Worker, number: int, work: Any) -> None:
        worker.number = number
        try:
            worker.pipe.send(work)
        except OSError:
            return  # it has died: `_said` will see it

    def _hired(self) -> _Worker:
        context = get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_work, args=(there, self._load), daemon=True)
        process.start()
        there.close()
        return _Worker(process, here)


def _work(pipe: connection.Connection, load: Load) -> None:
    sys.stdout = sys.stderr  # standard output is the answer alone
    try:
        do = load()
    except ColonnadeError as error:
        pipe.send(("failed", str(error)))
        return
    pipe.send(("ready", None))
    while True:
        try:
            work = pipe.recv()
            pipe.send(("done", do(work)))
        except (EOFError, BrokenPipeError):  # the one who asked is gone
            return
