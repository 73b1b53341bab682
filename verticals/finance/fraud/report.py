"""The page a fraud analyst reads: what was judged, the alerts with their reasons, and what the score rests on.

Every number in a sentence is measured again from the model and the features. It knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from ....core.types import Array
from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.figures import COLOURS, canvas, picture
from ....knowledge.reports import Figure, Key, Report, Rows, Section, Tone
from .answers import FraudAnswer, Judged, moment
from .model import FraudModel
from .reasons import GROUPS
from .records import DAY

WRITTEN = 10  # alerts in sentences
LISTED = 50  # in the table
TONES: dict[str, Tone] = {"approve": "good", "review": "warn", "decline": "bad"}


def report_of(
    answer: FraudAnswer,
    model: FraudModel,
    rows: Array,
    *,
    warnings: Sequence[str],
    provenance: Mapping[str, str],
) -> Report:
    """The page, verified as it is made; `rows` are the features of every payment judged."""
    newest, alerts = answer.newest, answer.alerts
    written = alerts[:WRITTEN] or (newest,)
    evidence = {
        "events": Evidence(kind="row", shows=f"{len(answer.events)} payments of {answer.events.name}"),
        "model": Evidence(kind="model", shows=f"boosted trees on {len(model.names)} causal features, calibrated"),
        "groups": Evidence(kind="measurement", shows="the score again with one group of features as it usually is"),
        "policy": Evidence(kind="rule", shows=answer.policy),
    }
    sections = [
        Section(heading="Alerts" if alerts else "The newest payment", parts=tuple(
            _alert(each, answer, model, rows) for each in written
        )),
        Section(heading="All payments judged", claims=(_count(answer),), figures=(_picture(answer),),
                tables=(_table(alerts),) if alerts else ()),
        _calibration(model),
    ]  # fmt: skip
    return Report(
        title=f"Card payments of {answer.events.name}",
        verdict=f"Payment {newest.id}: {newest.decision}. The probability of fraud is {newest.score:.1%}, between "
        f"{newest.interval.low:.1%} and {newest.interval.high:.1%}",
        tone=TONES[newest.decision],
        keys=_keys(answer),
        sections=tuple(sections),
        evidence=evidence,
        warnings=tuple(warnings),
        provenance=provenance,
    )


def _keys(answer: FraudAnswer) -> tuple[Key, ...]:
    newest = answer.newest
    exposed = sum(alert.expected_loss for alert in answer.alerts)
    return (
        Key(label="Newest payment", value=f"{newest.score:.1%}", note=f"{newest.amount:.2f} on {newest.time}",
            tone=TONES[newest.decision]),
        Key(label="Decision", value=newest.decision, note=answer.policy),
        Key(label="Alerts", value=str(answer.stopped), note=f"of {len(answer.events)} payments"),
        Key(label="Expected loss in alerts", value=f"{exposed:.0f}", note="probability times amount, summed"),
    )  # fmt: skip


def _alert(judged: Judged, answer: FraudAnswer, model: FraudModel, rows: Array) -> Section:
    """One payment: what it is, how likely fraud is, and why."""
    row = int(np.flatnonzero(answer.events.id == judged.id)[0])
    event = answer.events

    def score() -> float:
        return 100 * float(model.calibration.probabilities(model.logits(rows[row : row + 1]))[0])

    def bound(side: str) -> float:
        return 100 * float(getattr(model.calibration.interval(float(model.logits(rows[row : row + 1])[0])), side))

    percent = partial(Fact, evidence="model", unit="%", digits=1)
    text = partial(Fact, evidence="events")
    claims = [
        Claim(
            template="Card {card} paid {amount} at {terminal} on {time}.",
            facts={
                "card": text(value=judged.card, measure=lambda: str(event.card[row])),
                "amount": text(value=judged.amount, measure=lambda: float(event.amount[row]), digits=2),
                "terminal": text(value=judged.terminal, measure=lambda: str(event.terminal[row])),
                "time": text(value=judged.time, measure=lambda: moment(event.time[row])),
            },
        ),
        Claim(
            template="The probability of fraud is {score}, between {low} and {high} with {share} confidence: {what}.",
            facts={
                "score": percent(value=100 * judged.score, measure=score),
                "low": percent(value=100 * judged.interval.low, measure=partial(bound, "low")),
                "high": percent(value=100 * judged.interval.high, measure=partial(bound, "high")),
                "share": percent(value=100 * judged.interval.coverage, digits=0, measure=partial(bound, "coverage")),
                "what": Fact(value=judged.decision, evidence="policy", measure=lambda: answer.decisions[row]),
            },
        ),
    ]
    claims += [_reason(reason.code, reason.weight, partial(_weight, model, rows[row])) for reason in judged.reasons]
    return Section(heading=f"Payment {judged.id}", claims=tuple(claims))


def _weight(model: FraudModel, row: Array, code: str) -> float:
    return model.weights(row)[code]


def _reason(code: str, weight: float, again: Callable[[str], float]) -> Claim:
    return Claim(
        template="{reason}: without it the odds of fraud would be {times} times lower.",
        facts={
            "reason": Fact(value=_sentence(code), evidence="groups", measure=lambda: _sentence(code)),
            "times": Fact(
                value=float(np.exp(weight)), evidence="groups", digits=1, measure=lambda: float(np.exp(again(code)))
            ),
        },
        kind="reason",
    )


def _sentence(code: str) -> str:
    return GROUPS[code][0].upper() + GROUPS[code][1:]


def _count(answer: FraudAnswer) -> Claim:
    days = (answer.events.time[-1] - answer.events.time[0]) / DAY

    whole = partial(Fact, evidence="events", digits=0)
    return Claim(
        template="{judged} payments over {days} days were judged, each on what was known before it; {alerts} were not "
        "approved.",
        facts={
            "judged": whole(value=float(len(answer.events)), measure=lambda: float(len(answer.scores))),
            "days": Fact(
                value=days, evidence="events", digits=1,
                measure=lambda: (answer.events.time[-1] - answer.events.time[0]) / DAY,
            ),
            "alerts": Fact(
                value=float(answer.stopped), evidence="policy", digits=0, measure=lambda: float(answer.stopped)
            ),
        },
    )  # fmt: skip


def _table(alerts: Sequence[Judged]) -> Rows:
    rows = tuple(
        (each.id, each.time, each.card, f"{each.amount:.2f}", f"{each.score:.1%}", each.decision,
         ", ".join(reason.code for reason in each.reasons))
        for each in alerts[:LISTED]
    )  # fmt: skip
    more = f" The first {LISTED} of {len(alerts)}: scores.csv has all." if len(alerts) > LISTED else ""
    return Rows(
        header=("payment", "time", "card", "amount", "probability", "decision", "reasons"), rows=rows,
        caption=f"Payments that were not approved, the likeliest fraud first.{more}",
    )  # fmt: skip


def _picture(answer: FraudAnswer) -> Figure:
    """Every payment: when, and how likely a fraud."""
    events = answer.events
    stopped = np.array([decision != "approve" for decision in answer.decisions])
    rows = np.flatnonzero(~stopped)
    if len(rows) > 4000:
        rows = rows[:: len(rows) // 4000 + 1]
    with canvas(9, 3.0) as (sheet, axes):
        for which, colour, label in ((rows, COLOURS[5], "approved"), (np.flatnonzero(stopped), COLOURS[1], "alert")):
            days = (events.time[which] - events.time[-1]) / DAY
            axes.scatter(days, np.maximum(answer.scores[which], 1e-5), s=8, color=colour, label=label, lw=0)
        axes.set_yscale("log")
        axes.set_xlabel("days before the newest payment")
        axes.set_ylabel("probability of fraud")
        axes.legend(frameon=False, loc="upper left")
        return picture(sheet, "Every payment judged, by time and probability (the scale is logarithmic).")


def _calibration(model: FraudModel) -> Section:
    table = model.calibration
    edges = ["", *(f"{value:.2%}" for value in table.probabilities(table.edges)), ""]
    rows = tuple(
        (f"{low or '0 %'} to {high or '100 %'}", f"{tried:.0f}", f"{frauds:.0f}", f"{frauds / max(tried, 1):.2%}")
        for low, high, tried, frauds in zip(edges[:-1], edges[1:], table.tried, table.frauds, strict=True)
    )
    shown = Rows(
        header=("probability said", "payments", "frauds", "share"), rows=rows,
        caption="What came of later payments with such probabilities when the model was calibrated.",
    )  # fmt: skip
    return Section(heading="What the score rests on", tables=(shown,))
