"""Hidden spells: how likely a terminal or a card is in the hands of a fraudster just now, by forward filtering.

A spell begins now and then, lasts for days, and makes fraud far likelier while it lasts. Between pieces of evidence the
probability drifts to its long-run share; a piece of evidence multiplies the odds. (Rabiner 1989, the forward pass of a
hidden Markov model of two states in continuous time.) It knows nothing of where evidence comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from .records import DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class Spell:
    """`share` of parties in a spell at any time, its mean `length` in seconds, the chance of fraud within."""

    share: float
    length: float
    fraud: float

    def drift(self, probability: float, seconds: float) -> float:
        """The probability after some time without evidence."""
        return self.share + (probability - self.share) * exp(-seconds / self.length)

    def told(self, probability: float, fraud: bool, rate: float) -> float:
        """The probability after a label of one event; `rate` is the chance of fraud outside of spells."""
        ratio = self.fraud / rate if fraud else (1 - self.fraud) / (1 - rate)
        return probability * ratio / (1 + probability * (ratio - 1))


TERMINAL = Spell(share=0.006, length=28 * DAY, fraud=0.9)  # skimming: nearly every payment until it is found
BRIEF = Spell(share=0.006, length=7 * DAY, fraud=0.5)
CARD = Spell(share=0.01, length=14 * DAY, fraud=0.33)  # stolen data, used between the owner's own payments

USUAL, HIGH = 0.5, 0.6  # spread of the logarithm of amount over level: the owner's, the thief's
HIGHER = log(4.0)  # a thief pays several times the owner's usual amount
LEAST, MOST = -4.0, 6.0  # of the logarithm of the likelihood ratio: no single amount proves anything


def amount_ratio(log_ratio: float) -> float:
    """Likelihood of an amount that is exp(`log_ratio`) times the card's usual, a thief's over the owner's."""
    owner, thief = log_ratio / USUAL, (log_ratio - HIGHER) / HIGH
    return exp(min(max(0.5 * (owner * owner - thief * thief) + log(USUAL / HIGH), LEAST), MOST))
