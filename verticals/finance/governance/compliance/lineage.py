"""The chapter on data: files, parties, payments, cases, how time is parted, what is real."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...compliance.records import DAY, day_of
from ..dossier import Chapter, expect
from ..lineage import CHAPTER, digests_stand, files_table, held_back
from ..written import count
from .case import EMBARGO, Case, Seen


def lineage(case: Case) -> Chapter:
    """Where payments and cases come from, and how they are parted."""
    sources = [_source(each) for each in case.seen]
    rows = tuple(
        (each["name"], count(each["payments"]), count(each["parties"]), count(each["cases"]), count(each["alerts"]),
         each["from"], each["middle"], each["to"])
        for each in sources
    )  # fmt: skip
    gap, both = _gap(case), _both(case)
    files = (files_table(case.origin.files),) if case.origin.files else ()
    return Chapter(
        heading="Data lineage",
        facts={
            "origin": asdict(case.origin), "sources": sources, "embargo_days": EMBARGO, "learnt": len(case.learnt),
            "judged": len(case.judged), "cases_on_both_sides": both,
        },
        claims=(_apart(case),),
        evidence={"split": Evidence(kind="row", shows="when each alert was complete, and the cases it points at")},
        tables=(
            *files,
            Rows(header=("source", "payments", "parties", "cases", "alerts", "from", "judged from", "to"), rows=rows,
                 caption="Each source is parted at the middle of its own time; nothing is drawn at random across it."),
        ),
        notes=(
            case.origin.about,
            f"SHA-256 of the data as a whole: {case.origin.sha256}",
            "When a case was decided is not in truth.csv: it is taken as decided within the embargo.",
        ),
        expects=(
            digests_stand(case.origin),
            expect(CHAPTER, "What was learnt was complete before the judged part began", "split by time with embargo",
                   gap >= EMBARGO, f"{gap:.1f} days between, the embargo is {EMBARGO:g}"),
            expect(CHAPTER, "No case has alerts on both sides", "cases of either side", both == 0, f"{both} have"),
            held_back(case.origin, case.card, "The judged alerts are"),
        ),
    )  # fmt: skip


def _source(seen: Seen) -> dict[str, Any]:
    book = seen.source.book
    clauses = () if book.documents is None else book.documents.clauses
    return {
        "name": seen.source.name, "payments": len(book), "accounts": len(book.entities.accounts),
        "parties": len(book.entities.parties), "links": len(book.links), "list_entries": len(book.entries),
        "documents": len({each.document for each in clauses}), "cases": len(seen.source.truth.planted()),
        "alerts": len(seen.firings), "from": day_of(book.time[0]), "middle": day_of(seen.middle),
        "to": day_of(book.time[-1]),
    }  # fmt: skip


def _gap(case: Case) -> float:
    """Days between the last alert learnt from and the first judged, the smallest of all sources."""
    source = np.array([place for place, _ in case.firings])
    gaps = []
    for place in range(len(case.seen)):
        one, other = (part[source[part] == place] for part in (case.learnt, case.judged))
        if len(one) and len(other):
            gaps.append((case.at[other].min() - case.at[one].max()) / DAY)
    return float(min(gaps, default=np.inf))


def _both(case: Case) -> int:
    sides = []
    cases = [(place, each) for place, seen in enumerate(case.seen) for each in seen.cases]
    for part in (case.learnt, case.judged):
        sides.append({(cases[alert][0], name) for alert in part for name in cases[alert][1]})
    return len(sides[0] & sides[1])


def _apart(case: Case) -> Claim:
    def whole(part: Any) -> Fact:
        return Fact(value=float(len(part)), evidence="split", digits=0, measure=lambda: float(len(part)))

    gap = lambda: _gap(case)  # noqa: E731
    return Claim(
        template="{learnt} alerts were learnt from and {judged} are judged; between them lie at least {gap} days.",
        facts={
            "learnt": whole(case.learnt), "judged": whole(case.judged),
            "gap": Fact(value=gap(), evidence="split", measure=gap),
        },
    )  # fmt: skip
