"""The chapter on data: files, series, spans, and how days are parted for each part of the forecast."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...market_risk.records import HORIZONS
from ...market_risk.walkforward import folds
from ..dossier import Chapter, expect
from ..lineage import CHAPTER, digests_stand, files_table
from ..written import count
from .case import Case

SHOWN = 20


def lineage(case: Case) -> Chapter:
    """Where prices come from, and which days each part has learnt from."""
    series: list[dict[str, Any]] = [
        {
            "name": source.prices.name, "bars": len(source.prices), "first": source.prices.day(0),
            "last": source.prices.day(-1), "judged": len(walked.scored(1)), "days_with_news": len(source.news),
            "warnings": list(source.prices.warnings),
        }
        for source, walked in zip(case.sources, case.walks, strict=True)
    ]  # fmt: skip
    rows = tuple(
        (each["name"], each["first"], each["last"], count(each["bars"]), count(each["judged"]),
         count(each["days_with_news"]))
        for each in series[:SHOWN]
    )  # fmt: skip
    more = f" The first {SHOWN} of {len(series)}." if len(series) > SHOWN else ""
    purged, early = _purge(case)
    return Chapter(
        heading="Data lineage",
        facts={
            "origin": asdict(case.origin), "series": series,
            "network_until": str(case.network.until), "folds": purged,
        },
        claims=(
            Claim(
                template="In {folds} yearly fits, {late} days were learnt from whose outcome had not passed by then;"
                " the first day judged is {first}.",
                facts={
                    "folds": _whole(case, 0),
                    "late": _whole(case, 1),
                    "first": Fact(
                        value=str(case.dates(1).min()), evidence="folds", measure=lambda: str(case.dates(1).min())
                    ),
                },
            ),
        ),
        evidence={"folds": Evidence(kind="row", shows="the dates of the series and the rows of each fit")},
        tables=(
            files_table(case.origin.files),
            Rows(header=("series", "from", "to", "bars", "days judged", "days with news"), rows=rows,
                 caption=f"The series.{more}"),
            Rows(header=("part", "learns from", "embargo"), rows=_parts(case),
                 caption="What each part has learnt from when it speaks of a day."),
        ),
        notes=(case.origin.about, f"SHA-256 of the data as a whole: {case.origin.sha256}"),
        expects=(
            digests_stand(case.origin),
            expect(CHAPTER, "What was learnt was known before the judged day", "the rows of every fit", early == 0,
                   f"{purged} fits, {early} rows too late"),
            expect(CHAPTER, "The judged days are held back from the checkpoint", "the network's last day",
                   bool(case.dates(1).min() >= case.network.until),
                   f"network until {case.network.until}, judged from {case.dates(1).min()}"),
        ),
    )  # fmt: skip


def _whole(case: Case, place: int) -> Fact:
    return Fact(
        value=float(_purge(case)[place]), evidence="folds", digits=0, measure=lambda: float(_purge(case)[place])
    )  # fmt: skip


def _purge(case: Case) -> tuple[int, int]:
    """How many fits there were, and rows in them whose outcome reaches to or past the day of the fit."""
    fits = late = 0
    for each in case.walks:
        for horizon in HORIZONS:
            for fold in folds(each.history.dates, horizon):
                fits += 1
                rows = np.arange(fold.known.start, max(fold.known.stop, fold.known.start))
                late += int((rows + horizon >= fold.ahead.start).sum())
    return fits, late


def _parts(case: Case) -> tuple[tuple[str, str, str], ...]:
    learnt = str(case.card.get("trained_on", "not said"))
    return (
        ("network", f"{learnt}, days before {case.network.until}", "its targets end before that day"),
        ("HAR, boosting, challenger", "the series' own days before the last 1 January", "as many days as the horizon"),
        ("bounds, value at risk, falls", "the series' own past errors, every day", "only days that have passed"),
    )
