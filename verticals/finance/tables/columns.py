"""A table in a file to its columns of text: CSV of any delimiter and encoding, gzip, Parquet with the extra `finance`.

It knows nothing of what the columns mean, and refuses a title that stands twice: which one is meant cannot be told.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ....core.errors import FileError, FormatError
from ....core.optional import require

Columns: TypeAlias = Mapping[str, Sequence[str]]
DATED = ("date", "timestamp", "datetime", "time", "day", "<date>")  # titles of a column of dates


def columns_of(path: Path, *, numbers: bool = True) -> Columns:
    """Every column by its title; with `numbers`, a decimal comma becomes a point where commas do not part the cells.

    Raises:
        FileError: the file cannot be read.
        FormatError: not a whole table, or a title that stands twice.
    """
    if path.is_dir():
        raise FileError(f"{path} is a folder: name one file")
    if path.suffix.lower() in (".parquet", ".pq"):
        return _parquet(path)
    return _csv(path.name, _decoded(path), numbers=numbers)


def titles_of(name: str, columns: Sequence[str]) -> dict[str, str]:
    """The title of each column by its name in lower case.

    Raises:
        FormatError: two columns have one name.
    """
    found: dict[str, str] = {}
    for title in columns:
        plain = title.strip().strip('"$ ').lower()
        if plain and plain in found:
            other = "" if title == found[plain] else f" (as {found[plain]!r} and {title!r})"
            raise FormatError(f"{name} has the column {plain} more than once{other}: keep the one that is meant")
        found[plain] = title
    return found


def _parquet(path: Path) -> Columns:
    pandas = require("pandas", "finance", "reading Parquet")
    require("pyarrow", "finance", "reading Parquet")
    try:
        frame = pandas.read_parquet(path)
    except (OSError, ValueError) as error:
        raise FormatError(f"{path} is not a whole Parquet file: {error}") from error
    if frame.index.name or not any(str(name).strip().lower() in DATED for name in frame.columns):
        frame = frame.reset_index()
    titles_of(path.name, [str(name) for name in frame.columns])
    return {str(name): [str(each) for each in frame[name]] for name in frame.columns}


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"cannot read {path}: {error}") from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data:
        raise FormatError(f"{path} holds zero bytes: it is not a CSV text file")
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FormatError(f"{path} is text in no encoding that is known here (UTF-8, UTF-16, Windows-1252)")


def _csv(name: str, text: str, *, numbers: bool) -> Columns:
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=head.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise FormatError(f"{name} is not a CSV file: {error}") from error
    if len(rows) < 2:
        raise FormatError(f"{name} holds {len(rows)} row(s): a header and rows below it are needed")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise FormatError(f"{name}: row {number} has {len(row)} cells where the header has {len(rows[0])}")
    titles_of(name, rows[0])
    decimal_comma = numbers and delimiter != ","
    columns = list(zip(*rows[1:], strict=True))
    return {
        title: [cell.replace(",", ".") if decimal_comma and "." not in cell else cell for cell in column]
        for title, column in zip(rows[0], columns, strict=True)
    }
