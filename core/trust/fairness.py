"""Whether a decision errs alike for all: rates of false alarms and of hits by group, and their ratios, with intervals.

The ratio of false-positive rates is predictive equality; the ratio of shares flagged is that of the four-fifths rule.
Both depend on how often groups differ in what happens, so base rates stand beside them. It knows nothing of models, and
not which groups a law protects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ..errors import FormatError
from ..random import numpy_generator
from ..result import Interval
from ..types import Array
from .ranking import drawn_groups, interval_of

FAIR = (0.8, 1.25)  # the four-fifths rule and its inverse: a convention
LEAST = 5  # cases in a group on either side of the outcome, below which a rate is not spoken of


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One group against the reference: its rows, how often it happened there, its rates, and ratios with intervals."""

    name: str
    count: int
    happened: float
    flagged: float
    false_positive_rate: float
    recall: float
    false_positive_ratio: Interval
    recall_ratio: Interval
    flagged_ratio: Interval

    @property
    def alike(self) -> bool:
        """Neither ratio lies outside four fifths to five fourths beyond chance."""
        return not any(unlike(each) for each in (self.false_positive_ratio, self.recall_ratio))


def unlike(ratio: Interval) -> bool:
    """Outside four fifths to five fourths, with an interval that leaves out equality."""
    return not FAIR[0] <= ratio.value <= FAIR[1] and not ratio.low <= 1 <= ratio.high


def by_group(
    flagged: Bool[Array, " row"],
    happened: Bool[Array, " row"],
    groups: Array,
    *,
    names: Sequence[str] = (),
    clusters: Array | None = None,
    coverage: float = 0.95,
    rounds: int = 1000,
    seed: int = 0,
) -> tuple[Group, ...]:
    """Every group with enough of both outcomes; the reference is the first of `names`, or the largest group.

    `clusters` (cards, persons) are redrawn whole where rows of one belong together; else rows are.

    Raises:
        FormatError: lengths differ, or fewer than two groups have enough of both outcomes.
    """
    flagged, happened = np.asarray(flagged, bool), np.asarray(happened, bool)
    groups = np.asarray(groups).astype(str)
    if not flagged.shape == happened.shape == groups.shape:
        raise FormatError(f"one decision, outcome and group a row, got {flagged.shape, happened.shape, groups.shape}")
    found, which = np.unique(groups, return_inverse=True)
    cells = which * 4 + happened * 2 + flagged
    draws = _counts(cells, len(found), clusters, rounds, seed)  # [round, group, happened, flagged], measured first
    whole = draws[0]
    enough = [place for place in range(len(found)) if whole[place].sum(axis=1).min() >= LEAST]
    if len(enough) < 2:
        raise FormatError(
            f"{len(enough)} of {len(found)} groups have at least {LEAST} cases with and without the outcome:"
            " two are needed to compare"
        )
    order = _order([str(found[place]) for place in enough], enough, whole, names)
    with np.errstate(divide="ignore", invalid="ignore"):
        false, recall = (draws[:, :, kind, 1] / draws[:, :, kind].sum(axis=2) for kind in (0, 1))
        share = draws[:, :, :, 1].sum(axis=2) / draws.sum(axis=(2, 3))
    base = order[0]
    return tuple(
        Group(
            name=str(found[place]),
            count=int(whole[place].sum()),
            happened=float(whole[place, 1].sum() / whole[place].sum()),
            flagged=float(share[0, place]),
            false_positive_rate=float(false[0, place]),
            recall=float(recall[0, place]),
            false_positive_ratio=_ratio(false, place, base, coverage),
            recall_ratio=_ratio(recall, place, base, coverage),
            flagged_ratio=_ratio(share, place, base, coverage),
        )
        for place in order
    )


def _counts(
    cells: Array, groups: int, clusters: Array | None, rounds: int, seed: int
) -> Float[Array, "round group 2 2"]:
    size = groups * 4
    if clusters is None:
        whole = np.bincount(cells, minlength=size)
        generator = numpy_generator(seed, "rows")
        drawn = generator.multinomial(len(cells), whole / whole.sum(), size=rounds)
        return np.vstack([whole, drawn]).reshape(-1, groups, 2, 2).astype(float)
    _, which = np.unique(clusters, return_inverse=True)
    many = int(which.max()) + 1
    table = np.bincount(which * size + cells, minlength=many * size).reshape(many, size).astype(float)
    return np.vstack([table.sum(axis=0), drawn_groups(many, rounds, seed) @ table]).reshape(-1, groups, 2, 2)


def _order(found: Sequence[str], enough: Sequence[int], whole: Array, names: Sequence[str]) -> list[int]:
    """The groups as they are named, else the largest first."""
    rank = {name: place for place, name in enumerate(names)}
    return [
        place
        for _, _, place in sorted(
            (rank.get(name, len(rank)), -float(whole[place].sum()), place)
            for name, place in zip(found, enough, strict=True)
        )
    ]


def _ratio(rates: Float[Array, "round group"], place: int, base: int, coverage: float) -> Interval:
    if place == base:
        return Interval(value=1.0, low=1.0, high=1.0, coverage=coverage)
    with np.errstate(divide="ignore", invalid="ignore"):
        return interval_of(rates[:, place] / rates[:, base], coverage)
