"""The stream: payments and labels in the order of time, to the features of each payment. Training and serving run it.

A payment at time t reads what was known strictly before t: payments earlier than t (not those of the same instant) and
labels known before t. It knows nothing of models and of files.
"""

from __future__ import annotations

import heapq
from array import array
from collections import deque
from collections.abc import Iterator
from math import exp, nan
from typing import NamedTuple

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array
from .card import FEATURES as CARD_FEATURES
from .card import Card
from .descriptor import Usual, Words
from .holder import Holder
from .lifts import CHANNEL, REMOTE, Lifts, amount_sign, device_sign
from .party import RISKS, TRAFFIC, Party
from .records import DAY, HOUR, Account, CardEvents, Labels
from .sequence import Residual, Track, token_of
from .spells import TERMINAL
from .suspicion import Suspicion
from .watch import Delays, Watch

NAMES = (
    "amount", "hour", "weekday",
    *CARD_FEATURES,
    *(f"terminal_{name}" for name in (*TRAFFIC, *RISKS)),
    "device_since", "device_cards", "device_count_1d", "device_count_30d", "device_new_cards_7d", "device_age",
    "device_risk_7d", "device_risk_30d", "device_frauds_7d", "device_spell", "card_devices",
    "text_count_30d", "text_amount_to_mean", "text_new_share", "text_age", "text_risk_7d", "text_risk_30d",
    "text_spell", "text_words",
    "remote", "terminal_struck", "amount_level", "everyone_high", "amount_lift", "spell_of_signs", "fraud_by_signs",
    "device_lift", "device_signs_spell", "device_signs",
    "text_signs_spell", "text_signs", "text_struck", "text_lift",
    "text_device_signs_spell", "text_device_signs",
    "account_age", "account_amount_to_limit", "account_lift", "account_most",
    "sequence",
)  # fmt: skip
NO_DEVICE, NO_TEXT = [nan] * 11, [nan] * 8
WIDE, FEWEST = 0.03, 30  # a place is remote where so large a share of all cards, and so many, have paid
HIGH = 1.65  # times the card's usual
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


class Sight(NamedTuple):
    """What is seen of a payment at once: its signs, and the logarithm of how much likelier each makes fraud."""

    remote: bool
    level: float
    ratio: float
    amount: int  # its sign
    device: int  # its sign, -1 without a device
    lifts: tuple[float, float, float]  # of amount, words, device
    token: tuple[float, ...] | None  # for the network over a card's payments, where there is one


class Stream:
    """The state of every card, terminal, device and text, and the payments that still wait for their label.

    `sequence` is a network over a card's latest payments; without one its feature is missing.
    """

    def __init__(self, sequence: Residual | None = None) -> None:
        self.sequence, self.now = sequence, -np.inf
        self.tracks: dict[str, Track] = {}
        self.cards: dict[str, Card] = {}
        self.terminals: dict[str, tuple[int, Party]] = {}
        self.devices: dict[str, tuple[int, Party]] = {}
        self.texts: dict[str, Party] = {}
        self.words, self.usual = Words(), Usual()
        self.signs, self.delays = Lifts(), Delays()
        self.holder = Holder()
        self.watches: dict[str, Watch] = {}
        self.suspicions: dict[str, Suspicion] = {}
        self.high = [0.0, 0.0, 0.0]  # payments far above the usual lately, all payments, and up to when
        self.known = self.frauds = 0
        self.marks: dict[str, tuple[int, int]] = {}  # the signs of payments that wait for their label
        self.open: dict[str, Event | None] = {}  # None once the label has been taken in
        self.order: deque[tuple[float, str]] = deque()  # of the open ones, to forget them by
        self.waiting: list[tuple[Event, Sight]] = []  # payments of the present instant: nobody has seen them yet
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
        sight = self._sight(event)
        values = self._values(event, sight)
        self.waiting.append((event, sight))
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
            for event, sight in self.waiting:
                self._absorb(event, sight)
            self.waiting.clear()
        self.now = max(self.now, now)
        coming = self.coming
        while coming and coming[0][0] < now:
            known_at, _, id, fraud = heapq.heappop(coming)
            self._told(id, fraud, known_at)
        order, edge = self.order, now - MEMORY
        while order and order[0][0] < edge:
            id = order.popleft()[1]
            self.open.pop(id, None)
            self.marks.pop(id, None)

    def wait(self, event: Event) -> None:
        """A payment of the present instant, as a snapshot brings it back."""
        self.waiting.append((event, self._sight(event)))

    def meet(self, card: str, account: Account) -> None:
        """The row of the table of accounts of a card, read by its payments from now on."""
        self.holder.meet(card, account)

    def features(self, event: Event) -> list[float]:
        """The features of a payment as of its time, in the order of `NAMES`; nothing is remembered of it."""
        return self._values(event, self._sight(event))

    def _values(self, event: Event, sight: Sight) -> list[float]:
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
        values += self._signs(event, sight, rate)
        values += self.holder.read(card, now, amount)
        moved = nan
        if self.sequence is not None and sight.token is not None:
            moved = self.sequence.residual(now, sight.token, self.tracks.get(card) or UNTRACKED)
        values.append(moved)
        return values

    def _sight(self, event: Event) -> Sight:
        _, _, card, terminal, amount, text, device = event
        _, place = self.terminals.get(terminal) or (0, NOBODY)
        state = self.cards.get(card) or UNKNOWN
        remote = place.cards > max(FEWEST, WIDE * len(self.cards))
        rate = self.signs.share(CHANNEL[remote], self.rate)
        level = state.level() if state.payments else 0.0
        ratio = amount / level if level > 0 else nan
        by_amount = amount_sign(remote, ratio) if level > 0 else -1
        by_device = -1
        if device:
            number, used = self.devices.get(device) or (0, NOBODY)
            known = number in state.devices
            by_device = device_sign(known, not used.payments, used.cards - known)
        said = 0.0
        if text:
            said = self.words.score(self.usual.unusual(terminal, self.words.read(text)[1]), self.rate)
        lifts = (
            self.signs.of(by_amount, rate) if by_amount >= 0 else 0.0, said,
            self.signs.of(by_device, rate) if by_device >= 0 else 0.0,
        )  # fmt: skip
        token = None
        if self.sequence is not None:
            number, _ = self.terminals.get(terminal) or (0, NOBODY)
            token = token_of(amount, ratio, remote, not state.ring.visits(number), lifts, (text != "", device != ""))
        return Sight(remote, level, ratio, by_amount, by_device, lifts, token)

    def _signs(self, event: Event, sight: Sight, rate: float) -> list[float]:
        """What the signs of a payment, of the card's others and of the place's others say together."""
        now, (by_amount, said, by_device) = event.time, sight.lifts
        watch, struck, told = self.watches.get(event.terminal), nan, nan
        if not sight.remote:
            struck, told = watch.struck(now, rate, self.delays) if watch else (TERMINAL.share, TERMINAL.share)
        spells = [nan] * 8
        if sight.remote:
            spells = (self.suspicions.get(event.card) or UNSUSPECTED).read(now, sight.lifts)
        high, count, at = self.high
        kept = exp((at - now) / DAY)
        values = [
            float(sight.remote), struck, sight.level or nan, (high * kept + 0.3) / (count * kept + 10.0), by_amount,
            *spells[:2],
        ]  # fmt: skip
        values += [by_device, *spells[2:4]] if event.device else [nan] * 3
        values += [*spells[4:6], told, said] if event.text else [nan] * 4
        values += spells[6:] if event.text and event.device else [nan] * 2
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

    def _absorb(self, event: Event, sight: Sight) -> None:
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
            key, words = self.words.read(text)
            party = self.texts.get(key)
            if party is None:
                party = self.texts[key] = Party()
            party.add(now, amount, new)
            self.usual.add(terminal, words)
        self._suspect(event, sight)

    def _suspect(self, event: Event, sight: Sight) -> None:
        """Let the signs of a payment count for later ones."""
        now = event.time
        if sight.remote:
            suspicion = self.suspicions.get(event.card)
            if suspicion is None:
                suspicion = self.suspicions[event.card] = Suspicion()
            suspicion.add(now, sight.lifts)
        else:
            watch = self.watches.get(event.terminal)
            if watch is None:
                watch = self.watches[event.terminal] = Watch()
            watch.add(now, sight.lifts[1])
        if sight.token is not None:
            self.tracks.setdefault(event.card, Track()).add(now, sight.token)
        self.marks[event.id] = (sight.amount, sight.device)
        high, count, at = self.high
        kept = exp((at - now) / DAY)
        self.high = [high * kept + (sight.ratio > HIGH), count * kept + 1, now]

    def _told(self, id: str, fraud: bool, known_at: float) -> None:
        event = self.open.get(id)
        if event is None:
            return
        self.open[id] = None
        _, when, card, terminal, _, text, device = event
        rate = self.rate
        self.holder.told(card, fraud, not self.cards[card].frauds)
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
        by_amount, by_device = self.marks.pop(id)
        self.signs.told(CHANNEL[by_amount >= REMOTE], fraud)
        for sign in (by_amount, by_device):
            if sign >= 0:
                self.signs.told(sign, fraud)
        if terminal in self.watches:
            self.watches[terminal].told(when, fraud)
        if fraud:
            self.delays.told(known_at - when)
        self.known += 1
        self.frauds += fraud


NOBODY, UNKNOWN, UNSUSPECTED, UNTRACKED = Party(), Card(), Suspicion(), Track()  # read only


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
    for card, account in (events.account or {}).items():
        stream.meet(card, account)
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
