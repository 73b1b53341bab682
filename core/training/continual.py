"""Learning on without forgetting: old records beside the new ones (replay), and the proof on both sides.

Source: Robins, Catastrophic forgetting, rehearsal and pseudorehearsal, 1995; Rolnick et al., Experience replay for
continual learning, 2019. It knows no model and no task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from ..errors import UnknownName
from ..random import numpy_generator

T = TypeVar("T")
POINT = 0.01  # that an old score may lose: a point of a share, a hundredth of anything else
LOWER = ("loss", "rmse", "mae", "qlike", "ece", "brier", "error", "width")  # metrics that are better when lower


def replayed(new: Sequence[T], old: Sequence[T] | None, *, seed: int) -> list[T]:
    """The new records and at most as many old ones, drawn by the seed and kept in their order."""
    if not old:
        return list(new)
    chosen = sorted(numpy_generator(seed, "replay").permutation(len(old))[: max(len(new), 1)])
    return [old[index] for index in chosen] + list(new)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A score before and after on one set of data; `lost` counts points of a share (0.01), or per cent otherwise."""

    data: str
    metric: str
    before: float
    after: float
    lost: float
    low: float | None = None
    high: float | None = None

    @property
    def within(self) -> bool:
        """Whether no more than a point was lost."""
        return self.lost <= 1 + 1e-9

    def said(self) -> str:
        """One sentence."""
        change = f"{self.metric} on {self.data} was {self.before:.4g} and is {self.after:.4g}"
        if self.within:
            return change
        return f"{change}: {self.lost:.1f} points are lost, more than the one allowed; replay more of the old data"

    def to_plain(self) -> dict[str, Any]:
        """JSON types."""
        return {**asdict(self), "within_a_point": self.within}


def lower_is_better(metric: str) -> bool:
    """Whether this metric falls as a model gets better."""
    return any(part in metric.split("_") or metric.endswith(part) for part in LOWER)


def compared(data: str, before: Mapping[str, float], after: Mapping[str, float], metric: str | None = None) -> Kept:
    """The first metric that both have (or the named one), before and after.

    Raises:
        UnknownName: no such metric.
    """
    common = [name for name in before if name in after]
    if metric is None and common:
        metric = common[0]
    if metric is None or metric not in common:
        raise UnknownName("metric of both evaluations", str(metric), common)
    old, new = float(before[metric]), float(after[metric])
    worse = new - old if lower_is_better(metric) else old - new
    scale = POINT if 0 <= old <= 1 and not lower_is_better(metric) else POINT * max(abs(old), 1e-12)
    return Kept(data=data, metric=metric, before=old, after=new, lost=worse / scale)
