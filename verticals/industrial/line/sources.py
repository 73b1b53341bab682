"""Where units come from, once they are whole: a watched folder, a recorded one. (Streams have a file of their own.)

A source hands each unit to `take`, which lets it wait while the line is full. It knows nothing of verdicts but which
files were judged.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import final

from ....core.errors import FileError
from ....core.progress import say
from .arrivals import Arrivals, Arrived, Gathered
from .folder import Folder, recorded
from .journal import Journal
from .keeping import Keeping
from .senses import Senses

LOOK = 0.05  # seconds between two looks at a folder
Take = Callable[[Gathered], bool]


class Source(ABC):
    """One place that units come from. `run` returns when there will be no more, or when `stopping` is set."""

    @abstractmethod
    def run(self, take: Take, stopping: threading.Event) -> None: ...

    @abstractmethod
    def judged(self, unit: str) -> None:
        """A unit that was taken has its verdict."""

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """Where it looks, and what it met."""


@final
class Watched(Source):
    """A folder, for as long as the line runs."""

    def __init__(self, root: Path, *, wait: float, journal: Journal, senses: Senses, keeping: Keeping) -> None:
        self.journal, self.senses, self.keeping, self.root = journal, senses, keeping, root
        self.folder = Folder(root, self._known, give_up=max(2 * wait, 1.0))
        self.arrivals = Arrivals(wait)
        self.taken: set[str] = set()  # units between here and their verdict: a file that comes meanwhile is held back
        self.held: list[Arrived] = []
        self.late, self.away = 0, ""

    def run(self, take: Take, stopping: threading.Event) -> None:
        while not stopping.is_set():
            now = time.monotonic()
            found, growing = self._poll(now)
            held, self.held = self.held, []
            for file in (*held, *found):
                self._sort(file, now)
            for unit in growing:
                self.arrivals.growing(unit, now)
            for ready in self.arrivals.due(now, self.senses.waited_for):
                self.taken.add(ready.unit)
                if not self._put(ready, take, stopping):
                    return
            stopping.wait(max(LOOK, 2 * (time.monotonic() - now)))  # a look at many files takes its time

    def judged(self, unit: str) -> None:
        self.taken.discard(unit)

    def to_dict(self) -> dict[str, object]:
        return {
            "watch": str(self.root),
            "gathering": len(self.arrivals.open),
            "late_files": self.late,
            "away": self.away,
        }

    def _poll(self, now: float) -> tuple[list[Arrived], set[str]]:
        """A folder that is away for a while (a share, a disk) is waited for, and said to be."""
        try:
            looked = self.folder.poll(now)
        except FileError as error:
            if not self.away:
                say(f"{error}: the line waits for it")
            self.away = str(error)
            return [], set()
        if self.away:
            say(f"{self.root} is back")
        self.away = ""
        return looked

    def _sort(self, file: Arrived, now: float) -> None:
        if file.unit in self.taken:
            self.held.append(file)
        elif self.journal.late(file):
            self.late += 1
            self.journal.note("late", {"unit": file.unit, "sense": file.sense, "path": str(file.path)})
            self.keeping.late(file)
            self.senses.back(file.sense)
        else:
            self.arrivals.add(file, now)

    def _put(self, unit: Gathered, take: Take, stopping: threading.Event) -> bool:
        """A folder is its own waiting room: what the line refuses is offered again."""
        while not take(unit):
            if stopping.wait(LOOK):
                return False
        return True

    def _known(self, file: Arrived) -> bool:
        if not self.journal.seen(file):
            return False
        if file.unit not in self.taken:
            self.keeping.finish(file)
        return True


@final
class Replayed(Source):
    """A recorded folder, in order of name, each unit with the files it has."""

    def __init__(self, root: Path, *, journal: Journal) -> None:
        self.root, self.journal, self.units = root, journal, recorded(root)

    def run(self, take: Take, stopping: threading.Event) -> None:
        for files in self.units:
            if stopping.is_set():
                return
            if all(self.journal.seen(file) for file in files):
                continue
            unit = whole_unit(files, time.monotonic())
            while not take(unit):
                if stopping.wait(LOOK):
                    return

    def judged(self, unit: str) -> None:
        """Nothing waits for it: a recording has each unit once."""

    def to_dict(self) -> dict[str, object]:
        return {"replay": str(self.root), "units": len(self.units)}


def whole_unit(files: list[Arrived], now: float) -> Gathered:
    """A unit of exactly these files."""
    arrivals = Arrivals(0.0)
    for file in files:
        arrivals.add(file, now)
    return arrivals.due(now, ())[0]
