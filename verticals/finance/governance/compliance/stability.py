"""The chapter on stability: shifts of the score and the counters beside their nulls, and the monitor by month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .....core.trust.stability import Bins, Shift, index_of, shift_of
from .....core.types import Array
from .....knowledge.reports import Figure, Rows
from ...compliance.ranking.counters import NAMES
from ...compliance.records import DAY
from ..dossier import Chapter, expect
from ..drawings import months_figure, shifts_figure
from ..shifts import CHAPTER, moved_between, plain_shift, shifts_expected, shifts_table
from ..written import count, number, share
from .case import Case

WARM = 90  # days until the longest window of a counter is full
FEW = 30  # alerts on either side
GROWING = ("earlier", "account_days", "same_before", "past_same_kind")  # counters that grow as the books do


@dataclass(frozen=True, kw_only=True)
class Stability:
    """The score's shift, measures by month, and the chapter."""

    score: Shift
    months: Mapping[str, Mapping[str, float]]
    chapter: Chapter


def stability(case: Case) -> Stability:
    """Judged alerts against those before the middle, once windows are full."""
    before, now = _before(case), case.judged
    groups = tuple(case.holder[part] for part in (before, now))
    score = shift_of(case.score[before], case.score[now], groups=(groups[0], groups[1]), seed=case.seed)
    shifts = moved_between(case.rows[before], case.rows[now], NAMES, (groups[0], groups[1]), seed=case.seed)
    months, since = _months(case, before)
    asked = {name: each for name, each in shifts.items() if name not in GROWING}
    return Stability(score=score, months=months, chapter=Chapter(
        heading="Stability and drift",
        facts={"score": plain_shift(score), "counters": {name: plain_shift(each) for name, each in shifts.items()},
               "months": months},
        figures=(shifts_figure({"score": score, **shifts}), _figure(months, since)),
        tables=(
            shifts_table(("score", score), shifts, dealt="holders", of=("counters", "alerts"), word=_word),
            _months_table(months),
        ),
        notes=(
            "The index compares ten bins laid on the alerts before. Chance is the larger of two nulls at 95 %: that of"
            " independent rows, and one that deals whole holders to both sides, since one holder has many alerts.",
            f"Before: alerts of the days from the {WARM}th on, when the longest window is full, up to the middle.",
        ),
        expects=(
            *shifts_expected(score, asked, what="counters", dealt="holders"),
            expect(CHAPTER, "Drift is monitored without labels and with late ones", "the table by month", True,
                   f"{len(months)} months"),
        ),
    ))  # fmt: skip


def _word(name: str, shift: Shift) -> str:
    return "grows with the books" if name in GROWING and shift.word != "stable" else shift.word


def _before(case: Case) -> Array:
    """Alerts of the first half once windows are full; all of the first half where those are too few."""
    middle = np.array([seen.middle for seen in case.seen for _ in seen.firings])
    first = np.array([float(seen.source.book.time[0]) for seen in case.seen for _ in seen.firings])
    early = case.at < middle
    full = np.flatnonzero(early & (case.at >= first + WARM * DAY))
    return full if len(full) >= FEW else np.flatnonzero(early)


def _months(case: Case, before: Array) -> tuple[dict[str, dict[str, float]], int]:
    """By calendar month of the alerts from the first of `before` on, and which is the first judged."""
    names = case.at.astype("datetime64[s]").astype("datetime64[M]").astype(str)
    told = np.flatnonzero(case.at >= case.at[before].min())
    reference = case.rows[before]
    kept = [column for column, name in enumerate(NAMES) if name not in GROWING]
    cuts = [Bins.of(reference[:, column]) for column in kept]
    base = [_counted(cut, reference[:, column]) for cut, column in zip(cuts, kept, strict=True)]
    found = {}
    for name in sorted(set(names[told].tolist())):
        own = told[names[told] == name]
        moved = [
            float(index_of(one, _counted(cut, case.rows[own, column])))
            for one, cut, column in zip(base, cuts, kept, strict=True)
        ]
        found[name] = {
            "alerts": len(own), "score_mean": float(case.score[own].mean()),
            "above": float((case.score[own] >= case.threshold).mean()), "input_index": float(np.mean(moved)),
            "right": float(case.right[own].mean()),
        }  # fmt: skip
    since = next((place for place, name in enumerate(found) if name >= min(names[case.judged].tolist())), 0)
    return found, since


def _counted(cut: Bins, values: Array) -> Array:
    return np.bincount(cut.of_rows(values), minlength=cut.size).astype(float)


def _months_table(months: Mapping[str, Mapping[str, float]]) -> Rows:
    rows = tuple(
        (name, count(m["alerts"]), number(m["score_mean"]), share(m["above"]), number(m["input_index"]),
         share(m["right"]))
        for name, m in months.items()
    )  # fmt: skip
    return Rows(
        header=("month", "alerts", "mean score", "above the threshold", "mean index of counters", "right"), rows=rows,
        caption="The drift monitor: the first four need no labels. Few alerts a month: its index is mostly chance.",
    )  # fmt: skip


def _figure(months: Mapping[str, Mapping[str, float]], since: int) -> Figure:
    panels = {
        title: np.array([month[key] for month in months.values()])
        for title, key in (("alerts", "alerts"), ("mean score", "score_mean"), ("above the threshold", "above"),
                           ("right, once known", "right"))
    }  # fmt: skip
    return months_figure(tuple(months), panels, "The drift monitor; the judged part is shaded.", since=since)
