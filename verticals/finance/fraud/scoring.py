"""A logit to what a bank acts on: a calibrated probability with bounds, a decision by cost or by budget, its reasons.

It knows nothing of where the logit comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import beta

from ....core.errors import InputError
from ....core.result import Interval
from ....core.trust.calibration import Platt, fit_platt
from ....core.types import Array

COVERAGE = 0.9
STEPS, FRAUDS = 40, 12  # of the table of what came: at most so many steps, at least so many frauds in each

Action = Literal["approve", "review", "decline"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Logits to probabilities, and what came of payments with such logits on a later window: `tried`, `frauds` by step.

    `edges` part the steps, ascending, one fewer than there are steps.
    """

    platt: Platt
    edges: Float[Array, " edge"]
    tried: Float[Array, " step"]
    frauds: Float[Array, " step"]

    @classmethod
    def of(cls, logits: Float[Array, " row"], fraud: Bool[Array, " row"]) -> Self:
        """From logits that were made before the outcome was known."""
        order = np.argsort(logits)
        ranked, hits = logits[order], np.cumsum(fraud[order])
        steps = max(1, min(STEPS, int(hits[-1]) // FRAUDS))
        cuts = np.searchsorted(hits, np.arange(1, steps) * hits[-1] / steps)
        edges = np.unique(ranked[cuts])
        step = np.searchsorted(edges, logits, side="right")
        tried = np.bincount(step, minlength=len(edges) + 1).astype(float)
        frauds = np.bincount(step, weights=fraud, minlength=len(edges) + 1)
        return cls(platt=fit_platt(logits, fraud), edges=edges, tried=tried, frauds=frauds)

    def probabilities(self, logits: Float[Array, " row"]) -> Float[Array, " row"]:
        return self.platt.probabilities(logits)

    def interval(self, logit: float) -> Interval:
        """The probability, and bounds of the share of fraud among payments like it (Clopper and Pearson 1934)."""
        value = float(self.probabilities(np.array([logit]))[0])
        step = int(np.searchsorted(self.edges, logit, side="right"))
        tried, frauds, tail = float(self.tried[step]), float(self.frauds[step]), (1 - COVERAGE) / 2
        low = float(beta.ppf(tail, frauds, tried - frauds + 1)) if frauds else 0.0
        high = float(beta.ppf(1 - tail, frauds + 1, tried - frauds)) if frauds < tried else 1.0
        return Interval(value=value, low=min(low, value), high=max(high, value), coverage=COVERAGE)

    def tensors(self) -> dict[str, Array]:
        platt = np.array([self.platt.slope, self.platt.offset])
        return {"platt": platt, "edges": self.edges, "tried": self.tried, "frauds": self.frauds}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> Self:
        slope, offset = (float(value) for value in tensors["platt"])
        return cls(
            platt=Platt(slope=slope, offset=offset), edges=tensors["edges"], tried=tensors["tried"],
            frauds=tensors["frauds"],
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """What each outcome costs, in the currency of the amounts.

    `loss`: the share of a fraud's amount that is not won back; `review`: a look by a person, who finds a fraud with
    probability `found`; `friction`: what it costs to stop a good customer, for a review and for a refusal.
    """

    loss: float = 1.0
    review: float = 3.0
    found: float = 0.9
    friction: float = 2.0
    refusal: float = 25.0

    def __post_init__(self) -> None:
        if min(self.loss, self.review, self.friction, self.refusal) < 0 or not 0 <= self.found <= 1:
            raise InputError(f"costs are not negative and the share found lies in 0..1, got {self}")

    def of(self, probability: float, amount: float) -> dict[Action, float]:
        """The expected cost of each action."""
        lost = probability * amount * self.loss
        return {
            "approve": lost,
            "review": self.review + (1 - probability) * self.friction + (1 - self.found) * lost,
            "decline": (1 - probability) * self.refusal,
        }

    def decide(self, probability: float, amount: float) -> Action:
        """The action of least expected cost."""
        costs = self.of(probability, amount)
        return min(costs, key=costs.__getitem__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """So many alerts a day, no more: who is above `threshold` is reviewed, the likeliest first where there are more."""

    alerts: int
    threshold: float

    @classmethod
    def of(cls, alerts: int, scores: Float[Array, " row"], days: float) -> Self:
        """The threshold that would have given so many alerts a day on past scores."""
        if alerts < 1:
            raise InputError(f"a budget is at least one alert a day, got {alerts}")
        wanted = min(int(alerts * days), len(scores))
        return cls(alerts=alerts, threshold=float(np.sort(scores)[-wanted]) if wanted else 1.0)

    def decide(self, scores: Float[Array, " row"], day: Array) -> list[Action]:
        """An action for each payment, its `day` a whole number."""
        actions: list[Action] = ["approve"] * len(scores)
        for each in np.unique(day):
            rows = np.flatnonzero((day == each) & (scores >= self.threshold))
            for row in rows[np.argsort(-scores[rows], kind="stable")[: self.alerts]]:
                actions[row] = "review"
        return actions
