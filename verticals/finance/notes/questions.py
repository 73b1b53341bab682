"""Questions with answers on filings: the JSON of TAT-QA as its authors publish it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ....core.errors import FileError, FormatError, UnknownName
from .read import filing_of
from .records import Filing
from .training import Asked

LAYOUTS = ("tatqa",)


def read_tatqa(data: Path, *, layout: str | None = None) -> list[tuple[Filing, list[Asked]]]:
    """Every document with its questions, of a file or of all JSON files of a folder.

    Raises:
        UnknownName: a layout that does not exist.
        FileError, FormatError: no such file.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownName("layout", layout, LAYOUTS)
    files = [data] if data.is_file() else sorted(data.glob("*.json"))
    if not files:
        raise FileError(f"{data} holds no JSON file of questions in the layout of TAT-QA")
    found = []
    for path in files:
        for number, document in enumerate(_documents(path)):
            name = f"{path.name}, document {number + 1}"
            asked = list(_asked(document, name))
            if asked:
                found.append((filing_of(document, name), asked))
    if not found:
        raise FormatError(f"{data} holds no document with questions")
    return found


def _documents(path: Path) -> list[Any]:
    try:
        documents = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, OSError) as error:
        raise FormatError(f"{path} is not JSON: {error}") from error
    if isinstance(documents, dict):
        documents = [documents]
    if not isinstance(documents, list) or not all(isinstance(each, dict) for each in documents):
        raise FormatError(f"{path} is no list of documents of TAT-QA")
    return documents


def _asked(document: Mapping[str, Any], name: str) -> Iterator[Asked]:
    for each in document.get("questions", ()):
        try:
            answer = each["answer"]
            yield Asked(
                question=str(each["question"]),
                values=tuple(map(str, answer)) if isinstance(answer, list) else (str(answer),),
                scale=str(each["scale"]),
                kind=str(each["answer_type"]),
                derivation=str(each.get("derivation", "")),
                source=str(each.get("answer_from", "")),
                paragraphs=tuple(int(order) for order in each.get("rel_paragraphs", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{name}: a question lacks what TAT-QA gives it: {error!r}") from error
