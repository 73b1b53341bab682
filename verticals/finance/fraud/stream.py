"""The stream: payments and labels in the order of time, to the features of each payment. Training and serving run it.

A payment at time t reads what was known strictly before t: payments earlier than t (not those of the same instant) and
labels known before t. It knows nothing of models and of files.
"""

from __future__ import annotations

import heapq
from array import array
from collections import deque
from collections.abc import Iterator
from math import nan
from typing import NamedTuple

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array
from .card import FEATURES as CARD_FEATURES
from .card import Card
from .descriptor import Words
from .party import RISKS, TRAFFIC, Party
from .records import DAY, HOUR, CardEvents, Labels

NAMES = (
    "amount", "hour", "weekday",
    *CARD_FEATURES,
    *(f"terminal_{name}" for name in (*TRAFFIC, *RISKS)),
    "device_since", "device_cards", "device_count_1d", "device_count_30d", "device_new_cards_7d", "device_age",
    "device_risk_7d", "device_risk_30d", "device_frauds_7d", "device_spell", "card_devices",
    "text_count_30d", "text_amount_to_mean", "text_new_share", "text_age", "text_risk_7d", "text_risk_30d",
    "text_spell", "text_words",
)  # fmt: skip
NO_DEVICE, NO_TEXT = [nan] * 11, [nan] * 8
MEMORY = 120 * DAY  # a label of an older payment comes too late to be placed
PRIOR = (10.0, 0.005)  # payments, and the share of fraud among them, that stand in before labels come


class Event(NamedTuple):
    """One payment, as it arrives."""

    id: str
    time: float
    card: str
    terminal: str
    amount: float
    text: str = ""
    device: str = ""


class Stream:
    """The state of every card, terminal, device and text, and the payments that still wait for their label."""

    def __init__(self) -> None:
        self.now = -np.inf
        self.cards: dict[str, Card] = {}
        self.terminals: dict[str, tuple[int, Party]] = {}
        self.devices: dict[str, tuple[int, Party]] = {}
        self.texts: dict[str, Party] = {}
        self.words = Words()
        self.known = self.frauds = 0
        self.open: dict[str, Event | None] = {}  # None once the label has been taken in
        self.order: deque[tuple[float, str]] = deque()  # of the open ones, to forget them by
        self.waiting: list[Event] = []  # payments of the present instant: nobody has seen them yet
        self.coming: list[tuple[float, int, str, bool]] = []
        self.labels = 0

    @property
    def rate(self) -> float:
        """The share of fraud among all labels, shrunk."""
        weight, share = PRIOR
        return (self.frauds + weight * share) / (self.known + weight)

    def update(self, event: Event) -> list[float]:
        """The features of a payment; from now on it is part of what later ones read.

        Raises:
            FormatError: it is earlier than the one before, or its id is known.
        """
        self.check(event)
        self.advance(event.time)
        values = self.features(event)
        self.waiting.append(event)
        self.open[event.id] = event
        self.order.append((event.time, event.id))
        return values

    def check(self, event: Event) -> None:
        """Refuse a payment that `update` would refuse."""
        if event.time < self.now:
            raise FormatError(
                f"event {event.id} is {self.now - event.time:g} s before the one that came last: a stream takes"
                " events in the order of time"
            )
        if event.id in self.open:
            raise FormatError(f"the id {event.id} stands twice: every event needs its own")

    def label(self, id: str, fraud: bool, known_at: float) -> None:
        """What was found about a payment, and when: read by payments after `known_at` only.

        A second label of a payment, and one of a payment more than 120 days old, is passed over.

        Raises:
            FormatError: it is known before its payment.
        """
        self.check_label(id, known_at)
        heapq.heappush(self.coming, (known_at, self.labels, id, fraud))
        self.labels += 1

    def check_label(self, id: str, known_at: float) -> None:
        """Refuse a label that `label` would refuse."""
        event = self.open.get(id)
        if event is not None and known_at < event.time:
            raise FormatError(f"the label of event {id} is known {event.time - known_at:g} s before its payment")

    def advance(self, now: float) -> None:
        """Take in what happened before `now`."""
        if now > self.now and self.waiting:
            for event in self.waiting:
                self._absorb(event)
            self.waiting.clear()
        self.now = max(self.now, now)
        coming = self.coming
        while coming and coming[0][0] < now:
            _, _, id, fraud = heapq.heappop(coming)
            self._told(id, fraud)
        order, edge = self.order, now - MEMORY
        while order and order[0][0] < edge:
            self.open.pop(order.popleft()[1], None)

    def features(self, event: Event) -> list[float]:
        """The features of a payment as of its time, in the order of `NAMES`; nothing is remembered of it."""
        _, now, card, terminal, amount, text, device = event
        rate = self.rate
        number, place = self.terminals.get(terminal) or (0, NOBODY)
        state = self.cards.get(card) or UNKNOWN
        values = [amount, now % DAY / HOUR, (now // DAY + 3) % 7]
        values += state.read(now, amount, number)
        values += place.traffic(now, amount)
        values += place.risks(now, rate)
        values += self._device(state, device, now, amount, rate) if device else NO_DEVICE
        values += self._text(text, now, amount, rate) if text else NO_TEXT
        return values

    def _device(self, card: Card, device: str, now: float, amount: float, rate: float) -> list[float]:
        number, party = self.devices.get(device) or (0, NOBODY)
        count = party.traffic(now, amount)
        risk = party.risks(now, rate)
        return [
            card.since_device(number, now), party.cards, count[1], count[3], count[7], count[10],
            risk[1], risk[2], risk[6], risk[7], len(card.devices),
        ]  # fmt: skip

    def _text(self, text: str, now: float, amount: float, rate: float) -> list[float]:
        key, words = self.words.read(text)
        party = self.texts.get(key) or NOBODY
        count, risk = party.traffic(now, amount), party.risks(now, rate)
        return [count[3], count[5], count[8], count[10], risk[1], risk[2], risk[7], self.words.score(words, rate)]

    def _absorb(self, event: Event) -> None:
        _, now, card, terminal, amount, text, device = event
        state = self.cards.get(card)
        if state is None:
            state = self.cards[card] = Card()
        found = self.terminals.get(terminal)
        if found is None:
            found = self.terminals[terminal] = (len(self.terminals) + 1, Party())
        number, place = found
        new = state.add(now, amount, number)
        place.add(now, amount, new)
        place.cards += new
        if device:
            found = self.devices.get(device)
            if found is None:
                found = self.devices[device] = (len(self.devices) + 1, Party())
            number, used = found
            new = number not in state.devices
            used.add(now, amount, new)
            used.cards += new
            state.meet(number, now)
        if text:
            key, _ = self.words.read(text)
            party = self.texts.get(key)
            if party is None:
                party = self.texts[key] = Party()
            party.add(now, amount, new)

    def _told(self, id: str, fraud: bool) -> None:
        event = self.open.get(id)
        if event is None:
            return
        self.open[id] = None
        _, when, card, terminal, _, text, device = event
        rate = self.rate
        self.cards[card].told(fraud, when, rate)
        self.terminals[terminal][1].told(fraud, when, rate)
        if device:
            self.devices[device][1].told(fraud, when, rate)
        if text:
            key, words = self.words.read(text)
            party = self.texts.get(key)
            if party is not None:
                party.told(fraud, when, rate)
            self.words.told(words, fraud)
        self.known += 1
        self.frauds += fraud


NOBODY, UNKNOWN = Party(), Card()  # read only


def events_of(events: CardEvents) -> Iterator[Event]:
    """The payments one by one."""
    count = len(events)
    text = [""] * count if events.text is None else events.text.tolist()
    device = [""] * count if events.device is None else events.device.tolist()
    columns = (events.id, events.time, events.card, events.terminal, events.amount)
    return map(Event, *(column.tolist() for column in columns), text, device)


def features_of(events: CardEvents, labels: Labels | None = None, *, stream: Stream | None = None) -> Array:
    """The features `[event, name]` (single precision) of every payment, by running the stream."""
    stream = Stream() if stream is None else stream
    if labels is not None:
        for id, fraud, known_at in zip(
            events.id.tolist(), labels.fraud.tolist(), labels.known_at.tolist(), strict=True
        ):
            if known_at < np.inf:
                stream.label(id, fraud, known_at)
    values = array("f")
    for event in events_of(events):
        values.extend(stream.update(event))
    return np.frombuffer(values, np.float32).reshape(len(events), len(NAMES))
