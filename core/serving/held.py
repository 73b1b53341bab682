"""What a page keeps open between requests, in memory until it expires. It knows no HTTP and not what is open."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ..errors import InputError
from ..progress import say


class Closed(InputError):
    """Something that is not, or no longer, open."""


class Holdable(Protocol):
    """`used` is when it was asked for last, by the clock of what holds it."""

    used: float

    def close(self) -> None:
        """Let go of files and whatever else is held."""


Thing = TypeVar("Thing", bound=Holdable)


class Held(Generic[Thing]):
    """Open things by names that cannot be guessed; the one longest unused makes room for another.

    At most `most` at once, each closed after `kept` seconds without use; `one` and `many` are what sentences call them.
    """

    def __init__(
        self, one: str, many: str, *, most: int, kept: float, clock: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self.one, self.many, self.most, self.kept, self.clock = one, many, most, kept, clock
        self._open: dict[str, Thing] = {}
        self._lock = threading.Lock()

    def put(self, thing: Thing) -> str:
        """Hold it; the name to ask for it by."""
        key, thing.used = secrets.token_urlsafe(12), self.clock()
        with self._lock:
            self._sweep()
            while len(self._open) >= self.most:
                say(f"closing the {self.one} that was longest unused to make room")
                self._drop(min(self._open, key=lambda each: self._open[each].used))
            self._open[key] = thing
        return key

    def get(self, key: str) -> Thing:
        """What is open under that name; it counts as used now.

        Raises:
            Closed: nothing is.
        """
        with self._lock:
            self._sweep()
            if key not in self._open:
                raise Closed(
                    f"this {self.one} is closed: {self.many} are closed after {self.kept / 60:.0f} minutes without use,"
                    f" and the oldest when more than {self.most} are open; open it again"
                )
            thing = self._open[key]
            thing.used = self.clock()
            return thing

    def close(self, key: str) -> None:
        """Forget it, and its files."""
        with self._lock:
            if key in self._open:
                self._drop(key)

    def close_all(self) -> None:
        with self._lock:
            for key in list(self._open):
                self._drop(key)

    def _sweep(self) -> None:
        for key in [key for key, each in self._open.items() if self.clock() - each.used > self.kept]:
            self._drop(key)

    def _drop(self, key: str) -> None:
        self._open.pop(key).close()
