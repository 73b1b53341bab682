"""Units named by JSON lines, on standard input, a TCP socket or over HTTP: `{"unit": "0001", "image": "in/0001.png"}`.

Every line is answered: with the number under which the unit is taken (from then on a kill does not lose it), with the
result's number where this unit with these files was judged already, or with why it is refused.
"""

from __future__ import annotations

import json
import re
import socketserver
import sys
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, final
from urllib.parse import SplitResult

from ....core.errors import ColonnadeError, FileError, FormatError, UnknownName
from .arrivals import SUFFIXES, Arrived, Gathered
from .journal import Journal
from .sources import Source, Take, whole_unit
from .wholeness import whole

LONGEST = 1 << 20  # bytes of a line
NAME = re.compile(r"[^/\\\x00-\x1f.][^/\\\x00-\x1f]{0,119}")
Reply = dict[str, Any]


def told_unit(raw: bytes, now: float) -> Gathered:
    """The unit that a line names, with files that exist and are whole.

    Raises:
        FormatError: not a JSON object with a unit and at least one file.
        UnknownName: a key that is no sense.
        FileError: a file is missing, or is still being written.
    """
    try:
        line = json.loads(raw)
    except ValueError as error:
        raise FormatError(f"a unit is named by a JSON object in one line: {error}") from error
    if not isinstance(line, dict) or not isinstance(line.get("unit"), str) or not NAME.fullmatch(line["unit"]):
        raise FormatError('a line names its unit: {"unit": "0001", "image": "0001.png"}, the name without slashes')
    files = []
    for sense, path in line.items():
        if sense == "unit":
            continue
        if sense not in SUFFIXES:
            raise UnknownName("sense", sense, SUFFIXES)
        if not isinstance(path, str):
            raise FormatError(f"the {sense} of unit {line['unit']} is a path, got {path!r}")
        files.append(_file(line["unit"], sense, Path(path)))
    if not files:
        raise FormatError(f"unit {line['unit']} names no file: give it any of {', '.join(SUFFIXES)}")
    return whole_unit(files, now)


def _file(unit: str, sense: str, path: Path) -> Arrived:
    try:
        stat = path.stat()
    except OSError as error:
        raise FileError(f"the {sense} of unit {unit}: {path}: {error.strerror}") from error
    if whole(path) is False and time.time() - stat.st_mtime < 10.0:
        raise FileError(f"the {sense} of unit {unit} is still being written: {path}: name it when it is whole")
    return Arrived(unit=unit, sense=sense, path=path, size=stat.st_size, mtime_ns=stat.st_mtime_ns)


class Stream(Source):
    """What every stream does with a line."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.open: dict[str, Gathered] = {}  # taken, and not judged yet
        self.lines = self.errors = 0
        self._one = threading.Lock()

    def answer(self, raw: bytes, take: Take) -> Reply:
        """Take one unit; the reply to its sender."""
        self.lines += 1
        try:
            unit = told_unit(raw, time.monotonic())
        except ColonnadeError as error:
            self.errors += 1
            return {"error": str(error)}
        with self._one:  # one sender after another: what is promised is then taken
            held = self.open.get(unit.unit) or self._promised(unit.unit)
            if held is not None:
                same = {sense: each.identity for sense, each in held.files.items()}
                if same == {sense: each.identity for sense, each in unit.files.items()}:
                    return {"unit": unit.unit, "accepted": held.accepted}
                return {
                    "unit": unit.unit,
                    "refused": "the unit waits to be judged with other files: send it after that",
                }
            if all(self.journal.seen(file) for file in unit.files.values()):
                return {"unit": unit.unit, "judged": self.journal.judged[unit.unit].number}
            self.journal.accept(unit)
            self.open[unit.unit] = unit
            if not take(unit):
                del self.open[unit.unit]
                self.journal.withdraw(unit)
                return {"unit": unit.unit, "refused": "the line is full: send it again later"}
        return {"unit": unit.unit, "accepted": unit.accepted}

    def judged(self, unit: str) -> None:
        self.open.pop(unit, None)

    def to_dict(self) -> dict[str, object]:
        return {"lines": self.lines, "errors": self.errors, "open": len(self.open)}

    def _promised(self, unit: str) -> Gathered | None:
        return next((each for each in self.journal.waiting() if each.unit == unit), None)

    @abstractmethod
    def run(self, take: Take, stopping: threading.Event) -> None: ...


@final
class Standard(Stream):
    """Standard input; replies that are no promise go to standard error."""

    def run(self, take: Take, stopping: threading.Event) -> None:
        for raw in _lines(sys.stdin.buffer):
            if stopping.is_set():
                return
            while "refused" in (reply := self.answer(raw, take)):  # there is nobody who could send it again
                if stopping.wait(0.05):
                    return
            if "accepted" not in reply:
                print(json.dumps(reply), file=sys.stderr, flush=True)  # noqa: T201


@final
class Socket(Stream):
    """JSON lines over TCP, each answered by a line."""

    def __init__(self, journal: Journal, address: SplitResult) -> None:
        super().__init__(journal)
        self.server = _bound(address, lambda: socketserver.ThreadingTCPServer(
            (address.hostname or "", address.port or 0), _Lines, bind_and_activate=False))  # fmt: skip
        self.server.daemon_threads = True

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def run(self, take: Take, stopping: threading.Event) -> None:
        self.server.reply = lambda raw: self.answer(raw, take)
        _serve(self.server, stopping)


@final
class Web(Stream):
    """POST of JSON lines; 200 with a reply a line, 400 where one is wrong, 503 where one is refused. GET tells the
    state of the line."""

    def __init__(self, journal: Journal, address: SplitResult, state: Callable[[], dict[str, Any]]) -> None:
        super().__init__(journal)
        self.server = _bound(address, lambda: ThreadingHTTPServer(
            (address.hostname or "", address.port or 0), _Request, bind_and_activate=False))  # fmt: skip
        self.server.daemon_threads = True
        self.state = state

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def run(self, take: Take, stopping: threading.Event) -> None:
        self.server.reply = lambda raw: self.answer(raw, take)
        self.server.state = self.state
        _serve(self.server, stopping)


class _Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for raw in _lines(self.rfile):
            self.wfile.write((json.dumps(self.server.reply(raw)) + "\n").encode())  # type: ignore[attr-defined]


class _Request(BaseHTTPRequestHandler):
    timeout = 60

    def do_GET(self) -> None:
        self._say(200, self.server.state())  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 < size <= 16 * LONGEST:
            self._say(400, {"error": f"POST JSON lines of 1 to {16 * LONGEST} bytes, got {size}"})
            return
        found = [self.server.reply(raw) for raw in self.rfile.read(size).splitlines() if raw.strip()]  # type: ignore[attr-defined]
        code = (
            400 if any("error" in each for each in found) else 503 if any("refused" in each for each in found) else 200
        )
        self._say(code, {"replies": found})

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: results are."""

    def _say(self, code: int, said: Reply) -> None:
        body = json.dumps(said).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _lines(stream: Any) -> Iterable[bytes]:
    """Lines with something on them; one that is too long is cut, and will not be understood."""
    while raw := stream.readline(LONGEST):
        if raw.strip():
            yield raw


def _bound(address: SplitResult, make: Callable[[], Any]) -> Any:
    server = make()
    server.allow_reuse_address = True
    try:
        server.server_bind()
        server.server_activate()
    except OSError as error:
        server.server_close()
        raise FileError(f"cannot listen at {address.geturl()}: {error.strerror or error}") from error
    return server


def _serve(server: Any, stopping: threading.Event) -> None:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    stopping.wait()
    server.shutdown()
    server.server_close()
    thread.join(1.0)
