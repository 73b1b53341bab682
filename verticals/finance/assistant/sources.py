"""Labelled queries: a CSV with columns text and category (or label, intent), as BANKING77 is published, or a folder of
them. Rows of the category `out_of_scope` (or `oos`) are queries that no intent fits."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from ....core.errors import FileError, FormatError, UnknownName
from ....core.training.continual import replayed
from .records import LETTERS

LAYOUTS = ("csv", "banking77")
TEXTS, NAMES = ("text", "query", "utterance", "message"), ("category", "intent", "label")
OUTSIDE = ("out_of_scope", "oos")
SPLITS = ("train.csv", "test.csv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Queries:
    """Texts and the intent of each; `outside` are those that no intent fits."""

    texts: tuple[str, ...]
    intents: tuple[str, ...]
    outside: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()  # how far each counts in learning; all alike where there are none

    def beside(self, old: Queries, *, seed: int) -> Queries:
        """These, and at most as many old ones."""
        pairs = replayed(
            list(zip(self.texts, self.intents, strict=True)), list(zip(old.texts, old.intents, strict=True)), seed=seed
        )
        texts, intents = zip(*pairs, strict=True)
        weights = (1.0,) * (len(texts) - len(self.texts)) + (self.weights or (1.0,) * len(self.texts))
        return Queries(texts=texts, intents=intents, outside=self.outside + old.outside, weights=weights)


def read_queries(data: Path, *, layout: str | None = None, split: str | None = None) -> Queries:
    """The queries of a file, or of all CSV files of a folder (of `<split>.csv` alone, where it has that).

    Raises:
        UnknownName: a layout that does not exist.
        FileError, FormatError: no such file, or a row without its text and category.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownName("layout", layout, LAYOUTS)
    files = [data] if data.is_file() else sorted(data.glob("*.csv"))
    if split is not None and data.is_dir() and (data / f"{split}.csv").is_file():
        files = [data / f"{split}.csv"]
    if not files:
        raise FileError(f"{data} holds no CSV file of queries (columns text and category)")
    texts: list[str] = []
    intents: list[str] = []
    outside: list[str] = []
    for path in files:
        for text, name in _rows(path):
            if name.lower() in OUTSIDE:
                outside.append(text)
            else:
                texts.append(text)
                intents.append(name)
    if not texts and not outside:
        raise FormatError(f"{data} holds a header and no query under it")
    return Queries(texts=tuple(texts), intents=tuple(intents), outside=tuple(outside))


def _rows(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream, strict=True))
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise FormatError(f"{path} is not a CSV file of text: {error}") from error
    if not rows:
        raise FileError(f"{path} is empty")
    head = [each.strip().lower() for each in rows[0]]
    places = [next((head.index(name) for name in names if name in head), None) for names in (TEXTS, NAMES)]
    if None in places:
        raise FormatError(f"{path} needs the columns text and category: its first line is {', '.join(rows[0])[:80]!r}")
    found = []
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        text, name = (row[place].strip() if place is not None and place < len(row) else "" for place in places)
        if not text or not name or len(text) > LETTERS:
            raise FormatError(f"line {number} of {path} needs a text of at most {LETTERS} letters and a category")
        found.append((text, name))
    return found
