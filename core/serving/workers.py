"""Processes that run a program, seen from the server: started, spoken to, and started again when they die.

A crew never has more of them than were wanted: a place is filled again when its process has ended, ever more slowly
where they die young, and stays empty after so many tries.

What they are asked and how requests share them is the batcher's affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, final

from ..errors import CheckpointError, FormatError
from ..types import Array
from .batcher import Batcher, Died
from .batching import Arrays
from .limits import Stopping, Unmanned
from .worker import ANSWER, ERROR, packed, unpacked

_LOG = logging.getLogger(__name__)
_HEAD = struct.Struct("<Q")
_FIRST, _SLOWEST = 0.1, 30.0  # seconds before a second try to start a worker, and at most before another
_TRIES = 10  # to start a worker in one place, until it stays empty: about two minutes where each fails at once
_YOUNG = 5.0  # seconds that a worker must have lived for another to start at once
_OPENING = 120.0  # seconds in which a program must be open

Done = Callable[[Mapping[str, Array] | Exception], None]


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How a folder is opened: on which engine, in which precision (None: as exported), on how many threads."""

    folder: Path
    engine: str = "auto"
    precision: str | None = None
    threads: int | None = None

    def words(self, number: int, *, proven: str = "") -> list[str]:
        """The command of a worker that finds its socket under that number; `proven` as in `Process.start`."""
        module = f"{__package__}.worker"
        own = [str(number), str(self.folder), self.engine, self.precision or "", str(self.threads or 0), proven]
        return [sys.executable, "-m", module, *own]


class Fault(Exception):
    """The worker's own failure, which is in no words for the caller."""


@final
class Process(asyncio.Protocol):
    """One worker process and the line to it. `lost` is called once, when it is gone."""

    def __init__(self, opening: Opening, lost: Callable[[Process], None]) -> None:
        self.opening, self._lost = opening, lost
        self._buffer = bytearray()
        self._frame: asyncio.Future[bytes] | None = None
        self._done: Done | None = None
        self._transport: asyncio.Transport | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._ready: float | None = None

    async def start(self, *, proven: str = "") -> dict[str, Any]:
        """What the worker says of the program, once it is ready. `proven` is the digest (`sha256`) that another worker
        has said: a program that has it is not proven again, any other is refused. Close it if this raises.

        Raises:
            CheckpointError: the program cannot be opened, or is not what was exported.
            OSError: this machine starts no more processes.
        """
        loop = asyncio.get_running_loop()
        mine, its = socket.socketpair()
        try:
            with its:
                self._child = subprocess.Popen(
                    self.opening.words(its.fileno(), proven=proven), pass_fds=(its.fileno(),), stdin=subprocess.DEVNULL
                )
        except BaseException:
            mine.close()
            raise
        self._frame = loop.create_future()
        await loop.create_connection(lambda: self, sock=mine)
        try:
            async with asyncio.timeout(_OPENING):
                frame = await self._frame
        except TimeoutError as error:
            sentence = f"the worker for {self.opening.folder} was not ready within {_OPENING:g} s"
            raise CheckpointError(sentence) from error
        except ConnectionError as error:
            sentence = f"the worker for {self.opening.folder} ended before it was ready: the log has its last words"
            raise CheckpointError(sentence) from error
        finally:
            self._frame = None
        if frame[:1] != ANSWER:
            raise CheckpointError(frame[1:].decode())
        self._ready = time.monotonic()
        found: dict[str, Any] = json.loads(frame[1:])
        return found

    @property
    def young(self) -> bool:
        """Whether it became ready only just now."""
        return self._ready is None or time.monotonic() - self._ready < _YOUNG

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def run(self, arrays: Arrays, done: Done) -> None:
        self._done = done
        if self._transport is None or self._transport.is_closing():
            asyncio.get_running_loop().call_soon(self._tell, Died())
            return
        data = packed(arrays)
        self._transport.write(_HEAD.pack(len(data)))
        self._transport.write(data)

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    async def close(self) -> None:
        """End it and wait until it has ended."""
        if self._transport is not None:
            self._transport.close()
        if self._child is not None:
            try:
                await asyncio.to_thread(self._child.wait, 5)
            except subprocess.TimeoutExpired:
                self._child.kill()
                await asyncio.to_thread(self._child.wait)

    # ---- what the loop calls ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is none by its classes

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            end = _HEAD.size + _HEAD.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                return
            frame = bytes(memoryview(self._buffer)[_HEAD.size : end])
            del self._buffer[:end]
            if self._frame is not None:
                self._frame.set_result(frame)
            else:
                self._tell(_meaning(frame))

    def connection_lost(self, error: Exception | None) -> None:
        if self._frame is not None and not self._frame.done():
            self._frame.set_exception(ConnectionError("the worker is gone"))
        self._tell(Died())
        self._lost(self)

    def _tell(self, found: Mapping[str, Array] | Exception) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(found)


@final
class Crew:
    """The workers of one program, at most `size` at any time. `failed` says why a place stays empty."""

    def __init__(self, batcher_of: Callable[[dict[str, Any]], Batcher], opening: Opening, *, size: int) -> None:
        self.opening, self.size = opening, size
        self._batcher_of = batcher_of
        self._members: set[Process] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False
        self._early = 0  # deaths in a row of workers that were young
        self.failed: str | None = None
        self.batcher: Batcher | None = None
        self.hello: dict[str, Any] = {}

    async def start(self) -> Batcher:
        """All of them, ready.

        Raises:
            CheckpointError: the program cannot be opened.
        """
        try:
            for _ in range(self.size):
                worker, hello = await self._one()
                if self.batcher is None:
                    self.hello, self.batcher = hello, self._batcher_of(hello)
                self.batcher.join(worker)
        except BaseException:
            await self.close()
            raise
        assert self.batcher is not None
        return self.batcher

    @property
    def pids(self) -> list[int]:
        return sorted(worker.pid for worker in self._members if worker.pid is not None)

    async def close(self) -> None:
        """End all of them; what still waits is refused."""
        self._ending = True
        if self.batcher is not None:
            self.batcher.end(Stopping, "this server has stopped: ask again, or ask another")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.close() for worker in tuple(self._members)))
        self._members.clear()

    async def _one(self) -> tuple[Process, dict[str, Any]]:
        worker = Process(self.opening, self._lost)
        try:
            hello = await worker.start(proven=self.hello.get("sha256", ""))
        except BaseException:
            await asyncio.shield(worker.close())
            raise
        self._members.add(worker)  # one that dies before is the affair of whoever started it
        return worker, hello

    def _lost(self, worker: Process) -> None:
        if self._ending or worker not in self._members:
            return
        self._members.discard(worker)
        if self.batcher is None:
            return
        self.batcher.forget(worker)
        self._early = self._early + 1 if worker.young else 0
        _LOG.warning("a worker of %s ended: another takes its place", self.batcher.name)
        task = asyncio.ensure_future(self._replaced(worker, self.batcher))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _replaced(self, dead: Process, batcher: Batcher) -> None:
        """Fill the place of one that has died, or give it up."""
        await dead.close()
        if self._early > 1:
            await asyncio.sleep(_pause(self._early - 2))
        why = ""
        for tried in range(_TRIES):
            if tried:
                await asyncio.sleep(_pause(tried - 1))
            try:
                worker, _ = await self._one()
            except (CheckpointError, OSError) as error:
                why = str(error)
                _LOG.error("a worker of %s does not start (try %d of %d): %s", batcher.name, tried + 1, _TRIES, why)
            else:
                batcher.join(worker)
                return
        self.failed = f"no worker started in {_TRIES} tries: {why}; POST /v1/reload when that is mended"
        _LOG.error("%s: %s; %d go on", batcher.name, self.failed, len(self._members))
        if not self._members and self._tasks == {asyncio.current_task()}:
            batcher.end(Unmanned, f"nothing computes {batcher.name} any more: {self.failed}")


def _pause(number: int) -> float:
    """Seconds to wait, twice as many each time."""
    return float(min(_FIRST * 2 ** min(number, 20), _SLOWEST))


def _meaning(frame: bytes) -> Mapping[str, Array] | Exception:
    kind = frame[:1]
    if kind == ANSWER:
        return unpacked(frame[1:])
    with contextlib.suppress(UnicodeDecodeError):
        said = frame[1:].decode()
        return FormatError(said) if kind == ERROR else Fault(said)
    return Fault("a worker said what cannot be read")
