"""Payments as they are served: each is counted once, in a journal that survives the process, and answered again alike.

A request is refused as a whole before anything of it counts. It knows nothing of models and of HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array
from .journal import Journal
from .records import Account, CardEvents, Labels
from .scoring import Action
from .sequence import Residual
from .sources import Told
from .stream import NAMES, Event, Stream, events_of


class Live:
    """The journal of a folder. With `durable` an answer waits for the disk: a power cut loses nothing either."""

    def __init__(self, folder: str | Path, *, durable: bool = False, sequence: Residual | None = None) -> None:
        self.journal, self.durable = Journal(folder, sequence=sequence), durable

    @property
    def stream(self) -> Stream:
        return self.journal.stream

    def take(self, events: CardEvents, labels: Labels | None) -> Array:
        """The features `[event, name]` of payments; those sent again have what they had and are not counted again.

        Raises:
            FormatError: one is earlier than what came before, or was counted with other values or long ago.
        """
        recent, waiting = self.journal.recent, list(events_of(events))
        counted = [recent.again(event) for event in waiting]
        self._check(events.name, [event for event, found in zip(waiting, counted, strict=True) if found is None])
        values = np.empty((len(waiting), len(NAMES)), np.float32)
        for row, (event, found) in enumerate(zip(waiting, counted, strict=True)):
            values[row] = found.values if found is not None else self.journal.update(event)
        if labels is not None:
            for id, fraud, known_at in zip(events.id.tolist(), labels.fraud, labels.known_at, strict=True):
                if np.isfinite(known_at) and self.stream.open.get(id) is not None:
                    self.journal.label(id, bool(fraud), float(known_at))
        return values

    def told(self, told: Told) -> None:
        """Labels of payments counted before; where it is not said since when, they are known from now on."""
        now = self.stream.now if np.isfinite(self.stream.now) else 0.0
        whens = [when if np.isfinite(when) else now for when in told.known_at.tolist()]
        for id, when in zip(told.id.tolist(), whens, strict=True):
            self.stream.check_label(id, when)
        for id, fraud, when in zip(told.id.tolist(), told.fraud.tolist(), whens, strict=True):
            if self.stream.open.get(id) is not None:
                self.journal.label(id, fraud, when)

    def meet(self, accounts: Mapping[str, Account]) -> None:
        """Rows of the table of accounts; those that are known already are not written again."""
        for card, account in accounts.items():
            self.journal.meet(card, account)

    def decide(self, events: CardEvents, scores: Array, alerts: int) -> tuple[Action, ...]:
        """Reviews up to a budget a day (recent.py has the rule); what was decided once stands."""
        recent, actions = self.journal.recent, []
        for id, score in zip(events.id.tolist(), scores.tolist(), strict=True):
            if id not in recent.decided:
                self.journal.decide(id, recent.within(id, score, alerts))
            actions.append(cast(Action, recent.decided[id]))
        return tuple(actions)

    def settle(self) -> None:
        """Before an answer leaves."""
        if self.durable:
            self.journal.sync()

    def close(self) -> None:
        self.journal.close()

    def _check(self, name: str, fresh: list[Event]) -> None:
        """Refuse payments that cannot count, before any does."""
        for event in fresh:
            if event.id.startswith(f"{name}:"):
                raise FormatError(f"{name} gives its payments no id: a served stream counts each once, by its id")
            if event.id in self.stream.open:
                raise FormatError(
                    f"event {event.id} was counted already, before the latest {self.journal.recent.kept} payments:"
                    " it is not counted twice"
                )
        if fresh:
            self.stream.check(fresh[0])
