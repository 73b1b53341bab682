"""The chapter on stability: shifts of the score and the features beside their nulls, and the monitor by month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .....core.governance import Expectation
from .....core.progress import track
from .....core.random import numpy_generator
from .....core.trust.ranking import Ranking
from .....core.trust.stability import SHIFTED, Bins, Shift, index_of, shift_of
from .....core.types import Array
from .....knowledge.reports import Figure, Rows
from ...fraud.records import DAY
from ..dossier import Chapter, expect
from ..drawings import months_figure, shifts_figure
from ..shifts import plain_shift, shifts_table
from ..written import count, number, share
from .case import Case, day_of

CHAPTER = "stability"
ROWS = 40_000  # on either side
FEW = 10
HOLDS = 0.75  # of the mean of the judged months: a convention
AGES = ("_age", "since", "known")  # features that grow as the stream lives


@dataclass(frozen=True, kw_only=True)
class Stability:
    """Shifts by name, the month's measures, and the chapter."""

    score: Shift
    features: Mapping[str, Shift]
    months: Mapping[str, Mapping[str, float]]
    chapter: Chapter


def stability(case: Case) -> Stability:
    """Judged part against the part before it, and every month against what was learnt from."""
    before, now = _drawn(case, case.before, "before"), _drawn(case, case.since, "now")
    groups = tuple(case.payments.events.time[rows] // DAY for rows in (before, now))
    score = shift_of(case.score[before], case.score[now], groups=groups, seed=case.seed)  # type: ignore[arg-type]
    values = case.rows(before), case.rows(now)
    features = {
        name: shift_of(values[0][:, at], values[1][:, at], groups=groups, seed=case.seed)  # type: ignore[arg-type]
        for at, name in enumerate(track(case.model.names, "stability", len(case.model.names)))
    }
    months, first = _months(case, values[0])
    learnt = _learnt(case, now)
    chapter = Chapter(
        heading="Stability and drift",
        facts={
            "score": plain_shift(score), "score_against_checkpoint_calibration": learnt,
            "features": {name: plain_shift(each) for name, each in features.items()}, "months": months,
        },
        figures=(shifts_figure({"score": score, **features}), _figure(months, first)),
        tables=(
            shifts_table(("score", score), features, dealt="days", of=("features", "payments"), word=_word),
            _months_table(months),
        ),
        notes=(
            "The index compares ten bins laid on the part before. Chance is the larger of two nulls at 95 %: that of"
            " independent rows, (1/N + 1/M) chi-squared with one degree of freedom less than bins, and one that deals"
            " whole days to both sides. Thresholds .1 and .25 are conventions.",
            "Features that count from the stream's beginning (age, since, known) grow as it lives; their shift says how"
            " young the state is, not that payments have changed.",
        ),
        expects=_expects(score, features, learnt, months, first),
    )  # fmt: skip
    return Stability(score=score, features=features, months=months, chapter=chapter)


def growing(name: str) -> bool:
    """Whether a feature grows with the age of the stream."""
    return any(each in name for each in AGES)


def _drawn(case: Case, rows: Array, purpose: str) -> Array:
    if len(rows) <= ROWS:
        return rows
    return np.sort(numpy_generator(case.seed, purpose).choice(rows, ROWS, replace=False))


def _learnt(case: Case, now: Array) -> float:
    """The score's index against the window that the checkpoint was calibrated on, whose counts it keeps."""
    table = case.model.calibration
    logits = case.model.logits(case.rows(now))
    counts = np.bincount(np.searchsorted(table.edges, logits, side="right"), minlength=len(table.tried)).astype(float)
    return float(index_of(np.asarray(table.tried, float), counts))


def _months(case: Case, reference: Array) -> tuple[dict[str, dict[str, float]], int]:
    """By calendar month (by week where there are fewer than three months); and which is the first judged."""
    events, labels = case.payments
    assert labels is not None
    told = np.concatenate([case.before, case.since])
    names = _names(events.time[told])
    cuts = [Bins.of(column) for column in reference.T]
    base = [np.bincount(c.of_rows(v), minlength=c.size).astype(float) for c, v in zip(cuts, reference.T, strict=True)]
    found = {}
    for name in dict.fromkeys(names.tolist()):
        rows = told[names == name]
        some = _drawn(case, rows, name)
        values = case.rows(some)
        moved = [
            float(index_of(b, np.bincount(c.of_rows(v), minlength=c.size).astype(float)))
            for b, c, v, feature in zip(base, cuts, values.T, case.model.names, strict=True) if not growing(feature)
        ]  # fmt: skip
        known = rows[np.isfinite(labels.known_at[rows])]
        fraud = labels.fraud[known]
        ranked = fraud.sum() >= FEW and not fraud.all()
        found[name] = {
            "payments": len(rows), "score_mean": float(case.score[rows].mean()),
            "stopped": float(case.stopped[rows].mean()), "input_index": float(np.mean(moved)),
            "labelled": len(known) / len(rows), "frauds": int(fraud.sum()),
            "average_precision": Ranking.of(case.score[known], fraud).measure()["average_precision"]
            if ranked else float("nan"),
        }  # fmt: skip
    judged = _names(np.array([case.middle]), like=names)[0]
    return found, list(found).index(str(judged)) if str(judged) in found else len(found)


def _names(time: Array, like: Array | None = None) -> Array:
    months = time.astype("datetime64[s]").astype("datetime64[M]").astype(str)
    weekly = len(np.unique(months)) < 3 if like is None else len(str(like[0])) > 7
    if not weekly:
        return np.asarray(months)
    week = (time // DAY + 3) // 7 * 7 - 3  # Mondays
    return np.array([day_of(each * DAY) for each in week])


def _word(name: str, shift: Shift) -> str:
    grows = growing(name) and name != "score" and shift.word != "stable"
    return "grows with the stream" if grows else shift.word


def _months_table(months: Mapping[str, Mapping[str, float]]) -> Rows:
    rows = tuple(
        (name, count(m["payments"]), number(m["score_mean"], 4), share(m["stopped"], 2), number(m["input_index"], 4),
         share(m["labelled"]), count(m["frauds"]), number(m["average_precision"]))
        for name, m in months.items()
    )  # fmt: skip
    return Rows(
        header=("from", "payments", "mean score", "stopped", "mean index of inputs", "labels known", "frauds", "AP"),
        rows=rows,
        caption="The drift monitor: the first five need no labels; AP is of payments whose label has come.",
    )


def _figure(months: Mapping[str, Mapping[str, float]], first: int) -> Figure:
    panels = {
        title: np.array([month[key] for month in months.values()])
        for title, key in (("mean score", "score_mean"), ("share stopped", "stopped"),
                           ("mean index of inputs", "input_index"), ("AP, labels as known", "average_precision"))
    }  # fmt: skip
    return months_figure(tuple(months), panels, "The drift monitor; the judged part is shaded.", since=first)


def _expects(
    score: Shift,
    features: Mapping[str, Shift],
    learnt: float,
    months: Mapping[str, Mapping[str, float]],
    since: int,
) -> tuple[Expectation, ...]:
    moved = sorted(name for name, each in features.items() if each.word == "shifted" and not growing(name))
    return (
        expect(CHAPTER, "The score's distribution is stable", "index with its null",
               score.word != "shifted", f"{number(score.index, 4)} (chance {number(score.critical, 4)} by rows,"
               f" {number(score.critical_by_group, 4)} by days): {score.word}"),
        expect(CHAPTER, "The score is as it was when the checkpoint was calibrated", "index against the counts on the"
               " checkpoint", learnt < SHIFTED, f"index {number(learnt, 3)}, at most {SHIFTED:g} by convention"),
        expect(CHAPTER, "The features are stable", f"index of {len(features)} features", not moved,
               f"shifted: {', '.join(moved[:6])}" if moved else "none that does not grow with the stream has shifted"),
        _holding(months, since),
        expect(CHAPTER, "Drift is monitored without labels and with late ones", "the table by month", True,
               f"{len(months)} periods"),
    )  # fmt: skip


def _holding(months: Mapping[str, Mapping[str, float]], since: int) -> Expectation:
    """The average precision of each judged month beside their mean."""
    what, ran = "Average precision holds from month to month", f"each judged month at least {HOLDS:.0%} of their mean"
    judged = {name: month["average_precision"] for name, month in list(months.items())[since:]}
    known = {name: value for name, value in judged.items() if np.isfinite(value)}
    if len(known) < 2:
        return expect(CHAPTER, what, ran, None, f"{len(known)} judged months have at least {FEW} known frauds")
    worst = min(known, key=lambda name: known[name])
    mean = float(np.mean(list(known.values())))
    return expect(CHAPTER, what, ran, known[worst] >= HOLDS * mean, f"{worst} {known[worst]:.3f}, mean {mean:.3f}")
