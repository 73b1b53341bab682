"""An append-only log in which every line holds the digest of the line before it, so that no line can be altered,
removed or moved unseen.

Each line is one JSON object: its number `n`, `time`, `event`, the facts, `previous` (SHA-256 of the line before) and
`sha256` (of this line without it). What was cut off at the end shows only against a head kept elsewhere. It knows
nothing of any field.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .errors import FileError, FormatError
from .result import Result, plain

START = "0" * 64
OWN = ("n", "time", "event", "previous", "sha256")


@dataclass(frozen=True, kw_only=True)
class Verified:
    """`lines` hold from the first; `fault` says what is wrong with the next one, or nothing. `head` is the last digest
    that holds."""

    lines: int
    head: str
    fault: str = ""

    @property
    def whole(self) -> bool:
        return not self.fault


@dataclass(frozen=True)
class AuditLog:
    """A log in one file. Several processes may append at once."""

    path: Path

    def append(self, event: str, facts: Mapping[str, Any] | None = None, *, now: datetime | None = None) -> str:
        """Add a line and return its digest, the new head, once it is on the disk.

        Raises:
            FormatError: a fact of a name that the log uses itself, or one that is no JSON.
            FileError: the file cannot be written, or its last line does not hold.
        """
        facts = plain(dict(facts or {}))
        if taken := set(facts) & set(OWN):
            raise FormatError(f"an audit line says {', '.join(sorted(taken))} itself: name the fact otherwise")
        try:
            with _locked(self.path) as descriptor:
                number, previous = _tail(descriptor, self.path)
                time = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds")
                line = {"n": number + 1, "time": time, "event": event, **facts, "previous": previous}
                digest = _digest(line)
                _write(descriptor, _written({**line, "sha256": digest}))
        except OSError as error:
            raise FileError(f"cannot write the audit log {self.path}: {error.strerror}") from error
        except TypeError as error:
            raise FormatError(f"an audit line holds JSON only: {error}") from error
        return digest

    def verify(self, head: str | None = None) -> Verified:
        """Whether every line holds; `head`, kept elsewhere, also shows lines that were cut off at the end."""
        previous, number = START, 0
        for number, raw in enumerate(_lines(self.path), start=1):
            fault = _fault(raw, number, previous)
            if fault:
                return Verified(lines=number - 1, head=previous, fault=f"line {number} {fault}")
            previous = str(json.loads(raw)["sha256"])
        cut = head is not None and head != previous
        fault = f"lines after line {number} are missing, or the head is another log's" if cut else ""
        return Verified(lines=number, head=previous, fault=fault)


def facts_of(
    result: Result, *, settings: Mapping[str, Any] | None = None, edits: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a log must keep of an answer: inputs, model and answer by their digests, never their content."""
    told = json.dumps(result.to_dict(), sort_keys=True, ensure_ascii=True).encode()
    return {
        "task": result.task,
        "version": result.version,
        "model": dict(result.model),
        "inputs": {each.modality: each.sha256 for each in result.inputs},
        "status": result.status,
        "warnings": list(result.warnings),
        "settings": dict(settings or {}),
        "edits": dict(edits or {}),
        "answer_sha256": hashlib.sha256(told).hexdigest(),
    }


def _fault(raw: bytes, number: int, previous: str) -> str:
    try:
        line = json.loads(raw)
        claimed = line.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError):
        return "is cut or is no line of this log"
    if not raw.endswith(b"\n") or _digest(line) != claimed or _written({**line, "sha256": claimed}) != raw:
        return "was altered"
    if line.get("previous") != previous or line.get("n") != number:
        return f"does not follow the line before it: a line was removed, added or moved (its number: {line.get('n')})"
    return ""


def _digest(line: Mapping[str, Any]) -> str:
    return hashlib.sha256(_written(line)).hexdigest()


def _written(line: Mapping[str, Any]) -> bytes:
    return (json.dumps(line, sort_keys=True, ensure_ascii=True, separators=(",", ":")) + "\n").encode()


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            yield from stream
    except OSError as error:
        raise FileError(f"cannot read the audit log {path}: {error.strerror}") from error


def _tail(descriptor: int, path: Path) -> tuple[int, str]:
    """Number and digest of the last line, which must hold in itself."""
    size = os.fstat(descriptor).st_size
    if not size:
        return 0, START
    step, end = 65536, b""
    while len(end) < size and end.count(b"\n", 0, -1) < 1:
        step *= 2
        os.lseek(descriptor, max(size - step, 0), os.SEEK_SET)
        end = os.read(descriptor, min(step, size))
    raw = end.splitlines(keepends=True)[-1]
    try:
        line = json.loads(raw)
        number, previous = int(line["n"]), str(line["previous"])
    except (ValueError, KeyError, TypeError):
        number, previous = 0, ""
    if not previous or _fault(raw, number, previous):
        raise FileError(f"the last line of the audit log {path} is cut or altered: keep the file and start another")
    return number, str(line["sha256"])


def _write(descriptor: int, data: bytes) -> None:
    os.lseek(descriptor, 0, os.SEEK_END)
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file open for reading and appending, for this process alone."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        _lock(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)  # which lets the lock go


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        import msvcrt

        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
