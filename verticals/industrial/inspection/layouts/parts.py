"""What every layout gives, units by side as paths, and the few words with which folders are listed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .....core.errors import FileError
from ...records import SENSES, Unit

SUFFIXES = {
    "scan": (".ply", ".pcd", ".stl", ".obj", ".xyz", ".txt", ".npz", ".tiff"),
    "image": (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"),
    "sound": (".wav", ".flac"),
}


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Units by side, as paths. `train` is all good."""

    train: tuple[Unit, ...]
    test: tuple[Unit, ...]
    layout: str

    @property
    def senses(self) -> tuple[str, ...]:
        """The senses that any unit has."""
        return tuple(name for name in SENSES if any(name in unit.given for unit in (*self.train, *self.test)))


def folders(path: Path) -> list[Path]:
    """The folders in a folder, by name; none where it is missing."""
    return sorted(each for each in path.iterdir() if each.is_dir()) if path.is_dir() else []


def files(path: Path, suffixes: Iterable[str]) -> list[Path]:
    """The files with these endings in a folder, by name; none where it is missing."""
    if not path.is_dir():
        return []
    return sorted(each for each in path.iterdir() if each.is_file() and each.suffix.lower() in tuple(suffixes))


def named(root: Path, name: str) -> Path:
    """The folder of that name, whatever its capitals; the name itself where there is none."""
    return next((each for each in folders(root) if each.name.lower() == name.lower()), root / name)


def existing(path: Path) -> dict[str, Path]:
    """`{"points": path}` where that file is there."""
    return {"points": path} if path.is_file() else {}


def filled(parts: Parts, root: Path) -> Parts:
    """The parts, if there is a good unit to learn from or a unit to test.

    Raises:
        FileError: there is none.
    """
    if not parts.train and not parts.test:
        raise FileError(f"{root} has the folders of {parts.layout} but no file in them: was it unpacked whole?")
    return parts
