"""How much likelier fraud is among payments that show a sign (an amount far above the usual, a device that many share)
than among all: counted from labels as they come. It knows nothing of what a sign means.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log

WEIGHT = 20.0  # labels that the share of fraud everywhere counts as, for each sign
MOST = 4.0  # of the logarithm: no sign proves anything
STEPS, WIDEST = 4, 10  # amounts: steps of the natural logarithm, and how many of them each way


class Lifts:
    """Known payments and frauds of each sign (a whole number)."""

    def __init__(self) -> None:
        self.counts: dict[int, tuple[int, int]] = {}

    def of(self, sign: int, rate: float) -> float:
        """The logarithm of the sign's share of fraud over `rate`; 0 where nothing is known."""
        known, frauds = self.counts.get(sign, (0, 0))
        value = log((frauds + WEIGHT * rate) / (known + WEIGHT) / rate)
        return min(max(value, -MOST), MOST)

    def share(self, sign: int, rate: float) -> float:
        """The sign's share of fraud, shrunk to `rate`."""
        known, frauds = self.counts.get(sign, (0, 0))
        return (frauds + 10 * WEIGHT * rate) / (known + 10 * WEIGHT)

    def told(self, sign: int, fraud: bool) -> None:
        known, frauds = self.counts.get(sign, (0, 0))
        self.counts[sign] = (known + 1, frauds + fraud)


CHANNEL = (-2, -1)  # signs of payments at a place that few cards know, and at one where everyone pays
REMOTE = 100  # signs of amounts at remote places are from here on
DEVICES = 1000  # signs of devices are above


def amount_sign(remote: bool, ratio: float) -> int:
    """Of an amount that is `ratio` times the card's usual."""
    step = round(STEPS * log(ratio)) if ratio > 0 else -WIDEST
    return REMOTE * remote + WIDEST + min(max(step, -WIDEST), WIDEST)


def device_sign(known: bool, first: bool, others: int) -> int:
    """Of a device: known to the card, seen for the first time by anyone, used by so many other cards."""
    return DEVICES + 100 * known + 50 * first + min(others.bit_length(), 8)


def account_signs(account: Mapping[str, float | str]) -> list[str]:
    """Of the row of the table of accounts: each column with its word, or the size of its number."""
    return [
        f"{name}={value}" if isinstance(value, str) else f"{name}~{_size(value)}" for name, value in account.items()
    ]


def _size(value: float) -> int:
    """Numbers of about one size share it: two steps for each doubling."""
    size = round(2 * log(1 + abs(value)) / log(2))
    return size if value >= 0 else -size
