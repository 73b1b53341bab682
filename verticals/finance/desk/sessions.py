"""What one browser has open at the desk: a stream, a forecast, a review and a note, in memory until it expires.

It knows no HTTP: `app` asks. Nothing is shared between two sessions but the pipelines, which hold no state.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ....core.errors import InputError
from ....core.pipeline import Pipeline
from ....core.progress import say
from ....core.result import Result
from .replay import Replay

MOST = 8  # sessions held at once
KEPT = 3600.0  # seconds without use after which a session is closed


class Closed(InputError):
    """A session, or a view of it, that is not, or no longer, open."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """One answered view: what `predict` said, of which files, and what the page is told of it."""

    result: Result
    given: Mapping[str, Any]
    folder: Path
    sample: bool
    told: dict[str, Any]


@dataclass(kw_only=True, eq=False)
class Desk:
    """One browser's session."""

    folder: Path
    used: float
    replay: Replay | None = None
    stream: dict[str, Any] = field(default_factory=dict)  # what is told of the stream's files
    driver: object = None  # the connection that moves the stream: the newest one
    views: dict[str, Opened] = field(default_factory=dict)

    def place(self) -> Path:
        """A place for the files of a view that is about to be opened."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def view(self, name: str) -> Opened:
        """An answered view.

        Raises:
            Closed: nothing is open there.
        """
        if name not in self.views:
            raise Closed(f"nothing is open in {name}: open a file or the sample first")
        return self.views[name]

    def playing(self) -> Replay:
        """The stream.

        Raises:
            Closed: none is open.
        """
        if self.replay is None:
            raise Closed("no stream is open: open payments or the sample first")
        return self.replay

    def put(self, name: str, opened: Opened) -> None:
        """Show an answer in place of the one before, whose files go."""
        before = self.views.get(name)
        self.views[name] = opened
        if before is not None:
            shutil.rmtree(before.folder, ignore_errors=True)


class Desks:
    """The open sessions, by a name that cannot be guessed; the one longest unused makes room for another."""

    def __init__(
        self, *, most: int = MOST, kept: float = KEPT, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self.most, self.kept, self.clock = most, kept, clock
        self._open: dict[str, Desk] = {}
        self._lock = threading.Lock()

    def open(self) -> str:
        """A new, empty session."""
        key = secrets.token_urlsafe(12)
        desk = Desk(folder=Path(tempfile.mkdtemp(prefix="colonnade-desk-")), used=self.clock())
        with self._lock:
            self._sweep()
            while len(self._open) >= self.most:
                say("closing the session that was longest unused to make room")
                self._drop(min(self._open, key=lambda each: self._open[each].used))
            self._open[key] = desk
        return key

    def get(self, key: str) -> Desk:
        """An open session, which counts as used now.

        Raises:
            Closed: it is not open.
        """
        with self._lock:
            self._sweep()
            if key not in self._open:
                raise Closed(
                    f"this session is closed: sessions are closed after {self.kept / 60:.0f} minutes without use, and"
                    f" the oldest when more than {self.most} are open; open the files again"
                )
            desk = self._open[key]
            desk.used = self.clock()
            return desk

    def close(self, key: str) -> None:
        """Forget a session and its files."""
        with self._lock:
            if key in self._open:
                self._drop(key)

    def close_all(self) -> None:
        with self._lock:
            for key in list(self._open):
                self._drop(key)

    def _sweep(self) -> None:
        for key in [key for key, each in self._open.items() if self.clock() - each.used > self.kept]:
            self._drop(key)

    def _drop(self, key: str) -> None:
        desk = self._open.pop(key)
        desk.driver = None
        shutil.rmtree(desk.folder, ignore_errors=True)


def answered(pipeline: Pipeline, given: Mapping[str, Any], names: Mapping[str, str]) -> Result:
    """What `predict` says of these files, with the names that they had where they came from."""
    result = pipeline.predict(**given)
    named = tuple(
        replace(each, path=names.get(each.modality, Path(each.path).name if each.path else None))
        for each in result.inputs
    )
    return replace(result, inputs=named)
