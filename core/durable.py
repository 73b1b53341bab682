"""Lines that survive the process that writes them: one writer a folder, whole lines, waited for on the disk.

A line that a kill left torn never counted and is cut away; one that is damaged elsewhere is an error. It knows nothing
of what the lines say.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

from .errors import FileError, FormatError

BLOCK = 65_536  # bytes that are looked through at a time for the end of the last whole line


def hold(folder: Path, *, cure: str) -> int:
    """Make the folder and be the only process that writes in it, until the handle that this gives is closed.

    Raises:
        FileError: the folder cannot be written.
        FormatError: another process holds it; the sentence ends with `cure`.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise FileError(f"cannot write in {folder}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise FormatError(f"{folder} is in use by another process: {cure}") from error
    return handle


def appending(path: Path) -> int:
    """A handle that writes at the end of the file, which is made where there is none."""
    return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)


def append(handle: int, raw: bytes, path: Path, *, durable: bool = True) -> None:
    """Write at the end of the file, whole or not at all; `durable` waits for the disk.

    Raises:
        FileError: the disk is full, or the file cannot be written.
    """
    try:
        written = os.write(handle, raw)
        if written != len(raw):
            os.ftruncate(handle, os.fstat(handle).st_size - written)  # or what comes next would be damaged
            raise FileError(f"{path} took {written} of {len(raw)} bytes: is the disk full?")
        if durable:
            os.fsync(handle)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from error


def cut(path: Path) -> None:
    """Take away a last line that was not written to its end."""
    if not path.exists():
        return
    keep = size = path.stat().st_size
    with path.open("rb+") as stream:
        while keep > 0:
            step = min(keep, BLOCK)
            stream.seek(keep - step)
            found = stream.read(step).rfind(b"\n")
            keep -= step
            if found >= 0:
                keep += found + 1
                break
        if keep < size:
            stream.truncate(keep)


def record(values: list[Any]) -> bytes:
    """A line: checksum, then JSON."""
    text = json.dumps(values).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def checked(raw: bytes, number: int, path: Path) -> list[Any]:
    """What `record` wrote.

    Raises:
        FileError: the line is not what was written.
    """
    checksum, _, text = raw.rstrip(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        raise FileError(f"{path}: line {number} is damaged: restore the folder from a copy")
    return list(json.loads(text))


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
