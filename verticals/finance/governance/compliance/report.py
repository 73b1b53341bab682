"""The whole dossier of a compliance checkpoint: chapters in order, on the user's folders or on made-up worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .....core.errors import UnknownName
from .....core.governance import Governance
from .....core.types import Array
from .....knowledge.reports import Key
from ...compliance.ranking.counters import NAMES
from ...compliance.ranking.ranker import Ranker
from ...compliance.records import DAY, PERSON, Party
from ...compliance.review import firings_of
from ...compliance.typologies.catalogue import RULES
from ..calibration import calibration
from ..dossier import Chapter
from ..fairness import UNSAID, fairness
from ..heading import signed
from ..identity import Part, identity
from ..latency import latency, timed
from ..limits import Watch, limits
from ..written import number, share
from .case import Case, case_of
from .controls import controls
from .faithful import faithful
from .lineage import lineage
from .outcomes import OURS, Outcomes, outcomes
from .pointintime import point_in_time
from .stability import Stability, stability

TASK = "finance/compliance"
COLUMNS = ("country", "age", "kind", "occupation")
COMPARED = ("country", "age")  # where nobody names columns
REVIEWS, MILLION = 6, 60_000.0  # timed reviews; ms for a million payments: the goal of the task


def govern(
    ranker: Ranker,
    card: Mapping[str, Any],
    *,
    checkpoint: Mapping[str, Any],
    data: Path | None,
    groups: Sequence[str],
    seed: int,
) -> Governance:
    """Everything, measured.

    Raises:
        InputError: folders that cannot be read, too few cases, or a column of groups that parties do not have.
    """
    for name in groups:
        if name not in COLUMNS:
            raise UnknownName("column of parties", name, COLUMNS)
    case = case_of(ranker, card, data, seed=seed)
    first = identity(TASK, model=checkpoint, card=card, parts=_parts(checkpoint), folder="verticals/finance/compliance",
                     seed=seed)  # fmt: skip
    said, moved, rows = outcomes(case), stability(case), case.judged
    chapters = [
        first, lineage(case), point_in_time(case), said.chapter, controls(case),
        calibration(case.score[rows], case.right[rows], case.holder[rows], event="right alerts", seed=seed),
        moved.chapter, _fairness(case, tuple(groups) or COMPARED), faithful(case), _latency(case),
    ]  # fmt: skip
    lines = [each for chapter in chapters for each in chapter.expects]
    chapters.append(limits(TASK, _watches(case, said, moved), lines))
    return signed(TASK, chapters, checkpoint=checkpoint, origin=case.origin, keys=_keys(case, said), seed=seed)


def _keys(case: Case, said: Outcomes) -> tuple[Key, ...]:
    ours, right = said.compared[OURS].metrics["average_precision"], int(case.right[case.judged].sum())
    return (
        Key(label="Average precision", value=f"{ours.value:.3f}", note=f"between {ours.low:.3f} and {ours.high:.3f}"),
        Key(label="Alerts saved", value=share(said.saved, 0), note="at 95 % of the right ones"),
        Key(label="Judged", value=f"{len(case.judged):,}", note=f"alerts, {right:,} right"),
    )


def _parts(checkpoint: Mapping[str, Any]) -> tuple[Part, ...]:
    digest, place = str(checkpoint.get("sha256", "not saved")), "verticals/finance/compliance"
    return (
        Part(name="rule engine", kind="rules set by people", module=f"{place}/typologies/", reads="payments, parties,"
             " lists", answers=f"alerts of {len(RULES)} typologies with clauses and evidence", digest="code"),
        Part(name="screening of names", kind="rules set by people", module=f"{place}/screening/", reads="names, dates"
             " of birth, countries", answers="how alike, with reasons", digest="code"),
        Part(name="counters", kind="rules set by people", module=f"{place}/ranking/counters.py", reads="the book as of"
             " the alert", answers=f"{len(NAMES)} numbers of an alert", digest="code"),
        Part(name="ranker", kind="learned model", module=f"{place}/ranking/ranker.py", reads="counters, the graph of"
             " the evidence", answers="log-odds that an alert is a case", digest=digest),
        Part(name="calibration", kind="statistical estimate", module="core/trust/calibration.py: Platt",
             reads="log-odds", answers="probability", digest=digest),
        Part(name="counter-evidence", kind="rules set by people", module=f"{place}/against.py", reads="book and"
             " documents", answers="what speaks against, what is missing", digest="code"),
        Part(name="draft", kind="rules set by people", module=f"{place}/narrative.py", reads="an alert's evidence",
             answers="verified sentences", digest="code"),
        Part(name="challenger", kind="baseline", module="core/trust/rulelist.py", reads="the same counters",
             answers="the share of right alerts of one of twelve rules", digest="fitted for this page"),
    )  # fmt: skip


def _fairness(case: Case, groups: Sequence[str]) -> Chapter:
    """An alert above the threshold is what is read first: which persons stand there in error?"""
    rows = case.judged
    if "kind" not in groups:  # a body has neither age nor birthplace
        rows = np.array([row for row in rows if (party := case.party(int(row))) is None or party.kind == PERSON], int)
    parties = [case.party(int(row)) for row in rows]
    columns = {name: _column(name, parties, case.at[rows]) for name in groups}
    columns = {name: values for name, values in columns.items() if len(np.unique(values)) > 1}
    return fairness(
        case.score[rows] >= case.threshold, case.right[rows], columns, clusters=case.holder[rows],
        words=("read first", "right"), seed=case.seed,
    )  # fmt: skip


def _column(name: str, parties: Sequence[Party | None], at: Array) -> Array:
    """Of each alert's holder; a country is the one that most have, or another."""
    if name == "age":
        years = [
            f"{1970 + when / (365.25 * DAY) - int(each.birth[:4]):.1f}" if each is not None and each.birth else ""
            for each, when in zip(parties, at.tolist(), strict=True)
        ]
        return np.array(years)
    values = np.array(["" if each is None else str(getattr(each, name)) or UNSAID for each in parties])
    if name == "country":
        known, counts = np.unique(values[values != ""], return_counts=True)
        home = str(known[counts.argmax()]) if len(known) else ""
        return np.where(values == "", "", np.where(values == home, home, "elsewhere"))
    return values


def _latency(case: Case) -> Chapter:
    book = case.seen[0].source.book
    books = [book.until(int(book.rows[len(book) - 1 - back])) for back in range(REVIEWS)]

    def review(each: Any) -> Array:
        return case.ranker.score(each, firings_of(each)).probability

    limit = MILLION * len(book) / 1e6
    what = f"A whole review: rules, counters, scores; {len(book):,} payments, {len(case.seen[0].firings)} alerts"
    return latency(timed(review, books), what=what, limit=max(limit, 1000.0))


def _watches(case: Case, said: Outcomes, moved: Stability) -> tuple[Watch, ...]:
    early = [month["above"] for month in moved.months.values()]
    alerts = [month["alerts"] for month in moved.months.values()]
    floor = said.compared[OURS].metrics["average_precision"].low
    return (
        Watch(what="alerts of each rule", often="weekly", threshold=f"above {2 * float(np.median(alerts)):.0f} a month",
              computed="twice the median month of this run", then="look at the feed and at the rule's parameters"),
        Watch(what="share of alerts above the threshold", often="weekly",
              threshold=f"outside {share(0.5 * float(np.median(early)))} to {share(1.5 * float(np.median(early)))}",
              computed="half and one and a half of the median month", then="read a sample from below the threshold"),
        Watch(what="index of the score (PSI)", often="monthly",
              threshold=f"above .25 and above chance ({number(moved.score.critical_by_group)})",
              computed="the null of chapter 7, holders dealt", then="rules alone order the queue until understood"),
        Watch(what="average precision on decided alerts", often="quarterly", threshold=f"below {number(floor)}",
              computed="lower end of the 95 % interval", then="fit again on the bank's own decisions"),
        Watch(what="right alerts below the threshold, from a random sample", often="monthly", threshold="above 5 %",
              computed="what the threshold was set to keep", then="lower the threshold"),
        Watch(what="lists: date of the newest entry", often="daily", threshold="older than a day",
              computed="duty of the list", then="screen again everything since"),
        Watch(what="evidence that does not silence its rule", often="at each change of a rule", threshold="any",
              computed="expectation of chapter 9", then="the rule is not released"),
    )  # fmt: skip
