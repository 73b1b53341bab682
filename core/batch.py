"""Prediction for more records than fit into memory: one JSON line a record, in their order, on many processes.

A line is written when it is whole, so a run that was killed goes on after the last whole line, on records of the same
names: none is lost and none is there twice. A record that cannot be answered has a line that says why.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .crew import Crew, Lost
from .durable import append
from .errors import ColonnadeError, FileError, InputError
from .manifest import Asked, asked
from .progress import say, track
from .result import plain, writable

if TYPE_CHECKING:
    from .pipeline import Pipeline

SYNC = 2.0  # seconds between the moments at which what was written is on the disk itself


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What came of all records: those answered, those that could not be, and how many an earlier run had done."""

    task: str
    out: str
    records: int
    failed: int
    resumed: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return plain(self.__dict__)


def predict_many(
    load: Callable[[], Pipeline],
    source: str | Path,
    out: str | Path,
    *,
    processes: int = 1,
    only: str | None = None,
    part: tuple[int, int] = (1, 1),
) -> Predicted:
    """Answer every record of a table or folder (see `manifest`) into `out`, a line each; go on if some are there.

    `load` gives the pipeline, in each process (more than one: it must be picklable, such as `partial(shipped, name)`).
    `part` (k, n) takes every n-th record from the k-th on, for n machines with an `out` each.

    Raises:
        InputError: the records cannot be read, or `out` holds lines of others, or of another model.
        FileError: `out` cannot be written (a full disk); what is there is whole, and the same call goes on.
    """
    started = time.monotonic()
    out = Path(out)
    if not 1 <= part[0] <= part[1]:
        raise InputError(f"a part is K of N with K from 1 to N, got {part[0]} of {part[1]}")
    writable(out.parent)
    if out.is_dir():
        raise FileError(f"{out} is a folder: name a file for the lines, such as {out / 'results.jsonl'}")
    pipeline = load()
    task, model = pipeline.task.name, dict(pipeline.model)
    records = itertools.islice(asked(pipeline.task, source, only=only), part[0] - 1, None, part[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a+b") as file:
        _own(file, out)
        done, failed = _resumed(file, out, records, model)
        if done:
            say(f"{out} has {done} records: going on after them")
        count = done
        if processes == 1:
            lines: Iterable[bytes] = map(partial(_line, pipeline), records)
        else:
            lines = _by_crew(load, processes, records)
            del pipeline
        synced = time.monotonic()
        for line in track(lines, "predict"):
            due = time.monotonic() - synced > SYNC
            append(file.fileno(), line, out, durable=due)
            count, failed = count + 1, failed + _failed(line)
            if due:
                synced = time.monotonic()
        os.fsync(file.fileno())
    seconds = round(time.monotonic() - started, 3)
    return Predicted(task=task, out=str(out), records=count, failed=failed, resumed=done, seconds=seconds)


def shipped(task: str, checkpoint: Path | None = None, settings: tuple[str, ...] = ()) -> Pipeline:
    """The pipeline of a task, with the weights that ship or a checkpoint's, and settings as NAME=VALUE."""
    from .vertical import find

    pipeline = find(task).pipeline().from_pretrained(checkpoint)
    for each in settings:
        name, _, value = each.partition("=")
        pipeline = pipeline.setting(name, value)
    return pipeline


def _by_crew(load: Callable[[], Pipeline], processes: int, records: Iterator[Asked]) -> Iterator[bytes]:
    handed, named = itertools.tee(records)  # the crew holds a few at a time, and so does the tee
    for record, line in zip(named, Crew(partial(_worker, load), processes).map(handed), strict=True):
        if isinstance(line, Lost):
            sentence = f"{line.deaths} processes died over this record: it may need more memory than there is"
            line = _written({"id": record.id, "status": "error", "error": sentence, "kind": "Lost"})
        yield line


def _worker(load: Callable[[], Pipeline]) -> Callable[[Asked], bytes]:
    return partial(_line, load())


def _line(pipeline: Pipeline, record: Asked) -> bytes:
    try:
        if record.wrong:
            raise InputError(record.wrong)
        return _written({"id": record.id, **pipeline.predict(**record.given).to_dict()})
    except ColonnadeError as error:
        return _written({"id": record.id, "status": "error", "error": str(error), "kind": type(error).__name__})
    except Exception as error:  # one record must not end the others
        sentence = f"a fault of the program ({type(error).__name__}: {error})"
        return _written({"id": record.id, "status": "error", "error": sentence, "kind": type(error).__name__})


def _written(line: Mapping[str, Any]) -> bytes:
    text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _failed(line: bytes) -> bool:
    return b'"status":"error"' in line and "kind" in json.loads(line)


def _resumed(file: IO[bytes], out: Path, records: Iterator[Asked], model: dict[str, Any]) -> tuple[int, int]:
    """How many records are done, and how many of them failed; `records` goes on after them, a torn line is cut off."""
    file.seek(0)
    done, failed, end = 0, 0, 0
    for line in file:
        if not line.endswith(b"\n"):
            break
        try:
            found = json.loads(line)
            name = found["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise FileError(f"line {done + 1} of {out} is not one of these: {error}; name another file") from error
        record = next(records, None)
        if record is None or record.id != name:
            told = "there are no more" if record is None else f"the record there is {record.id!r}"
            raise FileError(f"line {done + 1} of {out} is of record {name!r}, but {told}: these are not its records")
        if "model" in found and found["model"] != plain(model):
            raise FileError(f"{out} was begun with another model ({found['model']}): name another file")
        done, failed, end = done + 1, failed + _failed(line), end + len(line)
    file.truncate(end)
    file.seek(0, os.SEEK_END)
    return done, failed


def _own(file: IO[bytes], out: Path) -> None:
    """Nobody else writes these lines meanwhile (where the system has locks)."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise FileError(f"{out} is being written by another run: wait for it, or name another file") from error
