"""The chapter on data: files, spans, how labels arrive, how time is parted, what is real."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from .....knowledge.claims import Claim, Evidence, Fact
from .....knowledge.reports import Rows
from ...fraud.records import DAY
from ..dossier import Chapter, expect
from ..lineage import CHAPTER, digests_stand, files_table
from ..written import count, number, share
from .case import Case, day_of


def lineage(case: Case) -> Chapter:
    """Where the payments come from and how they are parted."""
    events, labels = case.payments
    assert labels is not None
    known = np.isfinite(labels.known_at)
    delays = (labels.known_at - events.time)[known] / DAY
    frauds = labels.fraud[known]
    parts = _parts(case)
    facts: dict[str, Any] = {
        "origin": asdict(case.origin), "payments": len(events), "cards": len(np.unique(events.card)),
        "terminals": len(np.unique(events.terminal)), "first": day_of(events.time[0]), "last": day_of(events.time[-1]),
        "labelled": int(known.sum()), "frauds": int(frauds.sum()),
        "label_delay_days": {
            name: {str(q): float(np.quantile(each, q)) for q in (0.1, 0.5, 0.9)}
            for name, each in (("fraud", delays[frauds]), ("honest", delays[~frauds])) if len(each)
        },
        "split": parts, "embargo_days": case.embargo / DAY, "warnings": list(events.warnings),
    }  # fmt: skip
    rows = tuple(
        (name, each["from"], each["to"], count(each["payments"]), count(each["frauds"]), each["used"])
        for name, each in parts.items()
    )
    split = Rows(
        header=("part", "from", "to", "payments", "known frauds", "used for"), rows=rows,
        caption="Time is parted once; nothing is drawn at random across it.",
    )  # fmt: skip
    waits = Rows(
        header=("label", "payments", "10 % known after, days", "half", "90 %"),
        rows=tuple(
            (name, count((frauds == (name == "fraud")).sum()), *(number(value, 1) for value in each.values()))
            for name, each in facts["label_delay_days"].items()
        ),
        caption=f"How long labels take. {share(1 - known.mean())} of the payments have none and are judged by nothing.",
    )
    files = (files_table(case.origin.files),) if case.origin.files else ()
    span = case.embargo / DAY
    return Chapter(
        heading="Data lineage",
        facts=facts,
        claims=(_apart(case),),
        evidence={"split": Evidence(kind="row", shows=f"times and labels of {events.name}")},
        tables=(*files, split, waits),
        notes=(case.origin.about, f"SHA-256 of the data as a whole: {case.origin.sha256}", *events.warnings),
        expects=(
            digests_stand(case.origin),
            expect(CHAPTER, "What was learnt was known before the judged part began", "split by time with embargo",
                   bool((case.lessons.known_at <= case.middle).all() and span >= 0),
                   f"embargo of {span:.1f} days, the delay of labels"),
            expect(CHAPTER, "The judged part is held back from the checkpoint", "digest, name and last payment on its"
                   " card", not case.seen, case.seen or "nothing of it is on the checkpoint's card"),
        ),
    )  # fmt: skip


def _parts(case: Case) -> dict[str, dict[str, Any]]:
    events, labels = case.payments
    assert labels is not None
    last = case.middle - case.embargo
    found = {}
    for name, low, high, used in (
        ("warm-up", events.time[0], case.lessons.time.min(), "filling the state"),
        ("learnt from", case.lessons.time.min(), last, "challenger, baselines, reference of stability"),
        ("embargo", last, case.middle, "nothing is learnt: its labels came too late"),
        ("judged", case.middle, events.time[-1] + 1, "every number of the chapters below"),
    ):
        rows = (events.time >= low) & (events.time < high)
        known = rows & labels.fraud & np.isfinite(labels.known_at)
        found[name] = {
            "from": day_of(low), "to": day_of(high - 1), "payments": int(rows.sum()), "frauds": int(known.sum()),
            "used": used,
        }  # fmt: skip
    return found


def _apart(case: Case) -> Claim:
    """The newest label that was learnt from, and the first payment judged."""
    events = case.payments.events
    gap = lambda: float((events.time[case.judged].min() - case.lessons.time.max()) / DAY)  # noqa: E731
    late = lambda: float((case.lessons.known_at > events.time[case.judged].min()).sum())  # noqa: E731
    return Claim(
        template="Between the last payment learnt from and the first one judged lie {gap} days; {late} labels that were"
        " learnt from became known after that first one.",
        facts={
            "gap": Fact(value=gap(), evidence="split", measure=gap),
            "late": Fact(value=late(), evidence="split", measure=late, digits=0),
        },
    )
