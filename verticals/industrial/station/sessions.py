"""What one browser has open at the station: the units it inspected, a results file, a line. In memory until it expires.

It knows no HTTP: `app` asks. Nothing is shared between two sessions but the pipelines, which hold no state.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....core.serving.held import Closed, Held
from .inspected import Inspection, summary
from .running import Followed

MOST = 6  # sessions held at once
KEPT = 3600.0  # seconds without use after which a session is closed
WHOLE = 6  # units of a session whose drawings and report are kept
LISTED = 300  # units of a session that charts are drawn of


@dataclass(kw_only=True, eq=False)
class Station:
    """One browser's session. `units` are told by number from 1; drawings of old ones are let go."""

    folder: Path
    used: float = 0.0
    units: dict[int, Inspection] = field(default_factory=dict)
    summaries: list[dict[str, Any]] = field(default_factory=list)
    charted: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] | None = None  # the lines of a results file that was sent
    results_name: str = ""
    line: Followed | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def place(self) -> Path:
        """A place for the files of a unit that is about to be inspected."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def put(self, made: Inspection) -> int:
        """Keep a unit; its number."""
        with self.lock:
            number = len(self.summaries) + 1
            self.units[number] = made
            self.summaries.append(summary(made, number))
            self.charted.append({key: made.told[key] for key in ("name", "senses", "good", "judged", "score")})
            del self.charted[:-LISTED]
            while len(self.units) > WHOLE:
                self.units.pop(min(self.units))
            return number

    def unit(self, number: int) -> Inspection:
        """A unit by its number.

        Raises:
            Closed: none was inspected under that number, or its drawings were let go.
        """
        if number not in self.units:
            raise Closed(f"unit {number} is not open: the latest {WHOLE} are kept, inspect it again")
        return self.units[number]

    def followed(self) -> Followed:
        """The line.

        Raises:
            Closed: none is open.
        """
        if self.line is None:
            raise Closed("no line is open: name the folder that colonnade line writes to")
        return self.line

    def close(self) -> None:
        """The files go."""
        self.units.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


class Stations(Held[Station]):
    """The open sessions."""

    def __init__(
        self, *, most: int = MOST, kept: float = KEPT, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        super().__init__("session", "sessions", most=most, kept=kept, clock=clock)

    def open(self) -> str:
        """A new, empty session."""
        return self.put(Station(folder=Path(tempfile.mkdtemp(prefix="colonnade-station-"))))
