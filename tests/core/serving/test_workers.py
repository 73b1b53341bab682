"""A crew is never larger than wanted: what dies is started again, ever more slowly, and given up with a sentence."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("prometheus_client")

from colonnade.core.engine.folder import Port
from colonnade.core.serving import workers
from colonnade.core.serving.batcher import Batcher
from colonnade.core.serving.batching import Joiner
from colonnade.core.serving.limits import Limits, Unmanned
from colonnade.core.serving.metrics import Metrics
from colonnade.core.serving.workers import Crew, Opening

PLAYED = """
import socket, struct, sys, pathlib
folder = pathlib.Path(sys.argv[2])
with (folder / "started").open("a") as book:
    book.write("x")
how = (folder / "how").read_text()
if how == "ends":
    sys.exit(1)
line = socket.socket(fileno=int(sys.argv[1]))
hello = b'A{"sha256": "one"}'
line.sendall(struct.pack("<Q", len(hello)) + hello)
if how == "waits":
    line.recv(1)
"""


@dataclass(frozen=True, kw_only=True)
class Played(Opening):
    """A worker that says hello and waits, says hello and ends, or ends at once, as the file `how` says."""

    def words(self, number: int, *, proven: str = "") -> list[str]:
        return [sys.executable, "-S", "-c", PLAYED, str(number), str(self.folder)]


def crewed(folder: Path, test: Callable[[Crew, Batcher], Awaitable[None]], *, size: int = 1) -> None:
    def batcher_of(hello: dict[str, Any]) -> Batcher:
        ports = [Port(name=name, shape=("batch",), dtype="float32") for name in "xy"]
        return Batcher("p", Joiner(ports[:1], ports[1:]), limits=Limits(), metrics=Metrics())

    async def main() -> None:
        crew = Crew(batcher_of, Played(folder=folder), size=size)
        batcher = await crew.start()
        try:
            await test(crew, batcher)
        finally:
            await crew.close()

    asyncio.run(main())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "how").write_text("waits")
    return tmp_path


def started(folder: Path) -> int:
    return len((folder / "started").read_text())


async def until(true: Callable[[], bool]) -> None:
    over = time.monotonic() + 20
    while not true():
        assert time.monotonic() < over, "it did not come so far"
        await asyncio.sleep(0.01)


def test_a_worker_that_does_not_start_again_is_given_up_with_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_FIRST", 0.001)
    monkeypatch.setattr(workers, "_TRIES", 3)

    async def test(crew: Crew, batcher: Batcher) -> None:
        (folder / "how").write_text("ends")
        os.kill(crew.pids[0], signal.SIGKILL)
        await until(lambda: not crew.pids)
        waiting = asyncio.ensure_future(batcher.ask({"x": np.zeros(1, np.float32)}))
        with pytest.raises(Unmanned, match="no worker started in 3 tries"):
            await waiting
        with pytest.raises(Unmanned):
            await batcher.ask({"x": np.zeros(1, np.float32)})
        assert crew.failed is not None
        await asyncio.sleep(0.05)
        assert started(folder) == 4

    crewed(folder, test)


def test_workers_that_die_young_are_started_ever_more_slowly_and_are_never_too_many(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    async def test(crew: Crew, batcher: Batcher) -> None:
        (folder / "how").write_text("leaves")
        for pid in crew.pids:
            os.kill(pid, signal.SIGKILL)
        for _ in range(100):
            await asyncio.sleep(0.01)
            assert len(crew.pids) <= 2
        assert started(folder) <= 2 + 2 * 6  # 0.1, 0.2, 0.4, ... seconds apart

    crewed(folder, test, size=2)


def test_a_machine_that_starts_no_more_processes_is_asked_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_FIRST", 0.001)
    start, refused = workers.subprocess.Popen, []

    def popen(*words: Any, **how: Any) -> Any:
        if len(refused) < 2:
            refused.append(words)
            raise BlockingIOError("no more processes")
        return start(*words, **how)

    async def test(crew: Crew, batcher: Batcher) -> None:
        before = crew.pids
        monkeypatch.setattr(workers.subprocess, "Popen", popen)
        os.kill(before[0], signal.SIGKILL)
        await until(lambda: len(crew.pids) == 1 and crew.pids != before)
        assert len(refused) == 2

    crewed(folder, test)
