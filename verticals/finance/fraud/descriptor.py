"""A merchant's text as it stands on a statement, to the merchant's name and its words; the words' record of fraud.

"SQ *BLUE BOTTLE 0423 SAN F" and "BLUE BOTTLE 0511 SAN FRA" should be one merchant. It knows nothing of payments.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import log

_PREFIX = re.compile(r"^(?:[A-Z]{2,8}\s?\*\s*|POS\s+|CARD\s+|VISA\s+)")  # the processor's, or the channel's
_OTHER = re.compile(r"[\W\d_]+")
LENGTH = 3  # words of a name: what follows is the place
USUAL, REMEMBERED, SURE = 0.5, 12, 3  # share of a place's payments, its words kept, payments before anything is said
WEIGHT = 20.0  # labels that the share of fraud everywhere counts as, for a word


@lru_cache(maxsize=65536)
def normal(text: str) -> tuple[str, tuple[str, ...]]:
    """The name, in capitals without numbers and the processor's prefix, and its words of three letters and more."""
    plain = _PREFIX.sub("", text.upper().strip())
    words = tuple(word for word in _OTHER.sub(" ", plain).split() if len(word) > 2)
    return " ".join(words[:LENGTH]), words


class Words:
    """How often each word stood on payments that were labelled, and on frauds."""

    def __init__(self) -> None:
        self.counts: dict[str, tuple[int, int]] = {}

    def read(self, text: str) -> tuple[str, tuple[str, ...]]:
        return normal(text)

    def score(self, words: tuple[str, ...], rate: float) -> float:
        """The greatest logarithm of a word's share of fraud over that of all payments; 0 where nothing is known."""
        most = least = 0.0
        for word in words:
            known, frauds = self.counts.get(word, (0, 0))
            value = log((frauds + WEIGHT * rate) / (known + WEIGHT) / rate)
            most, least = max(most, value), min(least, value)
        return most if most > -least else least

    def told(self, words: tuple[str, ...], fraud: bool) -> None:
        for word in set(words):
            known, frauds = self.counts.get(word, (0, 0))
            self.counts[word] = (known + 1, frauds + fraud)


class Usual:
    """The words that most payments at a place carry: its name, which says nothing of this payment."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[int, dict[str, int]]] = {}

    def unusual(self, place: str, words: tuple[str, ...]) -> tuple[str, ...]:
        """The words that are not the place's own; none before it is known."""
        payments, counts = self.places.get(place) or (0, {})
        if payments < SURE:
            return ()
        return tuple(word for word in words if counts.get(word, 0) <= USUAL * payments)

    def add(self, place: str, words: tuple[str, ...]) -> None:
        """One payment; of a place's words the first are kept, its name among them."""
        payments, counts = self.places.get(place) or (0, {})
        for word in words:
            if word in counts or len(counts) < REMEMBERED:
                counts[word] = counts.get(word, 0) + 1
        self.places[place] = (payments + 1, counts)
