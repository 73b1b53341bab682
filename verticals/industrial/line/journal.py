"""Each unit judged once, whatever happens to the process: what is kept on disk, and how it is taken up again.

    results.jsonl   one line a judged unit: the line *is* the commit, written whole and waited for on the disk
    journal.jsonl   what is promised or said beside it: units taken from a sender, begun, late, alarms acknowledged
    lock            one process writes at a time

A line that a kill left torn never counted. A unit that was begun `TRIES` times and never judged kills the process that
judges it; it is said to be so instead of being begun again. It knows nothing of how units are judged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from ....core.durable import append, appending, checked, cut, hold, record, sync
from ....core.errors import FileError, FormatError
from .arrivals import Arrived, Gathered

TRIES = 5
LATE = 60.0  # seconds after its verdict in which a file that a unit lacked is late; after that it is the unit again


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The latest verdict on a unit: its number among all lines, which attempt, when, and its files' identities."""

    number: int
    attempt: int
    at: float  # seconds since 1970
    files: Mapping[str, tuple[int, int]]


@final
class Journal:
    """The folder of one line.

    Raises:
        FileError: the folder cannot be written, or a line in the middle of a file is damaged.
        FormatError: another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results, self.journal = folder / "results.jsonl", folder / "journal.jsonl"
        self._lock = hold(folder, cure="stop that line first, or name another folder with --out")
        try:
            self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self) -> None:
        """Take up what is there."""
        self.number = 0
        self.judged: dict[str, Judged] = {}
        self.acknowledged: list[tuple[int, str, str]] = []  # after which line, which alarm, by whom
        self._begun: dict[str, int] = {}
        self._accepted: dict[int, Gathered] = {}
        self._settled: set[int] = set()  # numbers of units whose promise was kept before this process began
        self._next = 0
        cut(self.results)
        cut(self.journal)
        for line in self.lines():
            self._take(line)
        self._recall()
        self._compact()
        self._results, self._journal = appending(self.results), appending(self.journal)
        sync(self.folder)

    # ---- what is known ------------------------------------------------------------------------------------------

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every result so far, in order."""
        if self.results.exists():
            with self.results.open("rb") as stream:
                for number, raw in enumerate(stream, start=1):
                    yield _parsed(raw, number, self.results)

    def seen(self, file: Arrived) -> bool:
        """Whether this very file was judged with its unit."""
        held = self.judged.get(file.unit)
        return held is not None and held.files.get(file.sense) == file.identity

    def late(self, file: Arrived, window: float = LATE) -> bool:
        """Whether its unit was judged without it a short while before it came."""
        held = self.judged.get(file.unit)
        return held is not None and file.sense not in held.files and file.mtime_ns / 1e9 < held.at + window

    def attempt(self, unit: str) -> int:
        """Which judgement of the unit the next one is."""
        held = self.judged.get(unit)
        return 1 if held is None else held.attempt + 1

    def poisoned(self, unit: str) -> bool:
        """Whether the unit was begun again and again, and the process never lived to judge it."""
        return self._begun.get(unit, 0) >= TRIES

    def waiting(self) -> list[Gathered]:
        """Units that a sender was told are taken, and that were not judged, in the order they came."""
        return [self._accepted[number] for number in sorted(self._accepted)]

    # ---- what is written ----------------------------------------------------------------------------------------

    def accept(self, unit: Gathered) -> Gathered:
        """Promise a sender that the unit will be judged."""
        self._next += 1
        unit.accepted = self._next
        self._note(_promise(self._next, unit), durable=True)
        self._accepted[self._next] = unit
        return unit

    def withdraw(self, unit: Gathered) -> None:
        """The promise could not be kept, and its sender is told so."""
        self._note(["withdrawn", unit.accepted], durable=True)
        self._accepted.pop(unit.accepted or 0, None)

    def begin(self, unit: str) -> None:
        """The unit is about to be judged."""
        self._note(["begun", unit, self.attempt(unit)])
        self._begun[unit] = self._begun.get(unit, 0) + 1

    def acknowledge(self, alarm: str, by: str) -> None:
        """A person has seen an alarm."""
        self._note(["acknowledged", self.number, alarm, by], durable=True)
        self.acknowledged.append((self.number, alarm, by))

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Something worth keeping that changes no verdict: the line started, stopped, a file came late."""
        self._note([kind, dict(facts)])

    def commit(self, line: Mapping[str, Any]) -> None:
        """Write a result: after this it is never judged again, before this it was never judged."""
        if line["number"] != self.number + 1:
            raise FormatError(f"result {line['number']} does not follow {self.number}")
        raw = (json.dumps(line, ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n").encode()
        append(self._results, raw, self.results)
        self._take(line)

    def close(self) -> None:
        """Let another process have the folder."""
        for handle in (self._results, self._journal, self._lock):
            os.close(handle)

    # ---- inside -------------------------------------------------------------------------------------------------

    def _take(self, line: Mapping[str, Any]) -> None:
        from datetime import datetime

        self.number = int(line["number"])
        unit = str(line["unit"])
        self.judged[unit] = Judged(
            number=self.number,
            attempt=int(line["attempt"]),
            at=datetime.fromisoformat(line["time"]).timestamp(),
            files={sense: (file["bytes"], file["mtime_ns"]) for sense, file in line["files"].items()},
        )
        self._begun.pop(unit, None)
        accepted = line.get("accepted")
        if accepted is not None and self._accepted.pop(accepted, None) is None:
            self._settled.add(accepted)

    def _recall(self) -> None:
        """Promises and words from before; what was kept since is dropped."""
        if not self.journal.exists():
            return
        with self.journal.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                kind, *values = checked(raw, number, self.journal)
                if kind == "next":
                    self._next = max(self._next, values[0])
                elif kind == "accepted":
                    self._next = max(self._next, values[0])
                    if values[0] not in self._settled:
                        self._accepted[values[0]] = _gathered(values)
                elif kind == "withdrawn":
                    self._accepted.pop(values[0], None)
                elif kind == "begun" and values[1] >= self.attempt(values[0]):
                    self._begun[values[0]] = self._begun.get(values[0], 0) + 1
                elif kind == "acknowledged":
                    self.acknowledged.append((values[0], values[1], values[2]))
        self._settled.clear()

    def _compact(self) -> None:
        """Begin the journal anew with what is still needed."""
        kept: list[list[Any]] = [["next", self._next]]
        kept += [["acknowledged", *each] for each in self.acknowledged]
        kept += [_promise(number, self._accepted[number]) for number in sorted(self._accepted)]
        for name, times in self._begun.items():
            kept += [["begun", name, self.attempt(name)]] * times
        aside = self.journal.with_suffix(".aside")
        aside.write_bytes(b"".join(record(each) for each in kept))
        sync(aside)
        os.replace(aside, self.journal)

    def _note(self, values: list[Any], *, durable: bool = False) -> None:
        append(self._journal, record(values), self.journal, durable=durable)


def _parsed(raw: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        line = json.loads(raw)
        if line["number"] == number:
            return dict(line)
    except (ValueError, LookupError, TypeError):
        pass
    raise FileError(f"{path}: line {number} is damaged or out of order: restore the folder from a copy, or begin anew "
                    "in another with --out")  # fmt: skip


def _promise(number: int, unit: Gathered) -> list[Any]:
    files = {sense: [str(file.path), file.size, file.mtime_ns] for sense, file in unit.files.items()}
    return ["accepted", number, unit.unit, files, unit.clash]


def _gathered(values: list[Any]) -> Gathered:
    number, unit, files, clash = values
    held = {
        sense: Arrived(unit=unit, sense=sense, path=Path(path), size=size, mtime_ns=mtime)
        for sense, (path, size, mtime) in files.items()
    }
    return Gathered(unit=unit, first=0.0, last=0.0, files=held, clash=clash, accepted=number)
