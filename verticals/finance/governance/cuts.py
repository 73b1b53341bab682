"""Point in time, proven by running: what was said up to a moment is said again by data that end there, and by data
whose later part is altered. It knows nothing of what is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ....core.types import Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """One comparison: how many values of how many rows before the cut were held against the whole run's, and moved."""

    at: int
    rows: int
    values: int
    moved: int
    largest: float

    @property
    def held(self) -> bool:
        return self.rows > 0 and self.moved == 0


def held_against(
    whole: Array, runs: Iterable[tuple[int, Callable[[], Array]]], *, within: float = 0.0
) -> tuple[Cut, ...]:
    """Each run's rows before its cut beside those of the whole run; `within` is what rounding may do."""
    return tuple(_compared(whole, run(), at, within) for at, run in runs)


def _compared(whole: Array, again: Array, at: int, within: float) -> Cut:
    rows = min(at, len(again))
    one, other = (
        np.asarray(each[:rows], np.float64).reshape(rows, int(np.prod(each.shape[1:]))) for each in (whole, again)
    )
    both = np.isnan(one) & np.isnan(other)
    with np.errstate(invalid="ignore"):
        apart = np.where(both, 0.0, np.abs(one - other))
    same = both | (one == other) | (apart <= within)
    gaps = apart[~same & np.isfinite(apart)]
    return Cut(
        at=at, rows=rows, values=one.size, moved=int((~same).sum()), largest=float(gaps.max()) if len(gaps) else 0.0
    )


def total(cuts: tuple[Cut, ...]) -> tuple[int, int, int]:
    """Rows, values and values that moved, over all cuts."""
    return sum(each.rows for each in cuts), sum(each.values for each in cuts), sum(each.moved for each in cuts)
