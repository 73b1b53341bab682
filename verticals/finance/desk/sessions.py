"""What one browser has open at the desk: a stream, a forecast, a review and a note, in memory until it expires.

It knows no HTTP: `app` asks. Nothing is shared between two sessions but the pipelines, which hold no state.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ....core.pipeline import Pipeline
from ....core.result import Result
from ....core.serving.held import Closed, Held
from .replay import Replay

MOST = 8  # sessions held at once
KEPT = 3600.0  # seconds without use after which a session is closed


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
    used: float = 0.0
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

    def close(self) -> None:
        """The stream stands still, and the files go."""
        self.driver = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def put(self, name: str, opened: Opened) -> None:
        """Show an answer in place of the one before, whose files go."""
        before = self.views.get(name)
        self.views[name] = opened
        if before is not None:
            shutil.rmtree(before.folder, ignore_errors=True)


class Desks(Held[Desk]):
    """The open sessions."""

    def __init__(
        self, *, most: int = MOST, kept: float = KEPT, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        super().__init__("session", "sessions", most=most, kept=kept, clock=clock)

    def open(self) -> str:
        """A new, empty session."""
        return self.put(Desk(folder=Path(tempfile.mkdtemp(prefix="colonnade-desk-"))))


def answered(pipeline: Pipeline, given: Mapping[str, Any], names: Mapping[str, str]) -> Result:
    """What `predict` says of these files, with the names that they had where they came from."""
    result = pipeline.predict(**given)
    named = tuple(
        replace(each, path=names.get(each.modality, Path(each.path).name if each.path else None))
        for each in result.inputs
    )
    return replace(result, inputs=named)
