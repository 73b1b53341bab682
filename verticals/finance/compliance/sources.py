"""Labelled data in folders: payments, entities, perhaps lists and documents, and truth.csv. It fits and scores
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ....core.errors import FileError, UnknownName
from .book import Book, book_of
from .documents import read_documents
from .entities import read_entities
from .lists import read_lists
from .payments import read_payments
from .truth import Truth, read_truth

LAYOUTS = ("case-folder",)
TRUTH = "truth.csv"


@dataclass(frozen=True, eq=False)
class Source:
    """One folder: everything as of its end, and the cases in it."""

    name: str
    book: Book
    truth: Truth


def sources_in(data: Path, *, layout: str | None = None) -> list[Source]:
    """The folder itself, or the folders in it, that hold truth.csv.

    Raises:
        UnknownName: a layout that does not exist.
        FileError: no such folder, or one without payments or entities.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownName("layout", layout, LAYOUTS)
    folders = [data, *sorted(each for each in data.iterdir() if each.is_dir())] if data.is_dir() else []
    found = [_source(folder) for folder in folders if (folder / TRUTH).exists()]
    if not found:
        raise FileError(f"{data} holds no {TRUTH}: a folder with payments.csv, entities.json and {TRUTH} is needed")
    return found


def _source(folder: Path) -> Source:
    payments = read_payments(_one(folder, "payments", (".csv", ".csv.gz", ".parquet")))
    entities = folder if (folder / "parties.csv").exists() else _one(folder, "entities", (".json",))
    lists, documents = folder / "lists.csv", folder / "documents.txt"
    book = book_of(
        payments,
        read_entities(entities),
        read_lists(lists) if lists.exists() else (),
        read_documents(documents.read_text(encoding="utf-8")) if documents.exists() else None,
    )
    return Source(folder.name, book, read_truth(folder / TRUTH, payments))


def _one(folder: Path, stem: str, endings: tuple[str, ...]) -> Path:
    for ending in endings:
        if (folder / f"{stem}{ending}").exists():
            return folder / f"{stem}{ending}"
    raise FileError(f"{folder} holds no {stem}{endings[0]}")
