"""An alarm one can trust: raised by m of the last n, latched until a person acknowledges it, and not cleared at once.

The four states are those of ISA-18.2: `normal`, `raised` (nobody has seen it), `acknowledged` (seen, still so) and
`returned` (no longer so, not yet seen). It knows nothing of what is counted and reads no clock.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np

from ....core.errors import ConfigError

State: TypeAlias = Literal["normal", "raised", "acknowledged", "returned"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Raised at `m` or more of the last `n`; over again at `clear` or fewer of them (hysteresis).

    Raises:
        ConfigError: not 1 <= m <= n, or not 0 <= clear < m.
    """

    m: int = 3
    n: int = 20
    clear: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.m <= self.n:
            raise ConfigError(f"an alarm needs 1 <= m <= n, got {self.m} of {self.n}")
        if not 0 <= self.clear < self.m:
            raise ConfigError(f"an alarm of {self.m} of {self.n} clears at 0 to {self.m - 1}, got {self.clear}")


@final
class Alarm:
    """One alarm. `update` takes what was seen, `acknowledge` what a person says; both are told by `to_dict`."""

    def __init__(self, name: str, rule: Rule | None = None) -> None:
        self.name, self.rule = name, rule or Rule()
        self.recent: deque[bool] = deque(maxlen=self.rule.n)
        self.state: State = "normal"
        self.since: str | None = None
        self.by: str | None = None

    @property
    def active(self) -> bool:
        """Whether the condition holds now."""
        return self.state in ("raised", "acknowledged")

    @property
    def latched(self) -> bool:
        """Whether a person has still to acknowledge it."""
        return self.state in ("raised", "returned")

    def update(self, bad: bool, at: str | None = None) -> bool:
        """One more unit; whether the alarm is raised by it."""
        self.recent.append(bool(bad))
        count = sum(self.recent)
        if count >= self.rule.m and not self.active:
            if bad:  # an old count alone does not raise again what a person has acknowledged
                self.state, self.since, self.by = "raised", at, None
                return True
        elif count <= self.rule.clear and self.active:
            self.state = "normal" if self.state == "acknowledged" else "returned"
        return False

    def acknowledge(self, by: str) -> bool:
        """A person has seen it; whether there was anything to acknowledge."""
        if not self.latched:
            return False
        self.state, self.by = ("acknowledged" if self.state == "raised" else "normal"), by
        return True

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name, "state": self.state, "active": self.active, "latched": self.latched,
            "count": sum(self.recent), "of": len(self.recent), "m": self.rule.m, "n": self.rule.n,
            "since": self.since, "acknowledged_by": self.by,
        }  # fmt: skip


def units_between(rule: Rule, rate: float) -> float:
    """The mean number of units from a quiet start to a raised alarm where each is bad with probability `rate`.

    Exact, as the absorption time of the chain of where the bad ones among the last n - 1 lie.

    Raises:
        ConfigError: a rate outside ]0, 1], or a rule with more than 20,000 such patterns.
    """
    if not 0 < rate <= 1:
        raise ConfigError(f"the rate of bad units lies in ]0, 1], got {rate}")
    span = rule.n - 1
    patterns = [each for count in range(rule.m) for each in itertools.combinations(range(span), count)]
    if len(patterns) > 20_000:
        raise ConfigError(f"{rule.m} of {rule.n} has {len(patterns)} patterns: it is worked out for up to 20,000")
    from scipy.sparse import eye, lil_matrix
    from scipy.sparse.linalg import spsolve

    number = {each: row for row, each in enumerate(patterns)}
    moves = lil_matrix((len(patterns), len(patterns)))
    for pattern, row in number.items():
        older = tuple(age + 1 for age in pattern if age + 1 < span)
        moves[row, number[older]] += 1 - rate
        if len(pattern) + 1 < rule.m:
            moves[row, number[(0, *older) if span else ()]] += rate
    steps = spsolve((eye(len(patterns)) - moves).tocsc(), np.ones(len(patterns)))
    return float(np.atleast_1d(steps)[number[()]])
