"""What one server takes, and the errors that say it takes no more. It knows nothing of HTTP but the number of a status.

Refused            not answered, through no fault of what was sent; `again` is when to ask again, in seconds
├── Full           as many wait as may wait
├── Stopping       the server ends what it has begun and begins nothing more
├── Unmanned       what computes it has ended and does not start again
├── TooLate        it waited its whole time for its turn
├── TooSlow        it did not arrive whole in its time
└── TooLong        its turn came and its time was too short
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ColonnadeError, ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """`waiting`: requests that wait beside those being computed. `seconds`: from a request's first byte to its answer.

    `stopping`: seconds that running requests are given when the server is told to stop (0: as many as they take).
    """

    waiting: int = 32
    seconds: float = 300.0
    stopping: float = 60.0

    def __post_init__(self) -> None:
        if self.waiting < 0 or not 0 < self.seconds < 1e6 or not 0 <= self.stopping < 1e6:
            raise ConfigError(
                f"limits are counts and seconds above 0, got {self.waiting} waiting, {self.seconds:g} and"
                f" {self.stopping:g} seconds"
            )


class Refused(ColonnadeError):
    """Not answered, through no fault of what was sent."""

    status = 503

    def __init__(self, sentence: str, *, again: int | None = None) -> None:
        super().__init__(sentence)
        self.again = again


class Full(Refused):
    """As many wait as may wait."""


class Stopping(Refused):
    """The server begins nothing more."""


class Unmanned(Refused):
    """What computes it has ended and does not start again."""


class TooLate(Refused):
    """Its turn did not come in its time."""


class TooSlow(Refused):
    """It did not arrive whole in its time."""

    status = 408


class TooLong(Refused):
    """Its turn came and its time was too short."""

    status = 504
