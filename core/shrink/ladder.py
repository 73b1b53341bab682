"""The ladder: what a network weighs, how long it takes, how good and how honest it is, after each step that shrinks it.

Calibration is learned anew after every step, on rows that no step was taught on, and both are shown: a step that keeps
the score may still make a probability lie. It knows nothing of how a step is made.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..result import plain
from ..trust.calibration import Platt, calibration_error, fit_platt
from ..trust.conformal import quantile
from ..trust.intervals import bootstrap
from ..types import Array

Run = Callable[[], Any]
TIMES = 10  # calls in a turn, of which the quickest counts: the rest is what others on the machine take


@dataclass(frozen=True, kw_only=True)
class Honest:
    """What turns a score into a probability and a verdict, learned from held rows: `limit` keeps the false alarms."""

    platt: Platt
    limit: float
    promised: float
    held: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """One rung. `stale_ece` is the calibration error had calibration been kept from the first rung.

    `false_alarms` is the share of good rows beyond the limit (`promised` at most), `found` that of bad ones.
    """

    name: str
    megabytes: float
    parameters: int
    milliseconds: float
    ratio: float  # times quicker than the same rung in eager f32, or than the first where it has none
    auroc: float
    interval: tuple[float, float]
    ece: float
    stale_ece: float
    false_alarms: float
    promised: float
    found: float
    engine: str = "torch"

    def to_dict(self) -> dict[str, Any]:
        return dict(plain(dataclasses.asdict(self)))


def honest(scores: Array, bad: Array, *, false_alarms: float = 0.01) -> Honest:
    """Platt scaling, and the limit that good rows pass with the promised rate (split-conformal), from held rows."""
    good = scores[~bad]
    rate = max(false_alarms, 1 / (len(good) + 1))
    return Honest(platt=fit_platt(scores, bad), limit=float(quantile(good, 1 - rate)), promised=rate, held=len(scores))


def judge(scores: Array, bad: Array, by: Honest, first: Honest, *, seed: int) -> dict[str, Any]:
    """The measured fields of a step, on test rows."""
    area = bootstrap(auroc, bad, scores, rounds=400, seed=seed)
    return {
        "auroc": area.value,
        "interval": (area.low, area.high),
        "ece": _ece(scores, bad, by),
        "stale_ece": _ece(scores, bad, first),
        "false_alarms": float((scores[~bad] > by.limit).mean()),
        "promised": by.promised,
        "found": float((scores[bad] > by.limit).mean()),
    }


def auroc(bad: Array, scores: Array) -> float:
    """Area under the receiver operating characteristic."""
    from scipy.stats import rankdata

    bad = np.asarray(bad, bool)
    ranks, count = rankdata(scores), int(bad.sum())
    return float((ranks[bad].sum() - count * (count + 1) / 2) / (count * (len(bad) - count)))


def timed(runs: Mapping[str, Run], *, rounds: int = 7) -> dict[str, list[float]]:
    """Milliseconds of each run by round; they take turns, so that a busy machine is busy for all."""
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            quickest = min(_once(run) for _ in range(TIMES))
            if turn:  # the first turn warms up
                spent[name].append(quickest)
    return spent


def ratio(slow: Sequence[float], quick: Sequence[float]) -> float:
    """How many times quicker: the median over rounds of the ratio within a round."""
    return statistics.median(one / two for one, two in zip(slow, quick, strict=True))


def table(steps: Sequence[Step]) -> str:
    """Markdown: a row a step."""
    head = (
        "| step | MB | parameters | ms | times quicker than eager | AUROC | 95 % | ECE | ECE without calibrating anew "
        "| false alarms (promised) | found |"
    )
    lines = [head, "|---|" + "---:|" * 10]
    for each in steps:
        low, high = each.interval
        lines.append(
            f"| {each.name} | {each.megabytes:.2f} | {each.parameters:,} | {each.milliseconds:.2f} | {each.ratio:.1f} "
            f"| {each.auroc:.4f} | {low:.4f} to {high:.4f} | {each.ece:.3f} | {each.stale_ece:.3f} "
            f"| {each.false_alarms:.3f} ({each.promised:.3f}) | {each.found:.3f} |"
        )
    return "\n".join(lines)


def _ece(scores: Array, bad: Array, by: Honest) -> float:
    return float(calibration_error(by.platt.probabilities(scores), bad))


def _once(run: Run) -> float:
    started = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - started)
