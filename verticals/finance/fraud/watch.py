"""The latest payments at one place, what is known of each, and how likely the place is in the hands of fraudsters now.

A spell may have begun between any two payments and lasts for one of a few times. Each payment since then speaks for or
against it: a fraud found, one found honest, and silence too, the more the longer reports usually take. (Forward
filtering over beginnings with durations, as in a hidden semi-Markov model: Yu 2010.) It knows nothing of cards.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from math import log

import numpy as np

from ....core.types import Array
from .records import DAY
from .spells import TERMINAL

HELD = 96  # payments
SILENT, FRAUD, CLEAN = 0, 1, 2
LASTS = (10 * DAY, 28 * DAY)
REPORTED = 0.92  # of frauds
HONEST = log(0.12)  # evidence of a payment that was found honest: not every payment within a spell is fraud
STRONG = 2.5  # of the words' evidence summed up (Page 1954): below it nothing is worked out while no fraud is known
LONGEST = 90  # days a report may take
_NOTHING = np.zeros(1)


class Delays:
    """How long reports of fraud have taken, by whole days."""

    def __init__(self) -> None:
        self.counts = [0] * (LONGEST + 1)
        self.came = np.zeros(LONGEST + 1)

    def told(self, seconds: float) -> None:
        self.counts[min(max(int(seconds / DAY), 0), LONGEST)] += 1
        self.restore(self.counts)

    def restore(self, counts: list[int]) -> None:
        """From the counts alone."""
        self.counts = counts
        self.came = np.cumsum(counts) / max(sum(counts), 1)

    def silence(self, ages: Array) -> Array:
        """The evidence of no report after each age in seconds."""
        days = np.minimum((ages / DAY).astype(np.int64), LONGEST)
        found: Array = np.log1p(-REPORTED * self.came[days] * (days > 0))
        return found


class Watch:
    """Times, what is known (one byte each) and what the words say of the latest payments, oldest first."""

    __slots__ = ("frauds", "known", "said", "summed", "times")

    def __init__(self) -> None:
        self.times, self.known, self.said = array("d"), bytearray(), array("f")
        self.frauds, self.summed = 0, 0.0

    def add(self, now: float, said: float) -> None:
        """One payment, not earlier than the last; `said` is the evidence of its words."""
        if len(self.times) >= HELD:
            self.frauds -= self.known[0] == FRAUD
            del self.times[0], self.known[0], self.said[0]
        self.times.append(now)
        self.known.append(SILENT)
        self.said.append(said)
        self.summed = max(self.summed + said, 0.0)

    def told(self, when: float, fraud: bool) -> None:
        """The label of a payment made at `when`."""
        times, known = self.times, self.known
        place = bisect_left(times, when)
        while place < len(times) and times[place] == when:
            if known[place] == SILENT:
                known[place] = FRAUD if fraud else CLEAN
                self.frauds += fraud
                return
            place += 1

    def struck(self, now: float, rate: float, delays: Delays) -> tuple[float, float]:
        """The probability of a spell without what words said, and with it."""
        strong = self.summed > STRONG
        if not self.frauds and not strong:
            return TERMINAL.share, TERMINAL.share
        times = np.frombuffer(self.times)
        begins = np.append(times, now)
        gaps = np.diff(begins, prepend=times[0] - 5 * DAY)
        known = np.frombuffer(self.known, np.uint8)
        heard = np.array([0.0, log(0.9 / rate), HONEST])[known]
        silent = known == SILENT
        heard[silent] = delays.silence(now - times[silent])
        plain = _posterior(times, begins, gaps, heard, now) if self.frauds else TERMINAL.share
        if not strong and not self.summed:
            return plain, plain
        return plain, _posterior(times, begins, gaps, heard + np.frombuffer(self.said, np.float32), now)


def _posterior(times: Array, begins: Array, gaps: Array, heard: Array, now: float) -> float:
    """Of a spell that began before one of the payments, or since the last, and goes on."""
    sums = np.concatenate([_NOTHING, np.cumsum(heard)])
    struck = spared = 0.0
    for lasts in LASTS:
        ends = np.searchsorted(times, begins + lasts)
        weights = gaps * np.exp(np.minimum(sums[ends] - sums, 300.0))
        over = int(np.searchsorted(begins, now - lasts, side="right"))  # those that began before are over
        total, ended = float(weights.sum()), float(weights[:over].sum())
        struck, spared = struck + total - ended, spared + ended
    prior = TERMINAL.share / TERMINAL.length / len(LASTS)
    return prior * struck / (1.0 + prior * (struck + spared))
