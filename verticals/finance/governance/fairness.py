"""The chapter on fairness: how a decision errs by group, and how a column becomes groups. Any decision, any outcome.

It knows nothing of which groups a law protects: columns are named by the user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise

import numpy as np

from ....core.errors import FormatError, InputError
from ....core.governance import Expectation
from ....core.result import Interval
from ....core.trust.fairness import FAIR, Group, by_group, unlike
from ....core.types import Array
from ....knowledge.reports import Rows
from .dossier import Chapter, expect
from .written import count, share, span

CHAPTER = "fairness"
MOST = 8  # different values, above which numbers are cut into ranges
AGES = (30.0, 45.0, 60.0)
UNSAID = "not said"
EXPECTED = "The decision errs alike for groups"
HEADING = "Fairness by group"


def grouped(name: str, values: Array) -> Array:
    """The group of each row: its value as written, an age by its decade and a half, other numbers by quarter."""
    text = np.char.strip(np.asarray(values).astype(str))
    text = np.where(np.isin(np.char.lower(text), ("", "nan", "none")), UNSAID, text)
    if len(np.unique(text)) <= MOST:
        return text
    try:
        numbers = np.where(text == UNSAID, "nan", text).astype(float)
    except ValueError as error:
        many = len(np.unique(text))
        raise FormatError(
            f"the column {name} has {many} different values that are no numbers: at most {MOST} groups can be compared"
        ) from error
    edges = np.array(AGES) if name.lower() == "age" else np.unique(np.nanquantile(numbers, (0.25, 0.5, 0.75)))
    labels = [f"{name} below {edges[0]:g}", *(f"{name} {a:g} to {b:g}" for a, b in pairwise(edges)),
              f"{name} {edges[-1]:g} and above"]  # fmt: skip
    which = np.searchsorted(edges, numbers, side="right")
    return np.where(np.isnan(numbers), UNSAID, np.array(labels)[which])


def fairness(
    flagged: Array,
    happened: Array,
    columns: Mapping[str, Array],
    *,
    clusters: Array | None,
    words: tuple[str, str],
    seed: int,
) -> Chapter:
    """Every column's groups against its largest; `words` are the decision and the outcome: ("stopped", "fraud")."""
    if not columns:
        return without_groups("no column of groups was named: give --groups sex,age (columns of the data)")
    found, refused = {}, {}
    for name, values in columns.items():
        try:
            found[name] = by_group(flagged, happened, grouped(name, values), clusters=clusters, seed=seed)
        except FormatError as error:
            refused[name] = str(error)
    return Chapter(
        heading=HEADING,
        facts={"groups": {name: [asdict(each) for each in groups] for name, groups in found.items()},
               "refused": refused, "decision": words[0], "outcome": words[1]},
        tables=tuple(group_table(name, groups, words) for name, groups in found.items()),
        notes=(
            f"Ratios are against the first group of each table, with 95 % intervals"
            f"{' that redraw whole holders' if clusters is not None else ''}. A ratio counts as unequal outside"
            f" {FAIR[0]} to {FAIR[1]} (the four-fifths convention) where its interval leaves out 1. That a column is no"
            " input does not make a decision fair; that base rates differ does not make it unfair.",
            *(f"{name}: {why}" for name, why in refused.items()),
        ),
        expects=_expects(found, refused),
    )  # fmt: skip


def without_groups(why: str) -> Chapter:
    """The chapter where there is nobody to compare, and why."""
    return Chapter(
        heading=HEADING, facts={"groups": {}}, notes=(f"Not run: {why}.",),
        expects=(expect(CHAPTER, EXPECTED, "nothing", None, why),),
    )  # fmt: skip


def refuse_groups(task: str, groups: Sequence[str], what: str) -> None:
    """Raises InputError where groups are named for a task whose data are of nobody."""
    if groups:
        raise InputError(f"{task} judges {what}, which have no groups of people: leave out --groups")


def group_table(name: str, groups: tuple[Group, ...], words: tuple[str, str]) -> Rows:
    """One column's groups."""
    rows = tuple(
        (each.name, count(each.count), share(each.happened, 2), share(each.flagged, 2),
         share(each.false_positive_rate, 2), span(each.false_positive_ratio, 2), share(each.recall),
         span(each.recall_ratio, 2), span(each.flagged_ratio, 2))
        for each in groups
    )  # fmt: skip
    decision, outcome = words
    return Rows(
        header=(name, "cases", outcome, decision, "false positives", "ratio", "recall", "ratio", f"{decision}, ratio"),
        rows=rows,
        caption=f"Groups by {name}.",
    )


def _said(group: Group, what: str, ratio: Interval) -> str:
    return f"{what} of {group.name} {span(ratio, 2)}"


def _unlike(group: Group) -> str:
    ratios = {"false positives": group.false_positive_ratio, "recall": group.recall_ratio}
    return " and ".join(_said(group, what, ratio) for what, ratio in ratios.items() if unlike(ratio))


def _expects(found: Mapping[str, tuple[Group, ...]], refused: Mapping[str, str]) -> tuple[Expectation, ...]:
    lines = []
    for name, groups in found.items():
        unequal = [_unlike(each) for each in groups if not each.alike]
        worst = max(groups, key=lambda each: abs(np.log(max(each.false_positive_ratio.value, 1e-9))))
        about = f"against {groups[0].name}, {_said(worst, 'false positives', worst.false_positive_ratio)}"
        lines.append(
            expect(CHAPTER, f"{EXPECTED} of {name}", "ratios of false positives and recall with intervals",
                   not unequal, f"unequal against {groups[0].name}: {'; '.join(unequal)}" if unequal else about)
        )  # fmt: skip
    lines += [expect(CHAPTER, f"{EXPECTED} of {name}", "nothing", None, why) for name, why in refused.items()]
    return tuple(lines)
