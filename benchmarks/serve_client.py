"""An open-loop load: requests leave at the times that were drawn for them, whether or not earlier ones were answered.

It runs in a process of its own, speaks HTTP/1.1 over plain sockets with bodies made beforehand, and costs a small part
of what the server costs. Times count from when a request was due, so a slow server cannot hide behind a slow client.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


class Connection(asyncio.Protocol):
    """One connection: one request under way at a time."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.buffer = bytearray()
        self.number: int | None = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, number: int) -> None:
        self.number = number
        self.transport.write(self.load.requests[number % len(self.load.requests)])

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (head := self.buffer.find(b"\r\n\r\n")) >= 0:
            lines = bytes(self.buffer[:head]).lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            if len(self.buffer) < head + 4 + length:
                return
            status = int(lines[0].split()[1])
            body = bytes(self.buffer[head + 4 : head + 4 + length])
            del self.buffer[: head + 4 + length]
            number, self.number = self.number, None
            self.load.answered(self, number, status, body, any(line.startswith(b"retry-after:") for line in lines))

    def connection_lost(self, error: Exception | None) -> None:
        self.load.lost(self, self.number)


class Load:
    """`due`: seconds from the start at which each request leaves."""

    def __init__(self, port: int, requests: list[bytes], due: np.ndarray, *, most: int, keep: bool) -> None:
        self.port, self.requests, self.due, self.most, self.keep = port, requests, due, most, keep
        self.free: list[Connection] = []
        self.open = 0
        self.waiting: list[int] = []
        self.status: dict[int, int] = {}
        self.times: dict[int, float] = {}
        self.bodies: dict[int, bytes] = {}
        self.doubled = self.broken = self.told_when = 0
        self.finished: asyncio.Future[None] | None = None
        self.began = 0.0
        self.reaching: set[asyncio.Task[None]] = set()

    async def run(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        self.finished = loop.create_future()
        self.began = time.perf_counter()
        for number, due in enumerate(self.due.tolist()):
            while (left := due - (time.perf_counter() - self.began)) > 0:
                await asyncio.sleep(left if left > 0.002 else 0)
            self.leave(number)
            if number % 64 == 0:
                await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.finished, 120)
        return self.told()

    def leave(self, number: int) -> None:
        if self.free:
            self.free.pop().ask(number)
        else:
            self.waiting.append(number)
            if self.open < self.most:
                self.reach()

    def reach(self) -> None:
        self.open += 1
        task = asyncio.ensure_future(self.connect())
        self.reaching.add(task)
        task.add_done_callback(self.reaching.discard)

    async def connect(self) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self), "127.0.0.1", self.port
            )
        except OSError:
            self.open -= 1
            await asyncio.sleep(0.05)
            if self.waiting and self.open < self.most:
                self.reach()
            return
        self.idle(connection)

    def idle(self, connection: Connection) -> None:
        if self.waiting:
            connection.ask(self.waiting.pop(0))
        else:
            self.free.append(connection)

    def answered(self, connection: Connection, number: int | None, status: int, body: bytes, when: bool) -> None:
        if number is None or number in self.status:
            self.doubled += 1
            return
        self.status[number] = status
        self.times[number] = time.perf_counter() - self.began - self.due[number]
        self.told_when += when
        if self.keep:
            self.bodies[number] = body
        self.idle(connection)
        if len(self.status) + self.broken >= len(self.due) and self.finished is not None and not self.finished.done():
            self.finished.set_result(None)

    def lost(self, connection: Connection, number: int | None) -> None:
        self.open -= 1
        if connection in self.free:
            self.free.remove(connection)
        if number is not None and number not in self.status:
            self.broken += 1

    def told(self) -> dict[str, Any]:
        good = sorted(number for number, status in self.status.items() if status == 200)
        ends = [self.due[number] + self.times[number] for number in good]
        times = np.array([self.times[number] for number in good]) if good else np.array([np.nan])
        counts: dict[str, int] = {}
        for status in self.status.values():
            counts[str(status)] = counts.get(str(status), 0) + 1
        return {
            "asked": len(self.due), "answered": len(good), "status": counts, "doubled": self.doubled,
            "lost": len(self.due) - len(self.status), "told_when": self.told_when,
            "rate": len(good) / max(1e-9, max(ends, default=0.0) - self.due[0]),
            "p50": float(np.percentile(times, 50)), "p99": float(np.percentile(times, 99)),
        }  # fmt: skip


def request_of(path: str, kind: str, body: bytes) -> bytes:
    """The bytes of one request."""
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def due_at(rate: float, count: int, seed: int) -> np.ndarray:
    """Poisson arrivals."""
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, count))


async def lone(port: int, requests: list[bytes], count: int) -> list[float]:
    """Seconds of requests one after the other on one connection, nothing else under way."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    for number in range(count):
        began = time.perf_counter()
        writer.write(requests[number % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        times.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()
    return times


def main() -> None:
    """Orders come as lines of JSON on standard input, answers go to standard output, until the input ends."""
    made: dict[str, list[bytes]] = {}
    for line in sys.stdin:
        order = json.loads(line)
        place = order["requests"]
        if place not in made:
            with np.load(place, allow_pickle=False) as archive:
                kinds = [str(archive["path"]), str(archive["kind"])]
                made[place] = [
                    request_of(*kinds, archive[f"body{number}"].tobytes()) for number in range(int(archive["count"]))
                ]
        if "lone" in order:
            answer: Any = {"times": asyncio.run(lone(order["port"], made[place], order["lone"]))}
        else:
            due = due_at(order["rate"], order["count"], order.get("seed", 0))
            load = Load(order["port"], made[place], due, most=order.get("most", 256), keep="bodies" in order)
            answer = asyncio.run(load.run())
            if "bodies" in order:
                kept = {str(key): np.frombuffer(value, np.uint8) for key, value in load.bodies.items()}
                np.savez(Path(order["bodies"]), **kept)
        print(json.dumps(answer), flush=True)
