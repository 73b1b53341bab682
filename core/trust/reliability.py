"""Promised probabilities beside what happened: curve, Brier score, calibration error, with intervals.

Bins are laid once and held while whole groups of rows are redrawn. It knows nothing of models.
Sources: Brier 1950; calibration error with bins of equal mass, Nixon et al. 2019 (arXiv:1904.01685).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..errors import FormatError
from ..result import Interval
from ..types import Array
from .ranking import drawn_groups, interval_of

MASS, CURVE = 15, 10  # bins of the error (equally many rows) and of the curve (equally much promised)


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One bin of the curve: `count` rows, what was promised on average, and the share that happened."""

    count: int
    promised: float
    happened: Interval


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """`ratio` is what was promised in all over what happened: above 1, too much was promised."""

    curve: tuple[Point, ...]
    ece: Interval
    brier: Interval
    brier_of_share: float  # of always saying the share
    ratio: Interval


def reliability_of(
    promised: Float[Array, " row"],
    happened: Bool[Array, " row"],
    *,
    groups: Array,
    coverage: float = 0.95,
    rounds: int = 400,
    seed: int = 0,
) -> Reliability:
    """Everything that shows whether probabilities mean what they say; whole groups are redrawn.

    Raises:
        FormatError: not one probability and one outcome a row.
    """
    promised, happened = np.asarray(promised, np.float64), np.asarray(happened, bool)
    if promised.shape != happened.shape or promised.ndim != 1 or not len(promised):
        raise FormatError(f"probabilities and outcomes are rows of one length, got {promised.shape}, {happened.shape}")
    if not ((promised >= 0) & (promised <= 1)).all():
        raise FormatError("probabilities lie from 0 to 1")
    _, group = np.unique(groups, return_inverse=True)
    weights = np.vstack([np.ones(group.max() + 1), drawn_groups(group.max() + 1, rounds, seed)])
    by_mass = _sums(_by_mass(promised), group, promised, happened, weights)
    by_promise = _sums(_by_promise(promised), group, promised, happened, weights)
    rows, said, came = (each.sum(axis=1) for each in by_mass)
    errors = np.abs(by_mass[1] - by_mass[2]).sum(axis=1) / rows
    squares = weights @ np.bincount(group, weights=(promised - happened) ** 2)
    share = happened.mean()
    return Reliability(
        curve=_curve(by_promise, coverage),
        ece=interval_of(errors, coverage),
        brier=interval_of(squares / rows, coverage),
        brier_of_share=float(share * (1 - share)),
        ratio=interval_of(np.divide(said, came, out=np.full_like(said, np.nan), where=came > 0), coverage),
    )


def _sums(
    bins: Int[Array, " row"], group: Array, promised: Array, happened: Array, weights: Array
) -> tuple[Array, Array, Array]:
    """Rows, promises and events `[round, bin]`; the first round is the data as they are."""
    shape = (int(group.max()) + 1, int(bins.max()) + 1)
    places = group * shape[1] + bins

    def table(values: Array) -> Array:
        return weights @ np.bincount(places, weights=values, minlength=shape[0] * shape[1]).reshape(shape)

    return table(np.ones(len(bins))), table(promised), table(happened.astype(float))


def _curve(sums: tuple[Array, Array, Array], coverage: float) -> tuple[Point, ...]:
    count, promised, happened = sums
    share = np.divide(happened, count, out=np.full_like(count, np.nan), where=count > 0)
    return tuple(
        Point(
            count=int(count[0, bin]), promised=float(promised[0, bin] / count[0, bin]),
            happened=interval_of(share[:, bin], coverage),
        )
        for bin in np.flatnonzero(count[0])
    )  # fmt: skip


def _by_mass(promised: Float[Array, " row"]) -> Int[Array, " row"]:
    """Equally many rows in each bin; equal promises are never parted."""
    ordered = np.sort(promised)
    return np.asarray(np.searchsorted(ordered, promised) * MASS // len(promised))


def _by_promise(promised: Float[Array, " row"]) -> Int[Array, " row"]:
    """Equally many promised events in each bin, so that rare events do not all fall into the last one."""
    values, inverse, counts = np.unique(promised, return_inverse=True, return_counts=True)
    passed = np.cumsum(values * counts)
    if passed[-1] <= 0:
        return np.zeros(len(promised), int)
    before = (passed - values * counts) / passed[-1]
    return np.minimum((before * CURVE).astype(int), CURVE - 1)[inverse]
