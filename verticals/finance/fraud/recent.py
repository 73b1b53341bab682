"""The latest payments of a stream with the features they had and what was decided, so that a payment which is sent
again gets the answer it had and is not counted again; and how a budget of alerts is spent, one payment at a time.

It knows nothing of files and of models.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array
from .records import DAY
from .scoring import Action
from .stream import NAMES, Event

KEPT = 20_000  # payments


class Answer(NamedTuple):
    """A payment that was counted, and the features it had (single precision)."""

    event: Event
    values: array[float]


class Recent:
    """`scores` and `decided` are by id, of payments that have one; `reviews` counts the reviews of a day."""

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self.answers: OrderedDict[str, Answer] = OrderedDict()
        self.scores: dict[str, float] = {}
        self._ranked: list[float] = []  # the same scores, lowest first
        self.decided: dict[str, str] = {}
        self.reviews: dict[int, int] = {}

    def add(self, event: Event, values: Sequence[float]) -> None:
        """One payment more; the oldest is let go."""
        self.answers[event.id] = Answer(event, array("f", values))
        if len(self.answers) > self.kept:
            id, _ = self.answers.popitem(last=False)
            self._forget(id)
            self.decided.pop(id, None)

    def score(self, id: str, score: float) -> None:
        """What a payment that is kept was given; once more where it was given another."""
        self._forget(id)
        if id in self.answers:
            self.scores[id] = score
            insort(self._ranked, score)

    def within(self, id: str, score: float, alerts: int) -> Action:
        """The rule of a budget: review while the day has some left, above the threshold of the latest payments, this
        one among them.
        """
        self.score(id, score)
        day = int(self.answers[id].event.time // DAY)
        free = self.reviews.get(day, 0) < alerts
        return "review" if free and score >= self.threshold(alerts) else "approve"

    def decide(self, id: str, action: str) -> None:
        """What was decided of a payment, once."""
        found = self.answers.get(id)
        if found is None or id in self.decided:
            return
        self.decided[id] = action
        if action == "review":
            day = int(found.event.time // DAY)
            self.reviews[day] = self.reviews.get(day, 0) + 1
            for old in [each for each in self.reviews if each < day - 1]:
                del self.reviews[old]

    def again(self, event: Event) -> Answer | None:
        """What a payment that was counted before had; None for a new one.

        Raises:
            FormatError: its id was counted with other values.
        """
        found = self.answers.get(event.id)
        if found is not None and found.event != event:
            was, now = found.event, event
            other = next(name for name in Event._fields if getattr(was, name) != getattr(now, name))
            raise FormatError(
                f"event {event.id} was counted with {other} {getattr(was, other)!r} and is sent again with"
                f" {getattr(now, other)!r}: give a new payment its own id"
            )
        return found

    def threshold(self, alerts: int) -> float:
        """The score above which the latest payments would have had so many alerts a day."""
        if not self.scores:
            return 0.0
        first, last = next(iter(self.answers.values())), next(reversed(self.answers.values()))
        days = max((last.event.time - first.event.time) / DAY, 1.0)
        return self._ranked[-min(int(alerts * days), len(self._ranked))]

    def _forget(self, id: str) -> None:
        score = self.scores.pop(id, None)
        if score is not None:
            del self._ranked[bisect_left(self._ranked, score)]

    def pack(self) -> dict[str, Array]:
        """Every array by name, for a snapshot."""
        rows = b"".join(answer.values.tobytes() for answer in self.answers.values())
        said = {
            "events": [list(answer.event) for answer in self.answers.values()],
            "decided": self.decided, "reviews": list(self.reviews.items()),
        }  # fmt: skip
        return {
            "recent.rows": np.frombuffer(rows, np.float32),
            "recent.said": np.frombuffer(json.dumps(said).encode("utf-8", "surrogatepass"), np.uint8),
        }

    def take(self, arrays: Mapping[str, Array]) -> None:
        """What `pack` gave; nothing where a snapshot has none of it, or features of another version."""
        if "recent.said" not in arrays:
            return
        said = json.loads(arrays["recent.said"].tobytes().decode("utf-8", "surrogatepass"))
        width, events = len(NAMES), said["events"][-self.kept :]
        if arrays["recent.rows"].size != len(said["events"]) * width:
            return
        rows = arrays["recent.rows"].reshape(-1, width)[len(said["events"]) - len(events) :]
        for event, row in zip(events, rows, strict=True):
            self.answers[event[0]] = Answer(Event(*event), array("f", row.tobytes()))
        self.decided = {id: action for id, action in said["decided"].items() if id in self.answers}
        self.reviews = dict(said["reviews"])
