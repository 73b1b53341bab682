"""Which files make one unit: gathered by name and by nothing else, complete or after a wait. A state machine without
a clock of its own, so that a recorded morning can be played again.

A file is only ever put to the unit whose name it carries; a file that would be a second one of its sense makes the
unit ambiguous, it never replaces the first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

SUFFIXES = {
    "scan": (".ply", ".pcd", ".stl", ".obj", ".xyz", ".npz"),
    "image": (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"),
    "sound": (".wav", ".flac"),
}
SENSE_OF = {suffix: sense for sense, suffixes in SUFFIXES.items() for suffix in suffixes}
UNFINISHED = (".part", ".tmp", ".temp", ".crdownload", ".filepart", ".swp")


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """One whole file of a unit, and what tells it from a later one of the same path."""

    unit: str
    sense: str
    path: Path
    size: int
    mtime_ns: int

    @property
    def identity(self) -> tuple[int, int]:
        return self.size, self.mtime_ns


@dataclass(kw_only=True)
class Gathered:
    """A unit as it goes to be judged; `first` and `last` are when its first and its last file were seen, seconds."""

    unit: str
    first: float
    last: float
    files: dict[str, Arrived] = field(default_factory=dict)
    clash: str = ""
    timed_out: bool = False
    accepted: int | None = None  # its number in the journal, where a sender was told that it is taken


@final
class Arrivals:
    """Units that are still being gathered. `wait` is how long, in seconds, the first file waits for the others."""

    def __init__(self, wait: float) -> None:
        self.wait = wait
        self.open: dict[str, Gathered] = {}

    def add(self, file: Arrived, now: float) -> None:
        """A file that is whole."""
        group = self.open.setdefault(file.unit, Gathered(unit=file.unit, first=now, last=now))
        group.last = now
        held = group.files.get(file.sense)
        if held is not None and held.path != file.path:
            group.clash = f"two files claim its {file.sense}: {held.path.name} and {file.path.name}"
        else:
            group.files[file.sense] = file

    def growing(self, unit: str, now: float) -> None:
        """A file of the unit is being written: its wait begins anew, up to ten waits after its first file."""
        group = self.open.get(unit)
        if group is not None and now - group.first < 10 * self.wait:
            group.last = now

    def due(self, now: float, wanted: Collection[str]) -> list[Gathered]:
        """Units with every wanted sense, or whose wait is over, the first seen first; they are no longer held here."""
        ready = []
        for group in self.open.values():
            complete = set(wanted) <= set(group.files)
            if complete or now - group.last >= self.wait:
                group.timed_out = not complete
                ready.append(group)
        for group in ready:
            del self.open[group.unit]
        return sorted(ready, key=lambda each: (each.first, each.unit))


def named(path: Path, root: Path) -> tuple[str, str] | None:
    """The unit and sense of a file: `UNIT.ply`, `scan/UNIT.ply` or `UNIT/scan.ply` under the root; None: neither."""
    inside = path.relative_to(root)
    if path.name.startswith((".", "~")) or path.suffix.lower() in UNFINISHED or len(inside.parts) > 2:
        return None
    sense = SENSE_OF.get(path.suffix.lower())
    if sense is None:
        return None
    folder = inside.parts[0] if len(inside.parts) == 2 else None
    if folder in SUFFIXES:
        return (path.stem, folder) if sense == folder else None
    if folder is not None:
        return (folder, sense) if path.stem == sense else None
    return None if path.stem == "nominal" else (path.stem, sense)
