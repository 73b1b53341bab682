"""What a maintenance policy would have cost on machines whose failure is known: cost a cycle, availability, waste.

A policy that maintains earlier always has fewer failures (and a longer time between them), so failures alone say
nothing: cost, availability and the life thrown away stand beside them. Times and prices are settings. It fits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ....core.random import numpy_generator
from ....core.result import Interval
from ....core.types import Array


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What a planned maintenance and a failure cost, and how many cycles the machine then stands still."""

    planned: float = 1.0
    failure: float = 5.0
    planned_stop: float = 2.0
    failure_stop: float = 10.0


class Life(NamedTuple):
    """One machine up to its failure after `length` cycles: what was predicted after each of `cycles` (from 1 on)."""

    length: int
    cycles: Float[Array, " row"]
    life: Float[Array, " row"]
    low: Float[Array, " row"]


class Outcome(NamedTuple):
    """One machine under a policy: cycles it ran, whether it failed, cycles of life thrown away."""

    ran: float
    failed: bool
    wasted: float


Policy = Callable[[Life], float]  # the cycle after which a machine is maintained; infinite: never


def to_failure(life: Life) -> float:
    """Repair what fails."""
    return float("inf")


def periodic(every: float) -> Policy:
    """Maintain after so many cycles, whatever is known."""
    return lambda life: every


def below(limit: float, *, bound: bool) -> Policy:
    """Maintain as soon as the predicted life (or with `bound` its lower bound) is at most `limit` cycles."""

    def when(life: Life) -> float:
        under = np.flatnonzero((life.low if bound else life.life) <= limit)
        return float(life.cycles[under[0]]) if len(under) else float("inf")

    return when


def outcomes(policy: Policy, lives: Sequence[Life]) -> list[Outcome]:
    """What happens to each machine; one maintained at its last cycle or later has failed."""
    found = []
    for life in lives:
        when = policy(life)
        failed = when >= life.length
        ran = float(life.length) if failed else when
        found.append(Outcome(ran=ran, failed=failed, wasted=life.length - ran))
    return found


def worth(found: Sequence[Outcome], prices: Prices) -> dict[str, float]:
    """Cost a hundred cycles, availability, failures and wasted life a machine, cycles between failures."""
    ran = sum(each.ran for each in found)
    failures = sum(each.failed for each in found)
    planned = len(found) - failures
    stopped = failures * prices.failure_stop + planned * prices.planned_stop
    return {
        "cost_per_100_cycles": 100 * (failures * prices.failure + planned * prices.planned) / ran,
        "availability": ran / (ran + stopped),
        "failures_share": failures / len(found),
        "wasted_life": sum(each.wasted for each in found) / len(found),
        "cycles_between_failures": ran / failures if failures else float("inf"),
    }


def interval(found: Sequence[Outcome], prices: Prices, name: str, *, seed: int = 0, rounds: int = 1000) -> Interval:
    """A number of `worth` with its 95 % interval over redrawn machines."""
    generator = numpy_generator(seed, "policy")
    drawn = []
    for _ in range(rounds):
        rows = generator.integers(len(found), size=len(found))
        drawn.append(worth([found[row] for row in rows], prices)[name])
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value=worth(found, prices)[name], low=float(low), high=float(high), coverage=0.95)


def cheapest(make: Callable[[float], Policy], limits: Sequence[float], lives: Sequence[Life], prices: Prices) -> float:
    """The setting of a policy that would have cost least on these machines (choose it on others than you report)."""
    costs = [worth(outcomes(make(limit), lives), prices)["cost_per_100_cycles"] for limit in limits]
    return float(limits[int(np.argmin(costs))])
