"""Where data come from: every file with its digest, its size and its lines. It knows nothing of what they hold."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from ....core import digest
from ....knowledge.reports import Rows
from .written import count

SHOWN = 12
TEXT = (".csv", ".jsonl", ".ndjson", ".txt", ".tsv", ".json")


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file: `lines` is None where its format has none."""

    name: str
    sha256: str
    bytes: int
    lines: int | None


def files_of(data: Path) -> tuple[File, ...]:
    """Every file of the data, in the order of names; hidden ones are left out."""
    if data.is_file():
        return (_file(data, data.name),)
    found = sorted(item for item in data.rglob("*") if item.is_file() and not item.name.startswith("."))
    return tuple(_file(item, item.relative_to(data).as_posix()) for item in found)


def files_table(files: tuple[File, ...]) -> Rows:
    """The files as a table, the middle of a long list left out (the JSON has all)."""
    rows = [
        (each.name, count(each.bytes), "–" if each.lines is None else count(each.lines), each.sha256) for each in files
    ]
    if len(rows) > SHOWN:
        half = SHOWN // 2
        rows = [*rows[:half], (f"… {len(rows) - SHOWN} more, all in governance.json", "", "", ""), *rows[-half:]]
    return Rows(header=("file", "bytes", "lines", "SHA-256"), rows=tuple(rows))


def _file(path: Path, name: str) -> File:
    return File(name=name, sha256=digest.of_file(path), bytes=path.stat().st_size, lines=_lines(path))


def _lines(path: Path) -> int | None:
    suffixes = [each.lower() for each in path.suffixes]
    if not suffixes or (suffixes[-1] not in TEXT and not (suffixes[-1] == ".gz" and suffixes[-2:-1])):
        return None
    opener = gzip.open if suffixes[-1] == ".gz" else open
    with opener(path, "rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b""))
