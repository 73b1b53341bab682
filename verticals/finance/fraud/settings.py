"""What a user may set of the decision, in words as a command line gives them: `budget=100`, `review_cost=5`.

It knows nothing of models, and of what a decision is made from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite

from ....core.errors import InputError, UnknownName
from .scoring import Costs

COSTS = {
    "loss": "loss", "review_cost": "review", "found": "found", "friction_cost": "friction", "refusal_cost": "refusal"
}  # fmt: skip
SHARES = ("loss", "found")
NAMES = ("budget", "journal", "durable", *COSTS)
NONE = ("none", "off", "no")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration on a checkpoint. With `alerts`, so many payments a day are reviewed; without, cost decides."""

    names: tuple[str, ...]
    stages: int
    costs: Costs = field(default_factory=Costs)
    alerts: int | None = None


def decided(settings: Settings, name: str, value: str) -> Settings:
    """The settings with one of them changed.

    Raises:
        UnknownName: no such setting.
        InputError: no such value.
    """
    if name == "budget":
        return replace(settings, alerts=None if value.strip().lower() in NONE else _budget(value))
    if name not in COSTS:
        raise UnknownName("setting of finance/fraud", name, NAMES)
    return replace(settings, costs=replace(settings.costs, **{COSTS[name]: _cost(name, value)}))


def yes(name: str, value: str) -> bool:
    """A setting that is on or off."""
    word = value.strip().lower()
    if word not in ("yes", "on", "true", "1", *NONE, "false", "0"):
        raise InputError(f"{name} is yes or no, got {value!r}")
    return word in ("yes", "on", "true", "1")


def _budget(value: str) -> int:
    try:
        alerts = int(value)
    except ValueError as error:
        raise InputError(f"budget is a whole number of alerts a day, or none, got {value!r}") from error
    if alerts < 1:
        raise InputError(f"a budget is at least one alert a day, got {alerts}: to decide by cost, set budget=none")
    return alerts


def _cost(name: str, value: str) -> float:
    share = name in SHARES
    try:
        cost = float(value)
    except ValueError:
        cost = float("nan")
    if not isfinite(cost) or cost < 0 or (share and cost > 1):
        kind = "a share from 0 to 1" if share else "an amount of money, 0 or more,"
        raise InputError(f"{name} is {kind} such as {'.9' if share else '5'}, got {value!r}")
    return cost
