"""Small streams of payments, made up from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from colonnade.verticals.finance.fraud.records import DAY, CardEvents, Labels

START = 1_600_000_000.0


@dataclass(frozen=True)
class Made:
    events: CardEvents
    labels: Labels


def made(seed: int, count: int, *, cards: int = 4, days: float = 20.0, devices: bool = True) -> Made:
    """Payments with ties in time, shared devices and descriptors, labels of many delays, some never known."""
    random = np.random.default_rng(seed)
    time = START + np.sort(np.round(random.random(count) * days * 50)) / 50 * DAY  # ties are common
    events = CardEvents(
        id=np.array([f"e{number}" for number in range(count)]),
        time=time,
        card=np.array([f"c{number}" for number in random.integers(cards, size=count)]),
        terminal=np.array([f"t{number}" for number in random.integers(3, size=count)]),
        amount=np.round(random.lognormal(3, 1, count), 2),
        text=random.choice(["", "SQ *CAFE ROMA 12", "CAFE ROMA 99", "GIFT CARD SHOP"], count) if devices else None,
        device=random.choice(["", "phone a", "phone b", "phone c"], count) if devices else None,
    )
    fraud = random.random(count) < 0.2
    known_at = time + random.choice([0.5, 2.0, 7.0, np.inf], count) * DAY
    return Made(events, Labels(fraud=fraud, known_at=known_at))


@pytest.fixture(scope="session")
def small() -> Made:
    return made(0, 400)
