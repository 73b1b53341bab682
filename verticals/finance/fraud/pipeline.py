"""`finance/fraud`: a file of card payments, with history where given, to scores, decisions and reasons.

It holds the model and says what is judged by what; the features are in stream.py, the score in model.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from ....core import digest
from ....core.checkpoint import Checkpoint
from ....core.config import from_plain, to_plain
from ....core.errors import FormatError, UnknownName
from ....core.pipeline import Answered, FitOptions, Pipeline
from ....core.result import Evaluation
from ....core.types import Array, Text
from ..tasks import fraud
from .accounts import Accounts, read_accounts
from .answers import FraudAnswer, Judged, moment
from .live import Live
from .model import FraudModel
from .records import DAY, CardEvents, Labels
from .report import report_of
from .scoring import Action, Budget, Costs
from .settings import Settings, decided, yes
from .sources import DELAY, Payments, Told, read_payments, read_told
from .stream import Stream, features_of

if TYPE_CHECKING:
    from ....core.data.quality import Rows
    from ....core.export.program import Program
    from ....core.governance import Governance

COLD = 5  # payments of a card before them: below it there is no history to be out of line with
ALERTS = 200  # that are given reasons


class Seen(NamedTuple):
    """The payments judged, the features that the model reads of them, and how much was known of the newest card."""

    events: CardEvents
    rows: Array
    known: int


class FraudPipeline(Pipeline):
    """The probability of fraud of card payments, on what was known before each."""

    task = fraud
    weights = Path(__file__).parents[1] / "weights" / "fraud"
    live: Live | None = None
    durable = False
    explains = "logit of the probability of fraud of the newest payment"

    def __init__(self, model: FraudModel, settings: Settings, card: Mapping[str, Any]) -> None:
        self.fitted, self.settings, self.card = model, settings, card

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        settings: Settings = from_plain(Settings, checkpoint.config)
        model = FraudModel.from_tensors(checkpoint.tensors, settings.names, settings.stages)
        return cls(model, settings, checkpoint.card)

    def to_checkpoint(self) -> Checkpoint:
        return Checkpoint(
            kind=self.task.name, config=to_plain(self.settings), tensors=self.fitted.tensors(), card=self.card
        )

    def deciding(self, *, costs: Costs | None = None, alerts: int | None = None) -> Self:
        """The same model with other costs, or with a budget of alerts a day instead of costs."""
        return self._with(replace(self.settings, costs=costs or self.settings.costs, alerts=alerts))

    def setting(self, name: str, value: str) -> Self:
        """How to decide (`budget`, `review_cost`, `loss`, `found`, `friction_cost`, `refusal_cost`), and for a served
        stream its `journal`, a folder, and whether an answer waits for the disk (`durable`)."""
        if name == "journal":
            return self.journaled(value)
        if name != "durable":
            return self._with(decided(self.settings, name, value))
        other = copy(self)
        other.durable = yes(name, value)
        if other.live is not None:
            other.live.durable = other.durable
        return other

    def journaled(self, folder: str | Path) -> Self:
        """The same model on a stream whose state lies in a folder and survives the process.

        From then on `predict` counts each payment once; one that is sent again gets the answer it had.

        Raises:
            FileError: the folder cannot be written.
            FormatError: another process writes there.
        """
        other = copy(self)
        other.live, other.remembers = Live(folder, durable=self.durable, sequence=self.fitted.sequence), True
        recent = other.live.journal.recent
        ids = [id for id in recent.answers if id in recent.decided]
        if ids:
            rows = self.fitted.rows(np.array([recent.answers[id].values for id in ids]))
            scores = self.fitted.calibration.probabilities(self.fitted.logits(rows))
            for id, score in zip(ids, scores.tolist(), strict=True):
                recent.score(id, score)
        return other

    def _with(self, settings: Settings) -> Self:
        other = copy(self)
        other.settings = settings
        return other

    def read(self, modality: str, value: Any) -> Any:
        if modality in ("events", "history"):
            if isinstance(value, CardEvents):
                return Payments(value, None)
            if isinstance(value, Payments):
                return value
            if isinstance(value, (str, Path)):
                return read_payments(Path(value))
            raise FormatError(f"{modality} is a path, CardEvents or Payments, got {type(value).__name__}")
        if modality == "accounts":
            return value if isinstance(value, Accounts) else read_accounts(Path(value))
        if modality == "labels":
            return value if isinstance(value, Told) else read_told(Path(value))
        text = value.text if isinstance(value, Text) else value
        if not isinstance(text, str) or not text.strip():
            raise FormatError(f"{modality} is one line of text, got {type(value).__name__} {value!r:.40}")
        return text.strip()

    def answer(self, record: Mapping[str, Any]) -> Answered:
        seen = self._seen(record)
        scores = self.fitted.calibration.probabilities(self.fitted.logits(seen.rows))
        decisions = self._decisions(seen.events, scores)
        if self.live is not None:
            self.live.settle()
        stopped = [row for row in np.argsort(-scores, kind="stable") if decisions[row] != "approve"]
        judge = lambda row: self._judged(seen, int(row), decisions)  # noqa: E731
        answer = FraudAnswer(
            newest=judge(len(scores) - 1),
            events=seen.events,
            scores=scores,
            decisions=decisions,
            alerts=tuple(judge(row) for row in stopped[:ALERTS]),
            policy=self._policy(),
        )
        warnings = (*seen.events.warnings, *self._warnings(seen, len(stopped)))
        provenance = {
            "model": f"{self.model.get('name', 'not saved')}, seed {self.model.get('seed')}",
            "weights SHA-256": str(self.model.get("sha256", "not saved")),
            "learnt from": str(self.card.get("trained_on", "not said")),
        }
        report = report_of(answer, self.fitted, seen.rows, warnings=warnings, provenance=provenance)
        return Answered(answer=answer, warnings=warnings, report=report)

    def measure(self, record: Mapping[str, Any]) -> float:
        """Without events: the logit of the share of fraud that the model was fitted on."""
        if "events" not in record:
            return float(np.log(self.fitted.rate / (1 - self.fitted.rate)))
        logits = self.fitted.logits(self._seen(record).rows[-1:])
        return float(_logit(self.fitted.calibration.probabilities(logits))[0])

    def parts(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """By how much each group of features raises the newest payment's logit, and its largest features."""
        row = self._seen(record).rows[-1]
        values = {name: float(value) for name, value in zip(self.fitted.names, row, strict=True)}
        return {"events": {"groups": self.fitted.weights(row), "features": values}}

    def evaluate_on(self, data: Path, *, layout: str | None, seed: int) -> Evaluation:
        from .evaluation import evaluate

        if layout not in (None, "handbook", "table"):
            raise UnknownName("layout", layout, ("handbook", "table"))
        return evaluate(self.fitted, read_payments(data), task=self.task.name, data=str(data), seed=seed)

    def fit_on(self, data: Path, options: FitOptions) -> Self:
        from .recipes import RECIPES, made

        if options.recipe is not None and options.recipe not in RECIPES:
            raise UnknownName("recipe", options.recipe, RECIPES)
        payments = read_payments(data)
        make = made if options.recipe is None else RECIPES[options.recipe]
        old = None if options.replay is None else read_payments(options.replay)
        model, card = (
            make(self.fitted, payments, options) if old is None else made(self.fitted, payments, options, old=old)
        )
        card["data_sha256"] = digest.of_file(data)
        settings = replace(self.settings, names=model.names, stages=len(model.stages))
        return type(self)(model, settings, card)

    def rows_in(self, data: Path) -> Rows:
        from .described import rows_of

        return rows_of(read_payments(data))

    def govern_on(self, data: Path | None, *, groups: tuple[str, ...], seed: int) -> Governance:
        from ..governance.fraud.report import govern

        return govern(
            self.fitted, self.card, checkpoint=self.model, policy=self._policy(), decide=self._decisions, data=data,
            groups=groups, seed=seed,
        )  # fmt: skip

    def program(self) -> Program:
        from .program import program_of

        return program_of(self.fitted)

    def _seen(self, record: Mapping[str, Any]) -> Seen:
        """Run the stream over history and events, with the text and device of the newest payment where given."""
        payments: Payments = record["events"]
        events, warnings = payments.events, []
        for column in ("text", "device"):
            if column in record:
                cells = _with_last(getattr(events, column), len(events), record[column])
                events = replace(events, **{column: cells})  # type: ignore[arg-type]
        if "accounts" in record:
            accounts: Accounts = record["accounts"]
            events = replace(events, account={**(events.account or {}), **accounts.rows})
            without = len(set(np.unique(events.card).tolist()) - accounts.rows.keys())
            warnings = list(accounts.warnings)
            if without:
                warnings.append(f"{without} cards have no row in the table of accounts: judged without")
        events = replace(events, warnings=(*events.warnings, *warnings))
        history: Payments | None = record.get("history")
        if history is not None and history.events.time[-1] > events.time[0]:
            raise FormatError(
                f"the history {history.events.name} ends at {moment(history.events.time[-1])}, after the first of"
                f" the events at {moment(events.time[0])}: give what came before them"
            )
        if self.live is not None:
            return self._served(self.live, Payments(events, payments.labels), history, record.get("labels"))
        stream = Stream(self.fitted.sequence)
        told: Told | None = record.get("labels")
        for card, account in (
            events.account or {}
        ).items():  # before the history, whose labels say what such cards come to
            stream.meet(card, account)
        if history is not None:
            features_of(history.events, _with_told(history, told), stream=stream)
        known = _known(stream, events)
        features = features_of(events, _with_told(Payments(events, payments.labels), told), stream=stream)
        return Seen(events, self.fitted.rows(features), known)

    def _served(self, live: Live, payments: Payments, history: Payments | None, told: Told | None) -> Seen:
        """The same from the stream that is kept: labels and accounts first, then what came before, then the events."""
        events = payments.events
        if told is not None:
            live.told(told)
        live.meet(events.account or {})
        if history is not None:
            live.take(*history)
        known = _known(live.stream, events)
        rows = self.fitted.rows(live.take(*payments))
        return Seen(events, rows, known)

    def _judged(self, seen: Seen, row: int, decisions: tuple[Action, ...]) -> Judged:
        event, logit = seen.events, float(self.fitted.logits(seen.rows[row : row + 1])[0])
        interval = self.fitted.calibration.interval(logit)
        return Judged(
            id=str(event.id[row]),
            time=moment(event.time[row]),
            card=str(event.card[row]),
            terminal=str(event.terminal[row]),
            amount=float(event.amount[row]),
            score=interval.value,
            interval=interval,
            decision=decisions[row],
            reasons=self.fitted.reasons(seen.rows[row]),
            expected_loss=interval.value * float(event.amount[row]),
        )

    def _decisions(self, events: CardEvents, scores: Array) -> tuple[Action, ...]:
        alerts = self.settings.alerts
        if alerts is None:
            costs = self.settings.costs
            return tuple(map(costs.decide, scores.tolist(), events.amount.tolist()))
        if self.live is not None:
            return self.live.decide(events, scores, alerts)
        days = max((events.time[-1] - events.time[0]) / DAY, 1.0)
        budget = Budget.of(alerts, scores, days)
        return tuple(budget.decide(scores, events.time // DAY))

    def _policy(self) -> str:
        if self.settings.alerts is not None:
            return f"at most {self.settings.alerts} reviews a day, the likeliest fraud first"
        costs = self.settings.costs
        return (
            f"least expected cost: {costs.loss:.0%} of a fraud is lost, a review costs {costs.review:g} and finds"
            f" {costs.found:.0%}, stopping a good customer costs {costs.friction:g} or {costs.refusal:g}"
        )

    def _warnings(self, seen: Seen, stopped: int) -> list[str]:
        said = []
        if seen.known < COLD:
            card = seen.events.card[-1]
            said.append(f"{seen.known} earlier payments of card {card} are known: give more with history")
        for column in ("text", "device", "account"):
            read = any(name.startswith(f"{column}_") for name in self.fitted.names)
            if getattr(seen.events, column) is not None and not read:
                said.append(f"{column} was given and not used: this model was fitted to payments without")
        if stopped > ALERTS:
            said.append(f"{stopped} payments are not approved; reasons are given for the {ALERTS} likeliest frauds")
        return said


def _known(stream: Stream, events: CardEvents) -> int:
    """How many payments of the newest one's card are known before it."""
    known = stream.cards[card].payments if (card := str(events.card[-1])) in stream.cards else 0
    return known + int((events.card[:-1] == card).sum())


def _with_told(payments: Payments, told: Told | None) -> Labels | None:
    """The labels of payments, with those that came after them by id; where not said otherwise known after a week."""
    events, labels = payments
    if told is None:
        return labels
    fraud = np.zeros(len(events), bool) if labels is None else labels.fraud.copy()
    known_at = np.full(len(events), np.inf) if labels is None else labels.known_at.copy()
    place = {id: row for row, id in enumerate(events.id.tolist())}
    for id, found, when in zip(told.id.tolist(), told.fraud.tolist(), told.known_at.tolist(), strict=True):
        if (row := place.get(id)) is not None:
            fraud[row], known_at[row] = found, when if np.isfinite(when) else events.time[row] + DELAY * DAY
    return Labels(fraud=fraud, known_at=known_at)


def _with_last(column: Array | None, count: int, value: str) -> Array:
    """The column with its last cell replaced."""
    cells = [""] * count if column is None else column.tolist()
    return np.array([*cells[:-1], value])


def _logit(probability: Array) -> Array:
    inside = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside / (1 - inside)))
