"""One call: a configuration and a seed to events, labels and truth, with all that the oracle may know beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .....core.types import Array
from ..records import Account, CardEvents, Labels
from .devices import Devices, devices_of
from .payments import Payments, payments_of
from .reports import Reports, reports_of
from .strikes import strikes_of
from .words import Words, words_of
from .world import BANDS, START, World, WorldConfig, world_of

MODALITIES = ("events", "text", "device", "account")


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulated:
    """`labels` are what a bank gets to know; `truth` is for scoring only, and is never known to anyone."""

    events: CardEvents
    labels: Labels
    truth: Labels
    world: World
    payments: Payments
    devices: Devices
    words: Words
    reports: Reports


def simulate(config: WorldConfig, *, seed: int) -> Simulated:
    """A whole world. Everything differs between seeds: cards, terminals, strikes, payments, words and reports."""
    world = world_of(config, seed)
    payments = payments_of(world, strikes_of(world, seed), seed)
    devices, words = devices_of(world, payments, seed), words_of(world, payments, seed)
    reports = reports_of(world, payments, seed)
    cards = np.char.add("c", np.arange(config.cards).astype(str))
    terminals = np.char.add("t", np.arange(len(world.acquirer)).astype(str))
    events = CardEvents(
        id=np.arange(len(payments.day)).astype(str),
        time=START + payments.second,
        card=cards[payments.card],
        terminal=terminals[payments.terminal],
        amount=payments.amount,
        text=words.text,
        device=devices.name,
        account={str(card): _account(world, row, seed) for row, card in enumerate(cards)},
        name=f"simulated, seed {seed}",
    )
    fraud = payments.reason > 0
    return Simulated(
        events=events,
        labels=Labels(fraud=reports.fraud, known_at=START + reports.known_at, scenario=payments.reason),
        truth=Labels(fraud=fraud, known_at=np.full(len(fraud), np.inf), scenario=payments.reason),
        world=world, payments=payments, devices=devices, words=words, reports=reports,
    )  # fmt: skip


def _account(world: World, card: int, seed: int) -> Account:
    """What a bank knows of a holder: two columns that say a little about risk, two that say nothing."""
    return {
        "account_days": float(world.account_days[card]),
        "income": BANDS[int(world.band[card])],
        "branch": str((card * 7919 + seed) % 12),
        "statements": float((card * 104_729 + seed) % 3),
    }


def masked(events: CardEvents, modalities: tuple[str, ...]) -> CardEvents:
    """The events with these modalities only."""
    from dataclasses import replace

    return replace(
        events,
        text=events.text if "text" in modalities else None,
        device=events.device if "device" in modalities else None,
        account=events.account if "account" in modalities else None,
    )


def rows_between(simulated: Simulated, first: float, last: float) -> Array:
    """Payments from day `first` up to day `last`."""
    return np.flatnonzero((simulated.payments.day >= first) & (simulated.payments.day < last))
