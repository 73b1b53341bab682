"""Who trains, who tunes, who tests: random, grouped and timed splits that do not leak. They know indices only.

A grouped split keeps a patient, machine or speaker on one side. A timed split keeps the future out of the past, with
an embargo as long as the horizon of the target (Lopez de Prado, Advances in Financial Machine Learning, 2018, ch. 7).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..random import numpy_generator

Indices = npt.NDArray[np.int64]


class Split(NamedTuple):
    """Three sets of row numbers, each in rising order, that share nothing."""

    train: Indices
    validation: Indices
    test: Indices


def random_split(rows: int, *, shares: tuple[float, float, float] = (0.7, 0.15, 0.15), seed: int = 0) -> Split:
    """Rows by chance; only right where rows do not depend on each other.

    Raises:
        InputError: the shares do not sum to 1, or a side with a share would be empty.
    """
    order = numpy_generator(seed, "split/random").permutation(rows)
    return _checked(Split(*(np.sort(part).astype(np.int64) for part in np.split(order, _cuts(rows, shares)))), shares)


def grouped_split(
    groups: Sequence[Hashable], *, shares: tuple[float, float, float] = (0.7, 0.15, 0.15), seed: int = 0
) -> Split:
    """Whole groups by chance (patient, machine, speaker), so that no group is on two sides.

    Groups are dealt in random order, each to the side that is furthest below its share of rows.

    Raises:
        InputError: the shares do not sum to 1, or there are fewer groups than sides.
    """
    _cuts(len(groups), shares)
    names: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        names.setdefault(group, []).append(row)
    sides: tuple[list[int], list[int], list[int]] = ([], [], [])
    members = list(names.values())
    dealt = [members[each] for each in numpy_generator(seed, "split/grouped").permutation(len(members))]
    wanted = [side for side in range(3) if shares[side] > 0]
    if len(dealt) < len(wanted):
        raise InputError(f"{len(dealt)} groups cannot fill {len(wanted)} sides: give more groups or fewer sides")
    for left, rows in zip(range(len(dealt), 0, -1), dealt, strict=True):
        empty = [side for side in wanted if not sides[side]]
        open_sides = empty if len(empty) >= left else wanted
        sides[max(open_sides, key=lambda side: shares[side] * len(groups) - len(sides[side]))].extend(rows)
    return _checked(Split(*(np.array(sorted(side), dtype=np.int64) for side in sides)), shares)


def timed_split(
    times: Sequence[float] | npt.NDArray[np.float64],
    *,
    shares: tuple[float, float, float] = (0.7, 0.15, 0.15),
    embargo: float = 0.0,
) -> Split:
    """The past trains, the future tests. `times` need no order; rows of one instant stay on one side.

    `embargo` is in the unit of `times`: rows that end less than this before the next side starts are dropped, so give
    at least the horizon of the target, or an answer of the training rows is seen in the test.

    Raises:
        InputError: a time is not finite, the embargo is negative, or a side with a share would be empty.
    """
    at = np.asarray(times, dtype=np.float64)
    if not np.isfinite(at).all() or embargo < 0:
        raise InputError(f"a split by time needs finite times and an embargo of at least 0, got embargo {embargo}")
    order = np.argsort(at, kind="stable")
    sides = [order[:0]] * 3
    starts = [0, *_cuts(len(at), shares), len(at)]
    bounds = [at[order[start]] if start < len(at) else np.inf for start in starts[:3]]
    ends = [
        min([bounds[later] for later in range(side + 1, 3) if shares[later] > 0], default=np.inf) for side in range(3)
    ]
    for side in range(3):
        if shares[side] > 0:
            limit = ends[side]
            inside = (at >= bounds[side]) & (at < limit) & (at + embargo <= limit)
            sides[side] = np.flatnonzero(inside)
    return _checked(Split(*(side.astype(np.int64) for side in sides)), shares)


def _cuts(rows: int, shares: tuple[float, float, float]) -> list[int]:
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise InputError(f"the shares of a split are at least 0 and sum to 1, got {shares}")
    return [round(rows * shares[0]), round(rows * (shares[0] + shares[1]))]


def _checked(split: Split, shares: tuple[float, float, float]) -> Split:
    for name, side, share in zip(Split._fields, split, shares, strict=True):
        if share > 0 and not len(side):
            raise InputError(f"the {name} side of the split would be empty: give more rows, or a share of 0")
    return split
