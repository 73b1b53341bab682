"""Payments by subject in the order of time, and windows over them: the engine that all rules of payments share.

A vectorised pass over all payments says where a pattern could be complete; only there a rule looks closer, payment by
payment, as if they were coming in. It knows no typology.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from .....core.types import Array

T = TypeVar("T")
SHIFT = 33  # bits for seconds since 1970


@dataclass(frozen=True, eq=False)
class Stream:
    """Places of payments in a book, by subject and then by time. A subject is any whole number."""

    places: Array
    subject: Array
    time: Array

    @cached_property
    def key(self) -> Array:
        return (self.subject << SHIFT) + self.time

    def since(self, window: int) -> Array:
        """For each payment, the first one of its subject that lies in (its time - window, its time]."""
        floor = np.maximum(self.key - window + 1, self.subject << SHIFT)
        return np.searchsorted(self.key, floor)

    def after(self, index: int, pause: int) -> int:
        """The first payment of the subject later than a pause after this one (or of a later subject)."""
        return int(np.searchsorted(self.key, self.key[index] + pause, side="right"))

    def before(self, subject: Array, time: Array) -> Array:
        """How many payments lie before a time within a subject, as places in the stream."""
        return np.searchsorted(self.key, (subject << SHIFT) + time)


def stream_of(places: Array, subject: Array, time: Array) -> Stream:
    """A stream of the payments at `places`, whose subjects and times are given."""
    order = np.lexsort((places, time, subject))
    return Stream(places[order], subject[order], time[order])


def window_sum(stream: Stream, values: Array, window: int) -> Array:
    """The sum of values over each payment's window."""
    total = np.concatenate([[0.0], np.cumsum(values[stream.places])])
    return total[1:] - total[stream.since(window)]


def window_count(stream: Stream, window: int) -> Array:
    return np.arange(len(stream.places)) + 1 - stream.since(window)


def replay(
    stream: Stream, candidates: Array, *, window: int, pause: int, check: Callable[[int, int], T | None]
) -> Iterator[T]:
    """What `check(first, last)` finds at candidates, in order; after a find, its subject starts afresh after a pause.

    A window never reaches back to what was there before the last find.
    """
    since = stream.since(window)
    subject, fresh = -1, 0
    for index in np.flatnonzero(candidates):
        if stream.subject[index] != subject:
            subject, fresh = int(stream.subject[index]), 0
        first = max(int(since[index]), fresh)
        if index < fresh:
            continue
        found = check(first, int(index))
        if found is not None:
            yield found
            fresh = stream.after(int(index), pause)
