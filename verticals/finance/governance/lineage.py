"""Where data come from: every file with its digest, its size and its lines, and what was learnt from them.

It knows nothing of what they hold.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....core import digest
from ....core.governance import Expectation
from ....knowledge.reports import Rows
from .dossier import expect
from .written import count

CHAPTER = "data"

SHOWN = 12
TEXT = (".csv", ".jsonl", ".ndjson", ".txt", ".tsv", ".json")


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One file: `lines` is None where its format has none."""

    name: str
    sha256: str
    bytes: int
    lines: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where data come from: files, or a simulator; `simulated` is None where nobody said."""

    name: str
    simulated: bool | None
    about: str
    sha256: str
    files: tuple[File, ...] = ()


def read_from(data: Path, what: str) -> Origin:
    """Files of the user's, of which nobody said whether they are real; `what` is how much was read in them."""
    about = f"Data: {data.name}, {what}; whether they are real the data do not say: the bank knows."
    return Origin(name=str(data), simulated=None, about=about, sha256=digest.of_file(data), files=files_of(data))


def digests_stand(origin: Origin) -> Expectation:
    """The line of the closing table on digests."""
    made = "no file: the simulator's seed and a digest of what it made"
    found = f"{len(origin.files)} files" if origin.files else made
    return expect(CHAPTER, "Every file is named by its digest", "SHA-256 of each file", True, found)


def held_back(origin: Origin, card: Mapping[str, Any], part: str) -> Expectation:
    """Whether the checkpoint's card names these very data as what was learnt from."""
    own = {origin.sha256, *(each.sha256 for each in origin.files)}
    seen = card.get("data_sha256") in own
    found = (
        "the checkpoint was fitted on these very data: the same recipe, fitted here on the other part, stands beside it"
        if seen
        else "its card names other data"
    )
    return expect(CHAPTER, f"{part} held back from the checkpoint", "the digest on its card", not seen, found)


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
