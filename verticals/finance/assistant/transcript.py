"""A dialogue so far, as JSON: a list of turns, `{"speaker": "customer" | "assistant", "text": "..."}`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ....core.errors import FileError, FormatError
from .records import TURNS, Turn

SPEAKERS = ("customer", "assistant")


def read_transcript(value: Path | Sequence[Any]) -> tuple[Turn, ...]:
    """The turns of a file, or of a list of turns (or of dictionaries with the same keys).

    Raises:
        FileError, FormatError: not such a file, no turn, too many, or a turn without its words.
    """
    if isinstance(value, Path):
        if not value.is_file():
            raise FileError(f"{value} is a folder: a dialogue is one JSON file")
        try:
            value = json.loads(value.read_text(encoding="utf-8-sig"))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise FormatError(f"{value} is not JSON: {error}") from error
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence) or not value:
        raise FormatError("a dialogue is a list of turns, each with speaker and text, and holds at least one")
    if len(value) > TURNS:
        raise FormatError(f"a dialogue has at most {TURNS} turns, got {len(value)}")
    return tuple(_turn(number, each) for number, each in enumerate(value, start=1))


def _turn(number: int, given: Any) -> Turn:
    if isinstance(given, Turn):
        return given
    if not isinstance(given, dict) or set(given) != {"speaker", "text"}:
        raise FormatError(f"turn {number} of the dialogue needs exactly the keys speaker and text, got {given!r:.60}")
    if given["speaker"] not in SPEAKERS or not isinstance(given["text"], str):
        raise FormatError(
            f"turn {number}: the speaker is customer or assistant and the text a string, got {given!r:.60}"
        )
    return Turn(speaker=given["speaker"], text=given["text"])
