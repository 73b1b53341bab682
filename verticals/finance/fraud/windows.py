"""What one card has done lately: its last payments in a ring, counted and summed over exact windows of time.

The ring holds at most 128 payments of at most 30 days; a busier card is known by its latest 128. Times are kept in
whole seconds, amounts in single precision: 12 bytes a payment. It knows nothing of labels and of other cards.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort

from .records import DAY, HOUR

WINDOWS = (HOUR, DAY, 7 * DAY, 30 * DAY)
CAPACITY = 128
SLACK = 16  # payments that have left every window are cut off together


class Ring:
    """The latest payments of a card, oldest first, with the start and the sum of each window."""

    __slots__ = ("amounts", "counted", "now", "ordered", "place", "places", "seconds", "starts", "sums")

    def __init__(self) -> None:
        self.seconds, self.amounts, self.places = array("I"), array("f"), array("I")
        self.ordered = array("f")  # the amounts again, ascending
        self.starts = [0] * len(WINDOWS)
        self.sums = [0.0] * len(WINDOWS)
        self.now = float("nan")  # up to when windows have been left
        self.place, self.counted = -1, 0  # the last count of visits

    def __len__(self) -> int:
        return len(self.seconds)

    def advance(self, now: float) -> None:
        """Let what is `now` outside of a window leave it."""
        if now == self.now:
            return
        self.now = now
        seconds, amounts, starts, sums = self.seconds, self.amounts, self.starts, self.sums
        count = len(seconds)
        for which, width in enumerate(WINDOWS):
            start = starts[which]
            if start < count and seconds[start] <= now - width:
                left, edge = sums[which], now - width
                while start < count and seconds[start] <= edge:
                    left -= amounts[start]
                    start += 1
                starts[which] = start
                sums[which] = left if start < count else 0.0
        if starts[-1] > SLACK:
            self._forget(starts[-1])

    def add(self, time: float, amount: float, place: int) -> None:
        """One more payment, not earlier than the last."""
        if len(self.seconds) >= CAPACITY:
            self._forget(1)
        self.seconds.append(int(time))
        self.amounts.append(amount)
        self.places.append(place)
        self.place = -1
        amount = self.amounts[-1]  # as kept, so that what is added is what will be taken away
        insort(self.ordered, amount)
        sums = self.sums
        for which in range(len(WINDOWS)):
            sums[which] += amount

    def counts(self) -> list[int]:
        """How many payments each window holds."""
        count = len(self.seconds)
        return [count - start for start in self.starts]

    def median(self) -> float:
        """The middle amount; NaN without payments."""
        count = len(self.ordered)
        if not count:
            return float("nan")
        half = count >> 1
        return self.ordered[half] if count & 1 else 0.5 * (self.ordered[half - 1] + self.ordered[half])

    def rank(self, amount: float) -> float:
        """The share of amounts below this one (half of equals); NaN without payments."""
        ordered = self.ordered
        if not ordered:
            return float("nan")
        return 0.5 * (bisect_left(ordered, amount) + bisect_right(ordered, amount)) / len(ordered)

    def visits(self, place: int) -> int:
        """How many of the payments were made there."""
        if place != self.place:
            self.place, self.counted = place, self.places.count(place)
        return self.counted

    def _forget(self, count: int) -> None:
        """Cut off the oldest payments."""
        amounts, sums, starts = self.amounts, self.sums, self.starts
        for which, start in enumerate(starts):
            for index in range(start, count):
                sums[which] -= amounts[index]
            starts[which] = max(start - count, 0)
        ordered = self.ordered
        for index in range(count):
            del ordered[bisect_left(ordered, amounts[index])]
        del self.seconds[:count], amounts[:count], self.places[:count]
        self.place = -1
