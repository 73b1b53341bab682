"""A stream that survives its process: every payment and label is written to a log before it counts, and now and then
the whole state to a snapshot. After a kill, the newest snapshot and the log behind it give the same state again.

    state-<number>.safetensors   the state after so many records
    log-<number>.txt             the records after that many, one a line: checksum, then JSON

A record reaches the operating system before `update` returns, so that a killed process loses nothing that it had
answered; `durable` waits for the disk too, so that a power cut does not either. A payment that is sent again is refused
by its id and never counted twice. It knows nothing of scores.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ....core.durable import append, appending, checked, cut, hold, record, sync
from ....core.errors import CheckpointError
from .recent import Recent
from .records import Account
from .sequence import Residual
from .snapshot import pack, unpack
from .stream import Event, Stream

STATE, LOG = re.compile(r"state-(\d{15})\.safetensors"), re.compile(r"log-(\d{15})\.txt")


class Journal:
    """A stream and its folder. One process writes at a time."""

    def __init__(
        self, folder: str | Path, *, durable: bool = False, every: int = 100_000, sequence: Residual | None = None
    ) -> None:
        """Open the folder, or begin it; what was written there before is taken up again.

        Raises:
            FileError: the folder cannot be written, or what lies there is damaged elsewhere than at its very end.
            FormatError: another process writes there.
            CheckpointError: the snapshot cannot be read, or a record is missing.
        """
        self.folder, self.durable, self.every, self.recent = Path(folder), durable, every, Recent()
        self._lock = hold(self.folder, cure="a journal has one writer")
        self.stream, self.records = self._snapshot(sequence)
        self._base = self.records
        for log in self._logs():
            self._replay(log)
        self._begin()

    def update(self, event: Event) -> list[float]:
        """The features of a payment, which from now on is kept.

        Raises:
            FormatError: it is earlier than the last, or was counted already.
        """
        self.stream.check(event)
        self._write(["event", *event])
        values = self.stream.update(event)
        self.recent.add(event, values)
        if self.records - self._base >= self.every:
            self.snapshot()
        return values

    def label(self, id: str, fraud: bool, known_at: float) -> None:
        """What was found about a payment."""
        self.stream.check_label(id, known_at)
        self._write(["label", id, bool(fraud), float(known_at)])
        self.stream.label(id, fraud, known_at)

    def meet(self, card: str, account: Account) -> None:
        """The row of the table of accounts of a card, read by its payments from now on."""
        if self.stream.holder.accounts.get(card) != account:
            self._write(["account", card, dict(account)])
            self.stream.meet(card, account)

    def decide(self, id: str, action: str) -> None:
        """What was decided of a payment, where that depends on what was decided of others."""
        self._write(["decision", id, action])
        self.recent.decide(id, action)

    def sync(self) -> None:
        """Wait for the disk."""
        os.fsync(self._log)

    def snapshot(self) -> Path:
        """Write the whole state, begin a new log, and remove what is no longer needed."""
        from safetensors.numpy import save_file

        target = self.folder / f"state-{self.records:015d}.safetensors"
        aside = target.with_suffix(".aside")
        save_file(pack(self.stream) | self.recent.pack(), aside)
        sync(aside)
        os.replace(aside, target)
        sync(self.folder)
        os.close(self._log)
        self._base = self.records
        self._begin()
        for path in self.folder.iterdir():
            found = STATE.fullmatch(path.name) or LOG.fullmatch(path.name)
            if found and int(found[1]) < self._base:
                path.unlink()
        return target

    def close(self) -> None:
        """Let another process have the folder."""
        os.close(self._log)
        os.close(self._lock)

    def _snapshot(self, sequence: Residual | None) -> tuple[Stream, int]:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        states = sorted(path for path in self.folder.iterdir() if STATE.fullmatch(path.name))
        if not states:
            return Stream(sequence), 0
        try:
            arrays = load_file(states[-1])
            self.recent.take(arrays)
            return unpack(arrays, sequence), int(states[-1].stem.split("-")[1])
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{states[-1]} cannot be read: {error}") from error

    def _logs(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if LOG.fullmatch(path.name))

    def _replay(self, log: Path) -> None:
        """Take in the records behind the state; a last line that was not written to its end never counted."""
        cut(log)
        with log.open("rb") as lines:
            for number, line in enumerate(lines, start=int(log.stem.split("-")[1]) + 1):
                if number <= self.records:
                    continue
                if number != self.records + 1:
                    raise CheckpointError(
                        f"{log}: record {self.records + 1} is missing: restore the folder from a copy"
                    )
                self._take(checked(line, number, log))
                self.records = number

    def _take(self, values: list[Any]) -> None:
        kind, *values = values
        if kind == "event":
            event = Event(*values)
            self.recent.add(event, self.stream.update(event))
        elif kind == "decision":
            self.recent.decide(*values)
        elif kind == "account":
            self.stream.meet(*values)
        else:
            self.stream.label(*values)

    def _begin(self) -> None:
        """Open the log of what comes after the state."""
        self._path = self.folder / f"log-{self._base:015d}.txt"
        self._log = appending(self._path)

    def _write(self, values: list[Any]) -> None:
        append(self._log, record(values), self._path, durable=self.durable)
        self.records += 1
