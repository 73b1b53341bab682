"""Words as they are compared: lower case, plural s and a few endings dropped; overlaps weighted by how
telling words are."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

_WORD = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*", re.IGNORECASE)
STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "being",
        "by",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "in",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "respective",
        "respectively",
        "s",
        "that",
        "the",
        "their",
        "there",
        "these",
        "this",
        "to",
        "was",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "would",
        "year",
        "fiscal",
        "company",
        "group",
        "amount",
        "value",
        "figure",
        "between",
        "during",
        "respect",
        "per",
        "ended",
        "both",
        "each",
        "all",
        "if",
        "any",
    ]
)


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """The words and numbers of a text, in its order."""
    return tuple(_stem(each) for each in _WORD.findall(text.lower()))


@lru_cache(maxsize=4096)
def telling(text: str) -> tuple[str, ...]:
    """Those that say what it is about."""
    return tuple(each for each in words(text) if each not in STOP)


def _stem(word: str) -> str:
    for ending, left in (("ies", "y"), ("sses", "ss")):
        if len(word) > 4 and word.endswith(ending):
            return word[: -len(ending)] + left
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@lru_cache(maxsize=64)
def rarity(texts: tuple[str, ...]) -> Mapping[str, float]:
    """How telling each word is among these texts: the smoothed logarithm of texts over texts that have it."""
    found = [set(telling(text)) for text in texts]
    having = Counter(word for each in found for word in each)
    return {word: math.log((1 + len(found)) / (0.5 + count)) + 0.3 for word, count in having.items()}


def mass(some: Iterable[str], rare: Mapping[str, float], unknown: float = 1.5) -> float:
    """The weight of words, together."""
    return sum(rare.get(word, unknown) for word in some)


def longest_run(some: Sequence[str], other: Sequence[str]) -> int:
    """The most words of `some` that stand in `other` one after another, in the same order."""
    best = 0
    before = [0] * (len(other) + 1)
    for word in some:
        row = [0] * (len(other) + 1)
        for place, each in enumerate(other, start=1):
            if each == word:
                row[place] = before[place - 1] + 1
                best = max(best, row[place])
        before = row
    return best
