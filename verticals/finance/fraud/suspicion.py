"""How likely a card's data are in a thief's hands, from the signs of its payments at remote places, before any report.

Kept for four views, with and without what words and device say, so that each set of modalities has its own answer.
It knows nothing of labels, and of what a sign is.
"""

from __future__ import annotations

from math import exp

from .records import DAY
from .spells import Spell

ABUSED = Spell(share=0.015, length=9 * DAY, fraud=0.4)  # of remote payments within, two in five are the thief's
VIEWS = ((False, False), (False, True), (True, False), (True, True))  # words, device
Lift = tuple[float, float, float]  # of amount, words and device: logarithms


class Suspicion:
    """The probability of a spell in each view, as of `at`."""

    __slots__ = ("at", "spells")

    def __init__(self) -> None:
        self.at, self.spells = 0.0, [ABUSED.share] * len(VIEWS)

    def read(self, now: float, lifts: Lift) -> list[float]:
        """For each view the probability of a spell just before a payment, and that it is the thief's."""
        values = []
        for spell, lift in zip(self._faded(now), seen(lifts), strict=True):
            values += [spell, taken(spell, lift)]
        return values

    def add(self, now: float, lifts: Lift) -> None:
        """One payment, not earlier than the last."""
        spells = []
        for spell, lift in zip(self._faded(now), seen(lifts), strict=True):
            mixed = 1 - ABUSED.fraud + ABUSED.fraud * exp(lift)
            spells.append(spell * mixed / (1 + spell * (mixed - 1)))
        self.at, self.spells = now, spells

    def _faded(self, now: float) -> list[float]:
        kept = exp((self.at - now) / ABUSED.length) if self.at else 0.0
        return [ABUSED.share + (spell - ABUSED.share) * kept for spell in self.spells]


def seen(lifts: Lift) -> list[float]:
    """What the signs say together, in each view."""
    amount, words, device = lifts
    return [amount + words * with_words + device * with_device for with_words, with_device in VIEWS]


def taken(spell: float, lift: float) -> float:
    """The chance that a payment is a thief's, were the card in his hands with chance `spell`."""
    odds = spell * ABUSED.fraud * exp(lift)
    return odds / (odds + 1 - spell * ABUSED.fraud)
