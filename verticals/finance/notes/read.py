"""Filings at the border: an HTML page, a CSV table with its text, a folder of them, or the JSON of TAT-QA.

    filing.html                      tables and paragraphs, as they come
    filing.csv                       one table; text beside it in filing.txt
    folder/                          every HTML, CSV and TXT file, in the order of their names
    tatqa.json                       one document of TAT-QA (Zhu et al. 2021), or a list that holds one

It knows nothing of what is asked or said about them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from ....core.errors import FileError, FormatError
from .records import Filing, Paragraph
from .tables import grid_of

LARGEST = 20_000_000  # bytes
CELLS = 50_000
TYPES = (".html", ".htm", ".csv", ".json", ".txt")
_BREAKS = ("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "section", "article", "body", "blockquote")
_SILENT = ("script", "style", "head", "template")


def read_filing(path: Path) -> Filing:
    """The filing at a path.

    Raises:
        FileError: nothing there that can be a filing, or too large.
        FormatError: no table with a number in it, or not the format that the name says.
    """
    if path.is_dir():
        return _together(path.name, [_parts(each) for each in _files(path)])
    if path.suffix.lower() == ".csv" and path.with_suffix(".txt").is_file():
        return _together(path.name, [_parts(path), _parts(path.with_suffix(".txt"))])
    return _together(path.name, [_parts(path)])


def filing_of(document: Mapping[str, Any], name: str) -> Filing:
    """A document of TAT-QA: a table and the paragraphs around it.

    Raises:
        FormatError: it is no such document.
    """
    try:
        lines = document["table"]["table"]
        texts = [(int(each["order"]), str(each["text"])) for each in document["paragraphs"]]
        if not all(isinstance(line, list) for line in lines):
            raise TypeError("a table is a list of rows")
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{name} is no document of TAT-QA (table and paragraphs): {error!r}") from error
    return _filing(name, [("", [[str(cell) for cell in line] for line in lines])], texts)


def _files(folder: Path) -> list[Path]:
    found = sorted(each for each in folder.iterdir() if each.suffix.lower() in TYPES and each.is_file())
    if not found:
        raise FileError(f"the filing {folder} holds no file of {', '.join(TYPES)}")
    return found


class _Parts:
    """Tables with their titles, and texts, in the order of the page."""

    def __init__(self) -> None:
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.texts: list[str] = []


def _parts(path: Path) -> _Parts:
    text = _text(path)
    parts = _Parts()
    match path.suffix.lower():
        case ".html" | ".htm":
            page = _Page()
            try:
                page.feed(text)
                page.close()
            except AssertionError as error:  # how the parser of the standard library refuses a broken declaration
                raise FormatError(f"the filing {path} is not HTML: {error}") from error
            page.leave()
            parts.tables, parts.texts = page.tables, page.texts
        case ".csv":
            try:
                lines = [row for row in csv.reader(text.splitlines(), strict=True) if any(cell.strip() for cell in row)]
            except csv.Error as error:
                raise FormatError(f"{path} is not a CSV table: {error}") from error
            parts.tables = [(path.stem, lines)] if lines else []
        case ".txt":
            parts.texts = [" ".join(each.split()) for each in text.split("\n\n") if each.strip()]
        case ".json":
            document = _document(text, path)
            filing_of(document, str(path))
            parts.tables = [("", [[str(cell) for cell in line] for line in document["table"]["table"]])]
            parts.texts = [str(each["text"]) for each in document["paragraphs"]]
        case _:
            raise FormatError(f"{path} is no filing that can be read: give {', '.join(TYPES)} or a folder of them")
    return parts


def _document(text: str, path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"{path} is not JSON: {error}") from error
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        raise FormatError(f"{path} must hold one document of TAT-QA: a note is on one filing")
    return document


def _text(path: Path) -> str:
    if not path.is_file():
        raise FileError(f"the filing {path} is not a file")
    if path.stat().st_size > LARGEST:
        raise FileError(f"the filing {path} has {path.stat().st_size} bytes, more than {LARGEST}: cut it to its parts")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"the filing {path} is not UTF-8 text: {error}") from error


def _together(name: str, parts: Sequence[_Parts]) -> Filing:
    tables = [table for part in parts for table in part.tables]
    texts = [text for part in parts for text in part.texts]
    return _filing(name, tables, list(enumerate(texts, start=1)))


def _filing(name: str, tables: Sequence[tuple[str, list[list[str]]]], texts: Sequence[tuple[int, str]]) -> Filing:
    size = sum(len(line) for _, lines in tables for line in lines)
    if size > CELLS:
        raise FormatError(f"the filing {name} has {size} cells, more than {CELLS}: cut it to the tables that matter")
    context = " ".join(text for _, text in texts)
    grids = [
        grid_of(lines, number=number, context=context, title=title)
        for number, (title, lines) in enumerate(((title, lines) for title, lines in tables if lines), start=1)
    ]
    kept = tuple(grid for grid in grids if grid.cells)
    if not kept:
        raise FormatError(f"the filing {name} holds no table with a number in it")
    dropped = len(grids) - len(kept)
    warnings = (f"{dropped} tables without a number were left out",) if dropped else ()
    paragraphs = tuple(Paragraph(order=order, text=" ".join(text.split())) for order, text in texts if text.strip())
    return Filing(name=name, tables=kept, paragraphs=paragraphs, warnings=warnings)


class _Page(HTMLParser):
    """Tables (the innermost ones) and the text outside them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.texts: list[str] = []
        self._open: list[list[list[str]]] = []
        self._words: list[str] = []
        self._span = 1
        self._silent = 0
        self._caption = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table":
            self.leave()
            self._open.append([])
        elif tag == "tr" and self._open:
            self._open[-1].append([])
        elif tag in ("td", "th") and self._open:
            given = str(dict(attrs).get("colspan") or "1")
            self._span = min(int(given), 50) if given.isascii() and given.isdigit() else 1
            self._words = []
        elif tag in _BREAKS and not self._open:
            self.leave()
        elif tag == "caption" and self._open:
            self._words = []

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "table" and self._open:
            lines = [line for line in self._open.pop() if any(line)]
            if lines:
                self.tables.append((self._caption, lines))
            self._caption = ""
        elif tag in ("td", "th") and self._open and self._open[-1]:
            words = " ".join(" ".join(self._words).split())
            self._open[-1][-1] += [words] + [""] * (self._span - 1)
            self._words = []
        elif tag == "caption" and self._open:
            self._caption = " ".join(" ".join(self._words).split())
            self._words = []
        elif tag in _BREAKS and not self._open:
            self.leave()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._words.append(data)

    def leave(self) -> None:
        """Close the paragraph that is open."""
        text = " ".join(" ".join(self._words).split())
        if text and not self._open:
            self.texts.append(text)
        if not self._open:
            self._words = []
