"""Whether values come from where they came before: the population stability index, beside what chance alone gives.

The usual thresholds of .1 and .25 are conventions that ignore how many rows there are. Two nulls stand beside the
index: that of independent rows, (1/N + 1/M) times chi-squared with one degree of freedom less than there are bins
(Yurdakul and Naranjo 2020), and one in which whole groups (days) are dealt to both sides at random, since rows of one
day are not independent. It knows nothing of what the values mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import chi2

from ..errors import FormatError
from ..random import numpy_generator
from ..types import Array

BINS = 10
LEVEL = 0.95
WATCHED, SHIFTED = 0.1, 0.25  # the conventions
ROUNDS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Bins:
    """Cuts fixed on a reference: about as many of its values lie in each bin, and what is missing has its own."""

    edges: Float[Array, " edge"]

    @classmethod
    def of(cls, reference: Float[Array, " row"], bins: int = BINS) -> Bins:
        known = reference[np.isfinite(reference)]
        edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if len(known) else np.zeros(0)
        return cls(edges=edges)

    def of_rows(self, values: Float[Array, " row"]) -> Int[Array, " row"]:
        """The bin of each value; missing ones are last."""
        values = np.asarray(values, np.float64)
        found = np.searchsorted(self.edges, values, side="left")
        return np.where(np.isnan(values), len(self.edges) + 1, found)

    @property
    def size(self) -> int:
        return len(self.edges) + 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """`index` of `now` rows against `before`; by chance alone it exceeds a critical value in 5 % of cases.

    `critical` is for independent rows, `critical_by_group` for groups dealt at random (NaN without groups).
    """

    index: float
    critical: float
    critical_by_group: float
    before: int
    now: int
    bins: int

    @property
    def beyond_chance(self) -> bool:
        """By the stricter null that is there."""
        return self.index > np.nanmax([self.critical, self.critical_by_group])

    @property
    def word(self) -> str:
        """What the conventions call it, unless chance explains it."""
        if not self.beyond_chance or self.index < WATCHED:
            return "stable"
        return "watch" if self.index < SHIFTED else "shifted"


def index_of(before: Float[Array, "*any bin"], now: Float[Array, "*any bin"]) -> Float[Array, "*any"]:
    """The index of counts by bin, half a row added to each so that an empty bin is not infinite."""
    share, other = (
        (each + 0.5) / (each.sum(axis=-1, keepdims=True) + 0.5 * each.shape[-1]) for each in (before, now)
    )  # fmt: skip
    return np.asarray(((other - share) * np.log(other / share)).sum(axis=-1))


def critical_value(before: float, now: float, bins: int, *, level: float = LEVEL) -> float:
    """What the index of so many independent rows exceeds by chance with probability 1 - level."""
    return float((1 / before + 1 / now) * chi2.ppf(level, max(bins - 1, 1)))


def shift_of(
    before: Float[Array, " row"],
    now: Float[Array, " row"],
    *,
    bins: int = BINS,
    groups: tuple[Array, Array] | None = None,
    seed: int = 0,
) -> Shift:
    """The index of values now against values before; `groups` name each row's group on both sides.

    Raises:
        FormatError: a side has no rows.
    """
    if not len(before) or not len(now):
        raise FormatError(f"a shift needs rows on both sides, got {len(before)} and {len(now)}")
    cuts = Bins.of(np.asarray(before, np.float64), bins)
    places = cuts.of_rows(before), cuts.of_rows(now)
    counts = [np.bincount(each, minlength=cuts.size).astype(float) for each in places]
    used = int(((counts[0] + counts[1]) > 0).sum())
    kept = (counts[0] + counts[1]) > 0
    return Shift(
        index=float(index_of(counts[0][kept], counts[1][kept])),
        critical=critical_value(len(before), len(now), used),
        critical_by_group=float("nan") if groups is None else _dealt(places, groups, cuts.size, kept, seed),
        before=len(before),
        now=len(now),
        bins=used,
    )


def _dealt(places: tuple[Array, Array], groups: tuple[Array, Array], size: int, kept: Array, seed: int) -> float:
    """The 95th percentile of the index where groups are dealt to two sides of as many groups as there were."""
    sides = [_tables(place, group, size) for place, group in zip(places, groups, strict=True)]
    table, first = np.vstack(sides)[:, kept], len(sides[0])
    if first < 2 or len(table) - first < 2:
        return float("nan")
    generator = numpy_generator(seed, "dealt")
    chosen = np.zeros((ROUNDS, len(table)))
    for row in chosen:
        row[generator.permutation(len(table))[:first]] = 1
    one = chosen @ table
    return float(np.quantile(index_of(one, table.sum(axis=0) - one), LEVEL))


def _tables(places: Int[Array, " row"], group: Array, size: int) -> Float[Array, "group bin"]:
    """Rows of each group by bin."""
    _, which = np.unique(group, return_inverse=True)
    groups = int(which.max()) + 1
    return np.bincount(which * size + places, minlength=groups * size).reshape(groups, size).astype(float)
