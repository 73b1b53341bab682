"""The page that an analyst opens: the queue, then the most urgent alerts with evidence, what speaks against, a draft.

Every sentence of a draft is verified as the page is made. It ranks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....knowledge.claims import Evidence
from ....knowledge.reports import Key, Report, Rows, Section
from .answers import Alert, Reviewed
from .book import Book
from .drawings import spread, subgraph
from .graph import evidence_graph
from .narrative import claims_of, evidence_of
from .typologies.rule import Firing

SHOWN = 8  # alerts in full
QUEUE = 40  # alerts in the table
BANNER = "A draft for a trained analyst, who decides what is reported; no alert is a finding of guilt."


def report_of(
    reviewed: Reviewed, book: Book, firings: Sequence[Firing], *, warnings: Sequence[str], provenance: Mapping[str, str]
) -> Report:
    """The page; `firings` are those of the alerts, in the same order."""
    evidence: dict[str, Evidence] = {}
    sections = [_queue(reviewed)]
    for alert, firing in list(zip(reviewed.alerts, firings, strict=True))[:SHOWN]:
        key = str(alert.number)
        evidence |= evidence_of(book, firing, key, figure=f"alert-{key}")
        sections.append(_alert(alert, book, firing))
    worst = reviewed.alerts[0] if reviewed.alerts else None
    return Report(
        title="Compliance review of payments",
        verdict=f"{len(reviewed.alerts)} alerts in {reviewed.payments:,} payments up to {reviewed.as_of}"
        if worst
        else f"No alert in {reviewed.payments:,} payments up to {reviewed.as_of}",
        tone="warn" if worst else "good",
        banner=BANNER,
        keys=(
            Key(label="Payments", value=f"{reviewed.payments:,}", note=f"of {reviewed.accounts:,} accounts"),
            Key(label="Alerts", value=str(len(reviewed.alerts)), note=f"of {len(reviewed.by_rule)} rules"),
            Key(label="Cases expected", value=f"{reviewed.expected_cases:.1f}", note="the sum of all scores"),
        ),
        sections=tuple(sections),
        evidence=evidence,
        warnings=tuple(warnings),
        provenance=provenance,
    )


def _queue(reviewed: Reviewed) -> Section:
    rows = tuple(
        (
            str(each.number),
            each.rule,
            each.name or each.subject,
            each.at[:10],
            f"{each.score:.2f}",
            str(len(each.counter_evidence)),
        )
        for each in reviewed.alerts[:QUEUE]
    )
    expected: dict[str, float] = {}
    for each in reviewed.alerts:
        expected[each.rule] = expected.get(each.rule, 0.0) + each.score
    note = (
        "The score is the probability of a case on data like those that the ranker was taught on, which were made up. "
        "A bank fits it again on alerts that it has decided."
    )
    table = Rows(header=("alert", "rule", "subject", "completed", "score", "against"), rows=rows)
    return Section(
        heading="The queue", tables=(table,) if rows else (), notes=(note,),
        figures=(spread(reviewed.by_rule, expected),) if rows else (),
    )  # fmt: skip


def _alert(alert: Alert, book: Book, firing: Firing) -> Section:
    key = str(alert.number)
    figure = subgraph(
        evidence_graph(book, firing), firing.subject,
        f"Alert {key}: the cited edges. Without them, as of that moment, the rule is silent.", f"alert-{key}",
    )  # fmt: skip
    clauses = Rows(header=("clause", "in short"), rows=tuple((each["id"], each["says"]) for each in alert.clauses))
    lists = [
        Section(
            heading="What speaks against it",
            notes=tuple(each.sentence for each in alert.counter_evidence) or ("Nothing was found.",),
        ),
        Section(heading="What is missing", notes=tuple(alert.missing)),
    ]  # fmt: skip
    return Section(
        heading=f"Alert {key}: {alert.title}",
        claims=claims_of(book, firing, key), figures=(figure,), tables=(clauses,),
        parts=tuple(lists),
    )  # fmt: skip
