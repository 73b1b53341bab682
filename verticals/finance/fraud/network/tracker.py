"""What the network is told of each payment, from payments before it: one code path for training and for serving.

Amount against the card's own level, how new and how shared its device is, and echoes: the decayed sums of what words
said at the same terminal and of the same card. It knows nothing of labels and of networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log, log1p
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .....core.layers.hashing import bucket_of
from .....core.types import Array
from ..records import DAY, CardEvents
from .evidence import Evidence

EVENT = ("log_amount", "log_to_usual", "first_here", "log_terminal_cards")
DEVICE = ("new_to_card", "log_other_cards", "never_seen", "log_days_since", "log_devices", "new_lately")
WORDS = ("said", "terminal_said", "terminal_weight", "card_said", "card_high")
CODES = 2**31  # of a terminal, before the encoder's own hashing
FORGET = {"terminal": 20 * DAY, "card": 8 * DAY}  # seconds after which an echo is down to a third
KEPT = 8  # devices and terminals that a card is remembered by


class Seen(NamedTuple):
    """The numbers of one payment, by modality; `code` is its terminal's."""

    event: tuple[float, ...]
    device: tuple[float, ...]
    words: tuple[float, ...]
    code: int


class Echo:
    """A decayed sum of what was said, and of how often anything was."""

    __slots__ = ("at", "said", "weight")

    def __init__(self) -> None:
        self.at = self.said = self.weight = 0.0

    def read(self, now: float, scale: float) -> tuple[float, float]:
        kept = exp(-(now - self.at) / scale) if self.weight else 0.0
        return self.said * kept, self.weight * kept

    def add(self, now: float, scale: float, said: float) -> None:
        kept = exp(-(now - self.at) / scale) if self.weight else 0.0
        self.said, self.weight, self.at = self.said * kept + said, self.weight * kept + 1.0, now


class Holder:
    """One card."""

    __slots__ = ("devices", "echo", "high", "level", "new", "payments", "terminals")

    def __init__(self) -> None:
        self.payments, self.level = 0, 0.0
        self.devices: dict[str, float] = {}
        self.terminals: dict[str, float] = {}
        self.echo, self.high, self.new = Echo(), Echo(), Echo()


class Tracker:
    """The state of every card, terminal and device. `see` reads and then remembers."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.cards: dict[str, Holder] = {}
        self.terminals: dict[str, Echo] = {}
        self.visitors: dict[str, int] = {}
        self.users: dict[str, int] = {}

    def see(self, now: float, card: str, terminal: str, amount: float, text: str = "", device: str = "") -> Seen:
        """The numbers of a payment from those before it; from now on it is part of the past."""
        holder = self.cards.setdefault(card, Holder())
        logged = log(max(amount, 0.01))
        usual = holder.level if holder.payments else logged
        first = terminal not in holder.terminals
        event = (logged, logged - usual, float(first), log1p(self.visitors.get(terminal, 0)))
        told = self._device(holder, now, device) if device else (0.0,) * len(DEVICE)
        said = self._words(holder, now, terminal, text) if text else (0.0,) * len(WORDS)
        weight = max(1 / (holder.payments + 1), 0.05)
        holder.level += weight * (min(max(logged - usual, -2.0), 2.0) if holder.payments else logged)
        holder.payments += 1
        self.visitors[terminal] = self.visitors.get(terminal, 0) + first
        _remember(holder.terminals, terminal, now)
        return Seen(event, told, said, bucket_of(terminal, CODES))

    def _device(self, holder: Holder, now: float, device: str) -> tuple[float, ...]:
        last = holder.devices.get(device)
        users, new = self.users.get(device, 0), last is None
        lately, _ = holder.new.read(now, FORGET["card"])
        since = 5.0 if last is None else log1p((now - last) / DAY)
        known = len(holder.devices)
        self.users[device] = users + new
        _remember(holder.devices, device, now)
        holder.new.add(now, FORGET["card"], float(new and known > 0))
        others = log1p(users - (not new))
        return float(new), others, float(users == 0), since, log1p(known), lately

    def _words(self, holder: Holder, now: float, terminal: str, text: str) -> tuple[float, ...]:
        said, place = self.evidence.score(text), self.terminals.setdefault(terminal, Echo())
        here, weight = place.read(now, FORGET["terminal"])
        own, _ = holder.echo.read(now, FORGET["card"])
        high, _ = holder.high.read(now, FORGET["card"])
        place.add(now, FORGET["terminal"], said)
        holder.echo.add(now, FORGET["card"], said)
        holder.high.add(now, FORGET["card"], max(said - 1.0, 0.0))
        return said, here, log1p(weight), own, high


class Read(NamedTuple):
    """Of many payments: the numbers by modality `[event, number]`, and the terminal's code."""

    event: Float[Array, "event number"]
    device: Float[Array, "event number"]
    words: Float[Array, "event number"]
    code: Array


def track(events: CardEvents, evidence: Evidence) -> Read:
    """Every payment as the network reads it, by running a tracker."""
    tracker = Tracker(evidence)
    seen = [tracker.see(*payment) for payment in payments_of(events)]
    return Read(
        event=np.array([each.event for each in seen], np.float32),
        device=np.array([each.device for each in seen], np.float32),
        words=np.array([each.words for each in seen], np.float32),
        code=np.array([each.code for each in seen], np.int64),
    )


def payments_of(events: CardEvents) -> Iterator[tuple[float, str, str, float, str, str]]:
    """Each payment as `Tracker.see` takes it."""
    count = len(events)
    text = [""] * count if events.text is None else events.text.tolist()
    device = [""] * count if events.device is None else events.device.tolist()
    columns = (events.time, events.card, events.terminal, events.amount)
    yield from zip(*(column.tolist() for column in columns), text, device, strict=True)


def _remember(known: dict[str, float], name: str, now: float) -> None:
    """Keep the latest few."""
    known.pop(name, None)
    known[name] = now
    if len(known) > KEPT:
        del known[next(iter(known))]
