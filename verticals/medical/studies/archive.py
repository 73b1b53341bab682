"""The files of a study: those below a folder, one file, or the members of a zip.

A zip is read in memory and never unpacked to disk; its names, sizes and methods are judged before a byte is inflated.
It knows nothing of DICOM.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from ....core.errors import FileError, FormatError

MEMBERS = 20_000
MEMBER_BYTES = 2 * 2**30
TOTAL_BYTES = 8 * 2**30
RATIO, RATIO_FROM = 200, 16 * 2**20  # a scan packs to a tenth; a bomb to a thousandth
PACKED = (".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar", ".zst")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """One file: its name for sentences, and a way to open it from its beginning."""

    name: str
    open: Callable[[], IO[bytes]]

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix.lower()


@contextmanager
def members(path: Path) -> Iterator[list[Member]]:
    """The files of a study in the order of their names; they can be opened inside the `with` only.

    Raises:
        FileError: a zip that is truncated or unreadable.
        FormatError: a zip that is encrypted, holds another archive or a link, leads out of itself, or is a bomb.
    """
    if path.is_dir():
        yield [
            Member(name=str(each), open=partial(_file, each))
            for each in sorted(path.rglob("*"))
            if each.is_file() and not _of_no_study(each.name)
        ]
    elif is_zip(path):
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError) as error:
            raise FileError(f"{path} is truncated or unreadable: {error}") from error
        with archive:
            infos = sorted((each for each in archive.infolist() if not each.is_dir()), key=lambda each: each.filename)
            _judge(infos, path)
            yield [
                Member(name=f"{path}/{each.filename}", open=partial(archive.open, each))
                for each in infos
                if not _of_no_study(each.filename)
            ]
    else:
        yield [Member(name=str(path), open=partial(_file, path))]


def _file(path: Path) -> IO[bytes]:
    return path.open("rb")


def is_zip(path: Path) -> bool:
    """By its first bytes, whatever its name; an archive cut short is one too."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


def _of_no_study(name: str) -> bool:
    """What desktops leave beside files."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] in (".DS_Store", "Thumbs.db")


def _judge(infos: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Refuse what no honest archive of a study holds."""
    if len(infos) > MEMBERS:
        raise FormatError(f"{path} holds {len(infos)} files; a zipped study of at most {MEMBERS} is read")
    names: set[str] = set()
    for each in infos:
        name = each.filename
        _judge_name(name, path)
        if name in names:
            raise FormatError(f"{path} holds two files of one name ({name}): zip the study again")
        names.add(name)
        if each.flag_bits & 1:
            raise FormatError(f"{path} is encrypted ({name}): unpack it with its password first")
        if stat.S_ISLNK(each.external_attr >> 16):
            raise FormatError(f"{path} holds a link ({name}) in place of a file: zip the files themselves")
        if name.lower().endswith(PACKED):
            raise FormatError(f"{path} holds another archive ({name}): unpack that first")
        if each.compress_type not in METHODS:
            raise FormatError(f"{path} packs {name} by method {each.compress_type}; stored and deflated are read")
        if each.file_size > MEMBER_BYTES or (
            each.file_size > RATIO_FROM and each.file_size > RATIO * max(each.compress_size, 1)
        ):
            raise FormatError(f"{path} says that {name} unpacks from {each.compress_size} to {each.file_size} bytes, "
                              "which no scan does (a zip bomb?)")  # fmt: skip
    total = sum(each.file_size for each in infos)
    if total > TOTAL_BYTES:
        raise FormatError(f"{path} unpacks to {total / 2**30:.1f} GiB; at most {TOTAL_BYTES // 2**30} GiB are read")


def _judge_name(name: str, path: Path) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0].startswith("/") or ":" in parts[0]:
        raise FormatError(f"{path} holds a file whose name leads out of the archive ({name}): do not trust it")
