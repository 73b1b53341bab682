"""Watches a folder for units' files, and hands over each file once it is whole.

It polls, since change notices do not cross network shares. A file counts as whole when its format says so and it has
stood still between two looks; where the format does not tell, when it has stood still for longer. It knows nothing of
how files make units.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from ....core.errors import FileError
from .arrivals import SUFFIXES, Arrived, named
from .wholeness import whole

SETTLE = 0.05  # seconds that a file stands still whose format says that it is whole
UNSURE = 1.0  # ... whose format does not tell
GIVE_UP = 10.0  # ... whose format says that it is not: it goes on as it is, and its reader will say what it lacks
OLD = 60.0  # ... a file that was there before the line began
AGAIN = 2.0  # seconds between two looks at files that were handed over


@dataclass
class _Growing:
    size: int
    mtime_ns: int
    since: float


@final
class Folder:
    """A watched folder. `known` says whether a file was dealt with already, by its unit, sense and identity.

    A file that was handed over is looked at again every `AGAIN` seconds only, so that thousands of them cost little.
    """

    def __init__(self, root: Path, known: Callable[[Arrived], bool], *, give_up: float = GIVE_UP) -> None:
        if not root.is_dir():
            raise FileError(f"there is no folder to watch at {root}: make it, or name another with --watch")
        self.root, self.known, self.give_up = root, known, give_up
        self.pending: dict[str, _Growing] = {}
        self.handed: dict[str, tuple[int, int]] = {}
        self.names: dict[str, tuple[str, str] | None] = {}
        self.again = -AGAIN

    def poll(self, now: float) -> tuple[list[Arrived], set[str]]:
        """Files that have become whole, by path; and the units of which a file is still being written.

        Raises:
            FileError: the folder cannot be read (now).
        """
        found, growing = [], set()
        everything = now - self.again >= AGAIN
        there = set()
        for path in self.files():
            there.add(path)
            if path in self.handed and not everything:
                continue
            file = self._file(path)
            if file is None or self.handed.get(path) == file.identity:
                continue
            if self.known(file):
                self.handed[path] = file.identity
            elif self._settled(path, file, now):
                self.pending.pop(path, None)
                self.handed[path] = file.identity
                found.append(file)
            else:
                growing.add(file.unit)
        if everything:
            self.again = now
            for kept in (self.pending, self.handed, self.names):
                for gone in kept.keys() - there:
                    del kept[gone]
        return found, growing

    def files(self) -> list[str]:
        """Paths that carry a unit and a sense, in order."""
        found: list[str] = []
        try:
            self._walk(str(self.root), found, deeper=True)
        except OSError as error:
            raise FileError(f"cannot read {self.root}: {error.strerror}") from error
        return sorted(found)

    def _walk(self, folder: str, found: list[str], *, deeper: bool) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    if deeper:
                        with contextlib.suppress(OSError):  # it was removed, or is not ours to read
                            self._walk(entry.path, found, deeper=False)
                    continue
                if entry.path not in self.names:
                    self.names[entry.path] = named(Path(entry.path), self.root)
                if self.names[entry.path] is not None:
                    found.append(entry.path)

    def _file(self, path: str) -> Arrived | None:
        """The file as it is now; None where it was renamed or removed while we looked."""
        name = self.names[path]
        try:
            stat = os.stat(path)
        except OSError:
            return None
        assert name is not None
        return Arrived(unit=name[0], sense=name[1], path=Path(path), size=stat.st_size, mtime_ns=stat.st_mtime_ns)

    def _settled(self, path: str, file: Arrived, now: float) -> bool:
        held = self.pending.get(path)
        if held is None or (held.size, held.mtime_ns) != file.identity:
            age = time.time() - file.mtime_ns / 1e9
            age = age if age > OLD else 0.0  # a server's clock may lie seconds away from ours
            self.pending[path] = held = _Growing(file.size, file.mtime_ns, now - age)
        still = now - held.since
        if still < SETTLE:
            return False
        says = whole(file.path)
        return still >= {True: SETTLE, None: UNSURE, False: self.give_up}[says]


def recorded(root: Path) -> list[list[Arrived]]:
    """The units of a recorded folder in order of name, each with its files: for a replay.

    Raises:
        FileError: no such folder, or nothing in it carries a unit's name.
    """
    units: dict[str, list[Arrived]] = {}
    folder = Folder(root, lambda file: False)
    for path in folder.files():
        file = folder._file(path)
        if file is not None:
            units.setdefault(file.unit, []).append(file)
    if not units:
        raise FileError(f"{root} holds no unit: files are named UNIT.ply, UNIT.png or UNIT.wav, or lie in "
                        f"{', '.join(f'{sense}/' for sense in SUFFIXES)}")  # fmt: skip
    return [units[name] for name in sorted(units)]
