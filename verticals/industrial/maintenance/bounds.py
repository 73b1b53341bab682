"""The interval of a remaining life: what the errors on machines that were left out allow, by predicted life.

Errors grow from the end of life to its middle and shrink again at the cap, so their quantiles are taken near the
predicted life; a conformal margin over whole machines then corrects the coverage (Dunn et al. 2022: every machine
counts once, however many cycles it gave). It knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.errors import InputError
from ....core.random import numpy_generator
from ....core.types import Array
from .records import CAP

COVERAGE = 0.9
KNOTS = np.linspace(0.0, CAP, 11)
REACH = 9.0  # cycles of predicted life over which errors are looked at together
LEAST = 10  # machines


@dataclass(frozen=True, kw_only=True, eq=False)
class Bounds:
    """How far below and above a predicted life the interval reaches, at the knots, with the margin in it."""

    below: Float[Array, " knot"]
    above: Float[Array, " knot"]
    margin: float
    coverage: float = COVERAGE

    def __call__(self, life: Float[Array, " row"]) -> tuple[Float[Array, " row"], Float[Array, " row"]]:
        low = life - self.margin * np.interp(life, KNOTS, self.below)
        high = life + self.margin * np.interp(life, KNOTS, self.above)
        return np.clip(low, 0, life), np.clip(high, life, CAP)

    def tensors(self) -> dict[str, Array]:
        return {"below": self.below, "above": self.above, "margin": np.array(self.margin)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> Bounds:
        return cls(below=tensors["below"], above=tensors["above"], margin=tensors["margin"].item())


def fit_bounds(life: Array, truth: Array, machines: Array, *, coverage: float = COVERAGE) -> Bounds:
    """From predicted and true (capped) lives of machines that no model had seen.

    Raises:
        InputError: fewer than ten machines.
    """
    names = np.unique(machines)
    if len(names) < LEAST:
        raise InputError(f"an interval needs at least {LEAST} machines that ran to failure, got {len(names)}")
    weight = _equal(machines)
    below, above = _shape(life, truth, weight, coverage)
    plain = Bounds(below=below, above=above, margin=1.0, coverage=coverage)
    scores = strangeness(plain, life, truth)
    # a machine is one draw: its cycles share one part in the number of machines, and an unseen one has a part too
    order = np.argsort(scores)
    mass = np.cumsum(weight[order]) / weight.sum() * len(names) / (len(names) + 1)
    place = min(int(np.searchsorted(mass, coverage)), len(order) - 1)
    return Bounds(below=below, above=above, margin=float(max(scores[order][place], 0.05)), coverage=coverage)


def strangeness(bounds: Bounds, life: Array, truth: Array) -> Array:
    """How many times its reach an interval would have to have to hold the truth."""
    error = truth - life
    reach = np.where(error < 0, np.interp(life, KNOTS, bounds.below), np.interp(life, KNOTS, bounds.above))
    free = (truth >= CAP - 1e-9) & (np.interp(life, KNOTS, bounds.above) + life >= CAP)
    return np.where(free & (error >= 0), 0.0, np.abs(error) / np.maximum(reach, 1e-6))


def crossed(life: Array, truth: Array, machines: Array, *, folds: int = 10, seed: int = 0) -> tuple[Array, Array]:
    """Bounds of every row from intervals fitted without its machine: what coverage and width are honestly said of."""
    names = np.unique(machines)
    low, high = np.empty(len(life)), np.empty(len(life))
    for fold in np.array_split(numpy_generator(seed, "crossed").permutation(names), min(folds, len(names))):
        inside = np.isin(machines, fold)
        bounds = fit_bounds(life[~inside], truth[~inside], machines[~inside])
        low[inside], high[inside] = bounds(life[inside])
    return low, high


def _shape(life: Array, truth: Array, weight: Array, coverage: float) -> tuple[Array, Array]:
    """Weighted quantiles of the error near each knot, both sides at least two cycles."""
    error, tail = truth - life, (1 - coverage) / 2
    below, above = [], []
    for knot in KNOTS:
        near = weight * np.exp(-0.5 * ((life - knot) / REACH) ** 2)
        order = np.argsort(error)
        mass = np.cumsum(near[order])
        if mass[-1] < 1e-9:
            low = high = float(np.abs(error).max())
        else:
            low, high = (float(error[order][np.searchsorted(mass, q * mass[-1])]) for q in (tail, 1 - tail))
            low = -low
        below.append(max(low, 2.0))
        above.append(max(high, 2.0))
    return np.array(below), np.array(above)


def _equal(machines: Array) -> Array:
    _, which, counts = np.unique(machines, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / counts[which])
