"""Control charts that take one value after another: individuals with moving range, EWMA, CUSUM.

Centre and sigma are given, or come from the first values (phase one), after which they stand. A chart is data: its
points, limits and broken rules come out of `to_dict`, and a page draws them. It knows nothing of what is charted.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Any, final

from ....core.errors import ConfigError
from .rules import RULES, WESTERN_ELECTRIC, broken

KEPT = 300  # points
D2, D4 = 1.128, 3.267  # of two values: the mean range in sigmas, and the upper limit of the range in mean ranges


class Chart(ABC):
    """A centre line, limits, points. `baseline` values make centre and sigma where none are given."""

    kind = ""

    def __init__(
        self, name: str, *, centre: float | None = None, sigma: float | None = None, baseline: int = 25
    ) -> None:
        if (centre is None) != (sigma is None) or (sigma is not None and not sigma > 0):
            raise ConfigError(
                f"a chart is given both its centre and a sigma above 0, or neither, got {centre}, {sigma}"
            )
        if baseline < 2:
            raise ConfigError(f"a baseline takes at least 2 values, got {baseline}")
        self.name, self.centre, self.sigma, self.baseline = name, centre, sigma, baseline
        self.learned: list[float] = []
        self.points: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.count = 0

    def update(self, value: float, label: str = "") -> tuple[str, ...]:
        """One more value; the rules that it breaks. Raises ConfigError where it is not finite."""
        if not math.isfinite(value):
            raise ConfigError(f"a chart takes finite numbers, got {value} for {label or 'a unit'}")
        self.count += 1
        if self.centre is None or self.sigma is None:
            self.learned.append(value)
            if len(self.learned) >= self.baseline and max(self.learned) > min(self.learned):
                self.centre, self.sigma = of_baseline(self.learned)
            shown: dict[str, Any] = {"value": value, "phase": "baseline"}
            signals: tuple[str, ...] = ()
        else:
            shown, signals = self._step(value, self.centre, self.sigma)
        self.points.append({"label": label, **shown, "broken": list(signals)})
        return signals

    @abstractmethod
    def _step(self, value: float, centre: float, sigma: float) -> tuple[dict[str, Any], tuple[str, ...]]:
        """What is drawn for the value, and the rules that it breaks."""

    @abstractmethod
    def limits(self) -> dict[str, float | None]:
        """The lines that are drawn."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name, "kind": self.kind, "centre": self.centre, "sigma": self.sigma, "limits": self.limits(),
            "values": self.count, "points": list(self.points),
            "broken": list(self.points[-1]["broken"]) if self.points else [],
        }  # fmt: skip

    def _at(self, sigmas: float) -> float | None:
        return None if self.centre is None or self.sigma is None else self.centre + sigmas * self.sigma


@final
class Individuals(Chart):
    """Individual values and their moving ranges, with the rules of Western Electric (or those given)."""

    kind = "individuals"

    def __init__(
        self, name: str, *, centre: float | None = None, sigma: float | None = None, baseline: int = 25,
        rules: Sequence[str] = WESTERN_ELECTRIC,
    ) -> None:  # fmt: skip
        super().__init__(name, centre=centre, sigma=sigma, baseline=baseline)
        self.rules = tuple(rules)
        self.scores: deque[float] = deque(maxlen=15)
        self.last: float | None = None

    def _step(self, value: float, centre: float, sigma: float) -> tuple[dict[str, Any], tuple[str, ...]]:
        moving = None if self.last is None else abs(value - self.last)
        self.last = value
        self.scores.append((value - centre) / sigma)
        signals = broken(tuple(self.scores), self.rules)
        if moving is not None and moving > D4 * D2 * sigma:
            signals = (*signals, "moving range")
        return {"value": value, "moving_range": moving}, signals

    def limits(self) -> dict[str, float | None]:
        return {
            "lower": self._at(-3), "lower_warning": self._at(-2), "upper_warning": self._at(2), "upper": self._at(3),
            "moving_range": None if self.sigma is None else D4 * D2 * self.sigma,
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"rules": {name: RULES[name] for name in self.rules}}


@final
class Ewma(Chart):
    """Exponentially weighted moving average (Roberts 1959) with limits that widen from the first value on."""

    kind = "ewma"

    def __init__(
        self, name: str, *, weight: float = 0.1, width: float = 3.0, centre: float | None = None,
        sigma: float | None = None, baseline: int = 25,
    ) -> None:  # fmt: skip
        super().__init__(name, centre=centre, sigma=sigma, baseline=baseline)
        if not 0 < weight <= 1 or not width > 0:
            raise ConfigError(f"an EWMA needs a weight in ]0, 1] and a width above 0, got {weight} and {width}")
        self.weight, self.width, self.steps = weight, width, 0
        self.mean: float | None = None

    def _step(self, value: float, centre: float, sigma: float) -> tuple[dict[str, Any], tuple[str, ...]]:
        self.steps += 1
        self.mean = self.weight * value + (1 - self.weight) * (centre if self.mean is None else self.mean)
        reach = self._reach(sigma)
        beyond = abs(self.mean - centre) > reach
        shown = {"value": value, "mean": self.mean, "lower": centre - reach, "upper": centre + reach}
        return shown, (("mean drifted up" if self.mean > centre else "mean drifted down",) if beyond else ())

    def _reach(self, sigma: float) -> float:
        left = 1 - (1 - self.weight) ** (2 * self.steps)
        return self.width * sigma * math.sqrt(self.weight / (2 - self.weight) * left)

    def limits(self) -> dict[str, float | None]:
        reach = self.width * math.sqrt(self.weight / (2 - self.weight))
        return {"lower": self._at(-reach), "upper": self._at(reach)}

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"weight": self.weight, "width": self.width, "mean": self.mean}


@final
class Cusum(Chart):
    """Tabular CUSUM (Page 1954): sums of what lies beyond `slack` sigmas, a signal where one exceeds `bound`."""

    kind = "cusum"

    def __init__(
        self, name: str, *, slack: float = 0.5, bound: float = 5.0, centre: float | None = None,
        sigma: float | None = None, baseline: int = 25,
    ) -> None:  # fmt: skip
        super().__init__(name, centre=centre, sigma=sigma, baseline=baseline)
        self.slack, self.bound, self.high, self.low = slack, bound, 0.0, 0.0

    def _step(self, value: float, centre: float, sigma: float) -> tuple[dict[str, Any], tuple[str, ...]]:
        score = (value - centre) / sigma
        self.high = max(0.0, self.high + score - self.slack)
        self.low = max(0.0, self.low - score - self.slack)
        said = (("sum drifted up", self.high), ("sum drifted down", self.low))
        signals = tuple(name for name, total in said if total > self.bound)
        return {"value": value, "high": self.high, "low": self.low}, signals

    def limits(self) -> dict[str, float | None]:
        return {"upper": self.bound}


def of_baseline(values: Sequence[float]) -> tuple[float, float]:
    """Centre and sigma of the first values: their mean, and the mean moving range over 1.128.

    Raises:
        ConfigError: fewer than two values, or all alike.
    """
    if len(values) < 2:
        raise ConfigError(f"centre and sigma take at least 2 values, got {len(values)}")
    moving = [abs(after - before) for before, after in itertools.pairwise(values)]
    sigma = sum(moving) / len(moving) / D2
    if not sigma > 0:
        raise ConfigError(f"the {len(values)} first values are all {values[0]:g}: a chart needs values that vary")
    return sum(values) / len(values), sigma
