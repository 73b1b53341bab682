"""The answer of `finance/fraud`: each payment's score, decision and reasons; of a file, the newest stands on top.

It knows nothing of how a score is made.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....core.result import Interval, plain
from ....core.types import Array
from .reasons import Reason
from .records import CardEvents
from .scoring import Action

SHOWN = 1000  # payments in the JSON answer; scores.csv has all


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """One payment. `score` is the calibrated probability of fraud, with bounds."""

    id: str
    time: str
    card: str
    terminal: str
    amount: float
    score: float
    interval: Interval
    decision: Action
    reasons: tuple[Reason, ...]
    expected_loss: float  # score times amount


@dataclass(frozen=True, kw_only=True, eq=False)
class FraudAnswer:
    """The newest payment's score, decision and reasons, and every payment of the file.

    `alerts` are payments that are not approved, the likeliest first (no more than have been given reasons).
    """

    newest: Judged
    events: CardEvents
    scores: Array
    decisions: tuple[Action, ...]
    alerts: tuple[Judged, ...]
    policy: str

    @property
    def stopped(self) -> int:
        """How many payments are not approved."""
        return sum(decision != "approve" for decision in self.decisions)

    @property
    def score(self) -> float:
        return self.newest.score

    @property
    def interval(self) -> Interval:
        return self.newest.interval

    @property
    def decision(self) -> Action:
        return self.newest.decision

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.newest.reasons

    def to_dict(self) -> dict[str, Any]:
        """Top level: the newest payment; then alerts with reasons, then score and decision of the latest payments."""
        first = max(0, len(self.events) - SHOWN)
        events = [
            {"id": str(self.events.id[row]), "score": float(self.scores[row]), "decision": self.decisions[row]}
            for row in range(first, len(self.events))
        ]
        return {
            "score": self.score, "interval": plain(self.interval), "decision": self.decision,
            "reasons": plain(self.reasons), "id": self.newest.id, "policy": self.policy, "judged": len(self.events),
            "alerts": plain(self.alerts), "events": events,
        }  # fmt: skip

    def save_files(self, folder: Path) -> None:
        """`scores.csv`: every payment with its score and decision."""
        with (folder / "scores.csv").open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            rows = csv.writer(file)
            rows.writerow(("id", "time", "card", "terminal", "amount", "score", "decision"))
            for row in range(len(self.events)):
                event = self.events
                rows.writerow((
                    event.id[row], moment(event.time[row]), event.card[row], event.terminal[row],
                    f"{event.amount[row]:.2f}", f"{self.scores[row]:.6f}", self.decisions[row],
                ))  # fmt: skip


def moment(seconds: float) -> str:
    """A time as it is read: 2018-07-01 13:05:09, in UTC."""
    return str(np.datetime64(int(seconds), "s")).replace("T", " ")
