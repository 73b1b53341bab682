"""The same said otherwise: synonyms, short and long forms there and back, turned clauses, slips of the keyboard.

A translation there and back needs a model that no laptop has at hand; what it changes (short forms, politeness, the
order of clauses) is changed here by rule. Numbers, capitals and every word that is no word of the tables stay.
Source: Wei and Zou, EDA, 2019.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from ...errors import ConfigError

FORMS = (
    ("cannot", "can't"), ("do not", "don't"), ("does not", "doesn't"), ("did not", "didn't"), ("is not", "isn't"),
    ("are not", "aren't"), ("was not", "wasn't"), ("have not", "haven't"), ("has not", "hasn't"), ("will not", "won't"),
    ("would not", "wouldn't"), ("could not", "couldn't"), ("should not", "shouldn't"), ("i am", "i'm"),
    ("i have", "i've"), ("i will", "i'll"), ("i would", "i'd"), ("it is", "it's"), ("that is", "that's"),
    ("what is", "what's"), ("there is", "there's"), ("you are", "you're"), ("we are", "we're"), ("they are", "they're"),
)  # fmt: skip
SAME = (
    ("get", "receive", "obtain"), ("show", "display"), ("help", "assist"), ("buy", "purchase"), ("start", "begin"),
    ("need", "require"), ("wrong", "incorrect"), ("fix", "repair", "solve"), ("ask", "request"), ("end", "finish"),
    ("stop", "halt"), ("big", "large"), ("small", "little"), ("fast", "quick"), ("happen", "occur"),
    ("also", "too"), ("maybe", "perhaps"), ("because", "since"), ("near", "close"), ("shut", "close"),
)  # fmt: skip
KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def synonyms(
    text: str, generator: np.random.Generator, *, share: float = 0.2, table: Sequence[Sequence[str]] = SAME
) -> str:
    """Up to this share of the words, each by another of its row in the table; capitals at the start stay."""
    _refuse(share)
    same: Mapping[str, Sequence[str]] = {word: row for row in table for word in row}

    def other(found: re.Match[str]) -> str:
        word = found[0]
        row = [each for each in same.get(word.lower(), ()) if each != word.lower()]
        if not row or generator.random() >= share:
            return word
        new = row[int(generator.integers(len(row)))]
        return new.capitalize() if word[0].isupper() else new

    return re.sub(r"[A-Za-z']+", other, text)


def there_and_back(text: str, generator: np.random.Generator, *, share: float = 0.5) -> str:
    """Short forms made long and long ones short, and clauses around a comma turned, each with this chance."""
    _refuse(share)
    for long, short in FORMS:
        old, new = (long, short) if generator.random() < 0.5 else (short, long)
        if generator.random() < share:
            text = re.sub(rf"\b{old}\b", partial(_again, new), text, flags=re.IGNORECASE)
    parts = re.fullmatch(r"([^,.?!]+), ([^,.?!]+)([.?!]?)", text)
    if parts and generator.random() < share:
        first, second, end = parts.groups()
        text = f"{second[0].upper()}{second[1:]}, {_lowered(first)}{end}"
    return text


def slips(text: str, generator: np.random.Generator, *, share: float = 0.02) -> str:
    """Letters hit beside their key, left out or turned with the next, one a word at most; digits stay."""
    _refuse(share)
    words = text.split(" ")
    for place, word in enumerate(words):
        if not word.isalpha() or len(word) < 4 or generator.random() >= min(1.0, share * len(word)):
            continue
        at = 1 + int(generator.integers(len(word) - 2))
        kind = int(generator.integers(3))
        if kind == 0:
            words[place] = word[:at] + _beside(word[at], generator) + word[at + 1 :]
        elif kind == 1:
            words[place] = word[:at] + word[at + 1 :]
        else:
            words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def said_otherwise(text: str, generator: np.random.Generator) -> str:
    """All three, gently."""
    return slips(there_and_back(synonyms(text, generator), generator), generator)


def _beside(letter: str, generator: np.random.Generator) -> str:
    for row in KEYS:
        at = row.find(letter.lower())
        if at >= 0:
            near = row[max(at - 1, 0) : at + 2].replace(letter.lower(), "")
            return near[int(generator.integers(len(near)))]
    return letter


def _again(new: str, found: re.Match[str]) -> str:
    return _cased(found[0], new)


def _cased(old: str, new: str) -> str:
    new = re.sub(r"\bi\b", "I", new)
    return new[0].upper() + new[1:] if old[0].isupper() else new


def _lowered(clause: str) -> str:
    return clause if clause.split()[0] in ("I", "I'm", "I've", "I'll", "I'd") or clause[1:2].isupper() else (
        clause[0].lower() + clause[1:]
    )  # fmt: skip


def _refuse(share: float) -> None:
    if not 0 <= share <= 1:
        raise ConfigError(f"a share lies from 0 to 1, got {share}")
