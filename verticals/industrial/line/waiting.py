"""Units that wait to be judged: a line of bounded length, and what happens to one more when it is full.

`block` lets the sender wait (back-pressure: a folder is not looked at, a socket not read); `refuse` turns it away, and
counts it. It knows nothing of units.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Generic, Literal, TypeAlias, TypeVar, final

Policy: TypeAlias = Literal["block", "refuse"]
T = TypeVar("T")


@final
class Waiting(Generic[T]):
    """First in, first out, at most `bound` at a time."""

    def __init__(self, bound: int, policy: Policy = "block") -> None:
        self.bound, self.policy = bound, policy
        self.taken = self.refused = self.blocked = self.longest = 0
        self._items: deque[tuple[T, float]] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> bool:
        """Whether it was taken; blocks while full, if that is the policy, until the line is closed."""
        with self._changed:
            if len(self._items) >= self.bound:
                if self.policy == "refuse":
                    self.refused += 1
                    return False
                self.blocked += 1
                self._changed.wait_for(lambda: len(self._items) < self.bound or self._closed)
            if self._closed:
                return False
            self._items.append((item, time.monotonic()))
            self.taken += 1
            self.longest = max(self.longest, len(self._items))
            self._changed.notify_all()
            return True

    def get(self, timeout: float) -> tuple[T, float] | None:
        """The first one, with the seconds it waited; None where none came in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._items), timeout):
                return None
            item, since = self._items.popleft()
            self._changed.notify_all()
            return item, time.monotonic() - since

    def close(self) -> None:
        """Take no more, and let whoever waits to put one go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)

    def to_dict(self) -> dict[str, Any]:
        return {
            "length": len(self), "bound": self.bound, "policy": self.policy, "taken": self.taken,
            "refused": self.refused, "blocked": self.blocked, "longest": self.longest,
        }  # fmt: skip
