"""Help pages: the only text that an answer may be made of. Read from Markdown; it knows nothing of intents' models.

## card_arrival            the topic it answers; "(person)" after it: a person takes over once it is said
A card that has not come   its title
A card arrives within ...  a sentence a line: what is cited
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ....core.errors import FileError, FormatError

HEADING = "## "
PERSON = "(person)"
LARGEST = 5_000_000  # bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Article:
    """One page: its title, its sentences with the line of the file that each stands on, and if a person must act."""

    topic: str
    title: str
    lines: tuple[tuple[int, str], ...]
    person: bool = False


Articles: TypeAlias = Mapping[str, Article]


def read_articles(path: Path) -> Articles:
    """Every page of a file, by topic.

    Raises:
        FileError: it is no file, or too large to be help pages.
        FormatError: not UTF-8, no page, a page without a sentence, or a topic that two pages have.
    """
    if not path.is_file():
        raise FileError(f"{path} is a folder: help pages are one Markdown file")
    if path.stat().st_size > LARGEST:
        raise FileError(f"{path} has {path.stat().st_size} bytes, more than the {LARGEST} of help pages: split it")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not UTF-8 text: {error}") from error
    articles: dict[str, Article] = {}
    for heading, lines in _blocks(text).items():
        topic = heading.removesuffix(PERSON).rstrip()
        if len(lines) < 2:
            raise FormatError(f"{path}: the page {topic!r} needs a title and under it at least one sentence")
        articles[topic] = Article(topic=topic, title=lines[0][1], lines=tuple(lines[1:]), person=topic != heading)
    if not articles:
        raise FormatError(f"{path} holds no help page: a page begins with '{HEADING}topic', then its title")
    return articles


def _blocks(text: str) -> dict[str, list[tuple[int, str]]]:
    """The lines under each heading, with their numbers."""
    blocks: dict[str, list[tuple[int, str]]] = {}
    topic = None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(HEADING):
            topic = line.removeprefix(HEADING).strip()
            if not topic or topic in blocks:
                raise FormatError(f"line {number} begins the page {topic!r} {'again' if topic else 'without a name'}")
            blocks[topic] = []
        elif topic is not None and line.strip():
            blocks[topic].append((number, line.strip()))
    return blocks
