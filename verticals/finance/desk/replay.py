"""A file of payments played as if they came now, each scored as it comes by the fraud pipeline's model on warm state.

What `predict` says of the same payments with the same history is said here too (a test holds the two together). It
knows no HTTP and no page.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np

from ....core.errors import FormatError, InputError, UnknownName
from ....core.result import plain
from ....core.types import Array
from ..fraud.answers import Judged, moment
from ..fraud.pipeline import FraudPipeline
from ..fraud.recent import Recent
from ..fraud.records import CardEvents
from ..fraud.scoring import Action, Costs
from ..fraud.sources import Payments
from ..fraud.stream import Event, Stream, events_of, features_of

ACTIONS: tuple[Action, ...] = ("approve", "review", "decline")
PAST = 20_000  # payments of the history that are scored, for a card's past and for the threshold of a budget
QUEUE = 40  # open alerts that are told
RECENT = 10_000  # payments whose times are counted
SHOWN = 400  # payments of a card in its timeline
LEAST = 200  # past scores before a budget has a threshold


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """What a person made of an alert, and when in the stream's time."""

    verdict: Literal["accepted", "dismissed"]
    at: str


class Replay:
    """Payments with a position: those before it have been scored. One caller at a time moves it."""

    def __init__(self, pipeline: FraudPipeline, payments: Payments, history: Payments | None) -> None:
        """Read the history into the state; the labels of the payments come when they became known.

        Raises:
            FormatError: the history ends after the first payment.
        """
        self.pipeline, self.payments, self.history = pipeline, payments, history
        self.events, self.lock = payments.events, threading.Lock()
        self.stream, self.recent = Stream(pipeline.fitted.sequence), Recent(PAST)
        for card, account in (payments.events.account or {}).items():
            self.stream.meet(card, account)
        self.past = _warmed(pipeline, self.stream, self.recent, payments, history)
        for id, fraud, known_at in _known(payments):
            self.stream.label(id, fraud, known_at)
        count = len(self.events)
        self.scores, self.low, self.high = (np.full(count, np.nan) for _ in range(3))
        self.decisions = np.zeros(count, np.int8)
        self.seconds = np.zeros((count, 2))  # by the clock, and of the processor
        self.position = 0
        self.alerts: dict[int, Judged] = {}
        self.decided: dict[int, Decided] = {}
        self.index: dict[str, int] = {}
        self.budget: int | None = None
        self._coming: Iterator[Event] = events_of(self.events)
        self.decide_by(None, None)

    def __len__(self) -> int:
        return len(self.events)

    def decide_by(self, costs: Costs | None, alerts: int | None) -> None:
        """From now on: by expected cost, or by a budget of alerts a day, its threshold from the scores so far.

        Raises:
            InputError: a budget without enough past scores, or below one a day.
        """
        with self.lock:
            if alerts is not None and alerts < 1:
                raise InputError(f"a budget is at least one alert a day, got {alerts}")
            if alerts is not None and (known := len(self.recent.scores)) < LEAST:
                raise InputError(f"a budget needs {LEAST} past scores for its threshold, there are {known}")
            self.judge, self.budget = self.pipeline.deciding(costs=costs, alerts=alerts), alerts

    def step(self, count: int) -> int:
        """Score the next payments, at most so many; the position then."""
        with self.lock:
            for event in islice(self._coming, max(count, 0)):
                self._score(event)
            return self.position

    def label(self, id: str, fraud: bool) -> Decided:
        """A person's verdict on an alert, known from the stream's present moment on.

        Raises:
            UnknownName: no open alert has this id.
        """
        with self.lock:
            row = self.index.get(id)
            if row is None or row in self.decided:
                waiting = [each.id for each in islice(self.queue(), 10)]
                raise UnknownName("open alert", id, waiting)
            now = max(self.stream.now, float(self.events.time[row]))
            self.stream.label(id, fraud, now)
            made = Decided(verdict="accepted" if fraud else "dismissed", at=moment(now))
            self.decided[row] = made
            return made

    def queue(self) -> Iterator[Judged]:
        """Open alerts, the largest expected loss first."""
        open_rows = [row for row in self.alerts if row not in self.decided]
        yield from sorted(map(self.alerts.__getitem__, open_rows), key=lambda each: -each.expected_loss)

    # ---- what is told ---------------------------------------------------------------------------------------------

    def told(self, row: int) -> dict[str, Any]:
        """One scored payment."""
        event = self.events
        return {
            "row": row, "id": str(event.id[row]), "time": moment(event.time[row]), "card": str(event.card[row]),
            "terminal": str(event.terminal[row]), "amount": float(event.amount[row]),
            "text": "" if event.text is None else str(event.text[row]),
            "score": float(self.scores[row]), "low": float(self.low[row]), "high": float(self.high[row]),
            "decision": ACTIONS[self.decisions[row]], "ms": 1000 * float(self.seconds[row, 0]),
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Counters, the policy, the queue and the latest verdicts."""
        with self.lock:
            queue = list(self.queue())
            return {
                "count": len(self), "position": self.position, "latency_ms": self._latency(),
                "now": moment(self.stream.now) if np.isfinite(self.stream.now) else "",
                "policy": self.judge._policy(),
                "threshold": self.recent.threshold(self.budget) if self.budget else None,
                "open": len(queue), "at_stake": sum(each.expected_loss for each in queue),
                "queue": [self._alert(each) for each in queue[:QUEUE]],
                "decided": [
                    {**self._alert(self.alerts[row]), "verdict": made.verdict, "at": made.at}
                    for row, made in islice(reversed(self.decided.items()), 12)
                ],
                "labels": {"known": self.stream.known, "frauds": self.stream.frauds, "by_hand": len(self.decided)},
            }  # fmt: skip

    def card(self, name: str) -> dict[str, Any]:
        """The scores of a card's payments up to now, those of the history (where scored) first.

        Raises:
            UnknownName: no payment of that card has been scored.
        """
        rows = np.flatnonzero(self.events.card[: self.position] == name)[-SHOWN:]
        past = np.flatnonzero(self.past.events.card == name)[-SHOWN:] if self.past is not None else np.zeros(0, int)
        if not len(rows) + len(past):
            raise UnknownName("card with a score", name, np.unique(self.events.card[: self.position])[:20].tolist())
        shown = [self.told(int(row)) for row in rows]
        if self.past is not None:
            shown = [self.past.told(int(row)) for row in past] + shown
        known = {row: made.verdict for row, made in self.decided.items()}
        return {"card": name, "payments": [{**each, "verdict": known.get(each["row"])} for each in shown]}

    def _latency(self) -> dict[str, float]:
        """Milliseconds of the latest answers: by the clock, and of the processor (`own`)."""
        spent = 1000 * self.seconds[max(0, self.position - RECENT) : self.position]
        if not len(spent):
            return {}
        (p50, own_p50), (p99, own_p99) = np.quantile(spent, (0.5, 0.99), axis=0).tolist()
        return {"p50": p50, "p99": p99, "own_p50": own_p50, "own_p99": own_p99}

    def _alert(self, judged: Judged) -> dict[str, Any]:
        row = self.index[judged.id]
        text = self.events.text
        return {**plain(judged), "row": row, "text": "" if text is None else str(text[row])}

    # ---- scoring --------------------------------------------------------------------------------------------------

    def _score(self, event: Event) -> None:
        """What `predict` does for a row of its file, on the state as it stands."""
        model, row = self.judge.fitted, self.position
        started = np.array([time.perf_counter(), time.thread_time()])
        values = self.stream.update(event)
        features = model.rows(np.array([values], np.float32))
        interval = model.calibration.interval(float(model.logits(features)[0]))
        self.recent.add(event, values)
        decision = self._decide(interval.value, event)
        if decision != "approve":
            self.alerts[row] = Judged(
                id=event.id, time=moment(event.time), card=event.card, terminal=event.terminal, amount=event.amount,
                score=interval.value, interval=interval, decision=decision, reasons=model.reasons(features[0]),
                expected_loss=interval.value * event.amount,
            )  # fmt: skip
            self.index[event.id] = row
        self.scores[row], self.low[row], self.high[row] = interval.value, interval.low, interval.high
        self.decisions[row] = ACTIONS.index(decision)
        self.seconds[row] = np.array([time.perf_counter(), time.thread_time()]) - started
        self.position = row + 1

    def _decide(self, score: float, event: Event) -> Action:
        """By the costs, or by the budget, as a served stream spends it."""
        if self.budget is None:
            self.recent.score(event.id, score)
            return self.judge.settings.costs.decide(score, event.amount)
        action = self.recent.within(event.id, score, self.budget)
        self.recent.decide(event.id, action)
        return action


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """The latest payments of the history with the scores that they would have had."""

    events: CardEvents
    scores: Array
    low: Array
    high: Array

    def told(self, row: int) -> dict[str, Any]:
        event = self.events
        return {
            "row": -1, "id": str(event.id[row]), "time": moment(event.time[row]), "card": str(event.card[row]),
            "terminal": str(event.terminal[row]), "amount": float(event.amount[row]), "score": float(self.scores[row]),
            "low": float(self.low[row]), "high": float(self.high[row]), "decision": None,
        }  # fmt: skip


def _warmed(
    pipeline: FraudPipeline, stream: Stream, recent: Recent, payments: Payments, history: Payments | None
) -> Past | None:
    """Run the history through the stream; the latest of it are scored."""
    if history is None:
        return None
    if history.events.time[-1] > payments.events.time[0]:
        raise FormatError(
            f"the history {history.events.name} ends at {moment(history.events.time[-1])}, after the first of the"
            f" events at {moment(payments.events.time[0])}: give what came before them"
        )
    model = pipeline.fitted
    features = features_of(history.events, history.labels, stream=stream)[-PAST:]
    logits = model.logits(model.rows(features))
    intervals = {logit: model.calibration.interval(logit) for logit in set(logits.tolist())}
    spans = [intervals[logit] for logit in logits.tolist()]
    events = history.events[slice(max(0, len(history.events) - PAST), len(history.events))]
    for event, values, span in zip(events_of(events), features, spans, strict=True):
        recent.add(event, values.tolist())
        recent.score(event.id, span.value)
    return Past(
        events=events,
        scores=np.array([each.value for each in spans]),
        low=np.array([each.low for each in spans]),
        high=np.array([each.high for each in spans]),
    )


def _known(payments: Payments) -> Iterator[tuple[str, bool, float]]:
    """The labels that a file brings, as `features_of` takes them."""
    if payments.labels is None:
        return
    labels = payments.labels
    for row in np.flatnonzero(labels.known_at < np.inf):
        yield str(payments.events.id[row]), bool(labels.fraud[row]), float(labels.known_at[row])
