"""The chapter on ablations: each family of counters put back to what is usual, and dealt anew among the alerts.

A family whose shuffled values do as well as its own adds nothing but numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from .....core.governance import Expectation
from .....core.progress import say
from .....core.random import numpy_generator
from .....core.result import Interval
from .....core.trust.ranking import compare
from .....core.types import Array
from .....knowledge.reports import Rows
from ...compliance.ranking.counters import FLOWS, NAMES, STATED
from ..dossier import Chapter, expect
from ..written import span
from .case import Case

CHAPTER = "controls"
WHOLE = "as it is"
TOLD = "documents"
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "which rule, its measures": ("rule_", "measure_"),
    "flows": (*(f"{each}_" for each in FLOWS), "pass_", "in_against_past", "out_against_past"),
    "shape and history": (
        "edges", "span_hours", "account_days", "silent_days", "earlier", "cash_share", "round_share", "wire_share",
        "card_share", "wages_share", "past_same_kind", "largest_share", "even",
    ),
    "other alerts": ("same_before", "rules_near", "alerts_among"),
    "ties to the other end": (
        "external_share", "unnamed_share", "body_share", "state_share", "first_time_share", "family_share",
        "home_share", "owned_share", "country_tie",
    ),
    "holder": ("is_", "years", "income", "in_against_income", "owner_known", "users_of_device"),
    TOLD: STATED,
}  # fmt: skip


def families() -> dict[str, Array]:
    """The columns of each family; every counter is in one and only one."""
    found: dict[str, list[int]] = {name: [] for name in FAMILIES}
    for column, name in enumerate(NAMES):
        lengths = {
            family: max((len(each) for each in stems if name.startswith(each)), default=0)
            for family, stems in FAMILIES.items()
        }
        best = max(lengths, key=lambda family: lengths[family])
        found[best].append(column)
    return {name: np.array(columns) for name, columns in found.items()}


def controls(case: Case) -> Chapter:
    """Average precision with each family as usual, and with it shuffled; less that of the ranker as it is."""
    say("controls: leaving out and shuffling counters")
    rows, alerts = case.rows[case.judged], case.judged
    order = numpy_generator(case.seed, "controls").permutation(len(rows))
    usual = _usual(case)
    groups = {name: at for name, at in families().items() if np.isfinite(rows[:, at]).any()}
    scores = {WHOLE: case.score[alerts]}
    for name, columns in groups.items():
        for how, values in (("left out", usual[columns]), ("shuffled", rows[order][:, columns])):
            changed = rows.copy()
            changed[:, columns] = values
            scores[f"{name} {how}"] = case.probabilities(changed, alerts)
    found = compare(scores, case.right[alerts], groups=case.holder[alerts], against=WHOLE, seed=case.seed)
    less = {name: each.less["average_precision"] for name, each in found.items() if name != WHOLE}
    whole = found[WHOLE].metrics["average_precision"]
    table = Rows(
        header=("family of counters", "counters", "left out", "shuffled"),
        rows=tuple(
            (name, str(len(at)), span(less[f"{name} left out"], sign=True), span(less[f"{name} shuffled"], sign=True))
            for name, at in groups.items()
        ),
        caption="Average precision less that of the ranker as it is. Below zero: the family is worth something.",
    )
    return Chapter(
        heading="Ablations and shuffled controls",
        facts={"average_precision": asdict(whole), "less": {name: asdict(each) for name, each in less.items()}},
        tables=(table,),
        notes=(
            f"Average precision as it is: {span(whole)}; differences redraw holders. Left out: as it usually is for"
            " alerts that were wrong. Shuffled: the values of another alert. The ranker is not fitted again.",
        ),
        expects=_expects(less, groups),
    )  # fmt: skip


def _usual(case: Case) -> Array:
    """The median of the alerts learnt from that were wrong; missing where all of them are."""
    wrong = case.rows[case.learnt][~case.right[case.learnt]]
    there = np.isfinite(wrong).any(axis=0)
    found = np.full(wrong.shape[1], np.nan)
    found[there] = np.nanmedian(wrong[:, there], axis=0)
    return found


def _expects(less: Mapping[str, Interval], groups: Mapping[str, Array]) -> tuple[Expectation, ...]:
    idle = [name for name in groups if max(less[f"{name} {how}"].low for how in ("left out", "shuffled")) > 0]
    what, told = "What documents say is worth more than shuffled documents", less.get(f"{TOLD} shuffled")
    return (
        expect(CHAPTER, "No family of counters does harm beyond chance", f"{len(groups)} families left out, shuffled",
               not idle, f"better without: {', '.join(idle)}" if idle else "none is better without"),
        expect(CHAPTER, what, "nothing", None, "no documents are in the data")
        if told is None
        else expect(CHAPTER, what, "documents of another alert", told.high < 0, span(told, sign=True)),
    )  # fmt: skip
