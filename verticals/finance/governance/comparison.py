"""Scores beside each other on the same cases: tables, paired means with redrawn groups, a challenger's rules.

It knows nothing of what a score is of.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....core.errors import InputError
from ....core.governance import Expectation
from ....core.trust.ranking import Compared, drawn_groups, interval_of
from ....core.trust.rulelist import RuleList
from ....core.types import Array
from ....knowledge.reports import Rows
from .dossier import expect
from .written import count, share, span

CHAPTER = "outcomes"
ROUNDS = 400


def paired_means(
    marks: Mapping[str, Array], *, groups: Array, against: str, metric: str, seed: int
) -> dict[str, Compared]:
    """The mean of each score's marks `[case]` and its difference to `against`, on the same redraws of whole groups.

    Raises:
        InputError: fewer than two groups.
    """
    _, which = np.unique(groups, return_inverse=True)
    parts = int(which.max()) + 1
    if parts < 2:
        raise InputError("an interval needs at least two groups of cases, got one")
    drawn = np.vstack([np.ones(parts), drawn_groups(parts, ROUNDS, seed)])
    sizes = drawn @ np.bincount(which, minlength=parts)
    means = {
        name: drawn @ np.bincount(which, weights=np.asarray(values, float), minlength=parts) / sizes
        for name, values in marks.items()
    }
    return {
        name: Compared(
            metrics={metric: interval_of(values)}, less={metric: interval_of(values - means[against])}
        )
        for name, values in means.items()
    }  # fmt: skip


def compared_table(
    found: Mapping[str, Compared], *, ours: str, metrics: Mapping[str, str], caption: str
) -> Rows:  # fmt: skip
    """A line a score: its metrics (the first also less that of ours); `metrics` are keys and what they are called."""
    first = next(iter(metrics))
    rows = tuple(
        (name, span(each.metrics[first]), "" if name == ours else span(each.less[first], sign=True),
         *(span(each.metrics[key]) for key in list(metrics)[1:]))
        for name, each in found.items()
    )  # fmt: skip
    titles = list(metrics.values())
    return Rows(header=("", titles[0], f"less that of {ours}", *titles[1:]), rows=rows, caption=caption)


def none_better(found: Mapping[str, Compared], *, ours: str, metric: str, but: tuple[str, ...] = ()) -> Expectation:
    """That no baseline is better beyond chance; `but` are no baselines."""
    less = {name: each.less[metric] for name, each in found.items() if name not in (ours, *but)}
    better = [f"{name} {span(each, sign=True)}" for name, each in less.items() if each.low > 0]
    return expect(
        CHAPTER, "No baseline of the same run is better beyond chance", f"{len(less)} baselines, paired differences",
        not better, f"better: {', '.join(better)}" if better else f"none of {', '.join(less)} is",
    )  # fmt: skip


def rules_table(rules: RuleList, fired: Array, happened: Array, *, event: str, cases: str) -> Rows:
    """A challenger as sentences, with what came of each rule; `fired` is the rule of each judged case."""
    rows = []
    for place, rule in enumerate(rules.rules):
        held = fired == place
        rows.append(
            (str(place + 1), "If " + rule.sentence(lambda _, value: f"{value:.3g}"), share(rule.value, 2),
             count(rule.count), share(float(happened[held].mean()), 2) if held.any() else "–", count(held.sum()))
        )  # fmt: skip
    return Rows(
        header=("", "rule", f"{event} learnt", cases, f"{event} judged", cases), rows=tuple(rows),
        caption="The challenger: one and only one rule holds for a case.",
    )  # fmt: skip
