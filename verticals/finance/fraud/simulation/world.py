"""The made-up world: its numbers, its cards with their accounts, its terminals, and the calendars of harmless oddities.

Amounts, terminals and times follow the rules of the Fraud Detection Handbook (Le Borgne et al. 2022, chapter 3, written
anew from its prose); channels, accounts, devices, words, travel, outages and drift are additions of this house. It
knows nothing of fraud beyond the rates at which it strikes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .....core.errors import ConfigError
from .....core.random import numpy_generator
from .....core.types import Array

START = 1_767_225_600.0  # 2026-01-01, seconds since 1970 UTC
SIDE, RADIUS = 100.0, 5.0  # of the square that everyone lives in, and how far a card goes shopping
ACQUIRERS = 12
BANDS = ("low", "middle", "high")


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """Reports come `median` days after a fraud (lognormal with `spread`, between `least` and `most`), or never.

    `fixed` replaces that delay by one number of days. `friendly` is the chance that a holder disputes an honest
    payment. Each day the `alerts` payments of the highest amount over their card's usual are looked into, and the
    truth about them is known 1 to 3 days later. Silence for `settled` days counts as honest.
    """

    reported: float = 0.93
    friendly: float = 1e-4
    median: float = 18.0
    spread: float = 0.6
    least: float = 7.0
    most: float = 60.0
    fixed: float | None = None
    alerts: int = 6
    settled: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A way to abuse a card online: for `days` each online payment is taken over with chance `share`.

    Its amount is the owner's times `factor`. `rates` are strikes a card and day before and after the drift, and in
    the last part of the world.
    """

    name: str
    days: int
    share: float
    factor: float
    rates: tuple[float, float, float]
    own_device: bool = False


KINDS = (
    Kind(name="stolen card", days=14, share=1 / 3, factor=5.0, rates=(0.0018, 0.0010, 0.0010)),
    Kind(name="scam", days=8, share=0.5, factor=2.0, rates=(0.0010, 0.0018, 0.0018), own_device=True),
    Kind(name="card testing", days=10, share=0.5, factor=0.12, rates=(0.0, 0.0, 0.0012)),
)


@dataclass(frozen=True, kw_only=True)
class WorldConfig:
    """Sizes and rates. `drift` is the share of days after which the mix changes, `unseen` after which a kind is new."""

    cards: int = 1200
    terminals: int = 1800
    shops: int = 60  # online
    days: int = 120
    online: float = 0.35
    big: float = 220.0  # every payment whose amount, before any splurge, is above is fraud
    struck: float = 2e-4  # terminals a day
    struck_days: int = 28
    drift: float = 0.6
    unseen: float = 0.85
    kinds: tuple[Kind, ...] = KINDS
    spoofed: float = 0.2  # of thieves who show the owner's own device
    labels: LabelConfig = field(default_factory=LabelConfig)
    kind: Literal["world"] = "world"

    def __post_init__(self) -> None:
        if min(self.cards, self.terminals, self.shops) < 1 or self.days < 2:
            raise ConfigError("a world needs cards, terminals, online shops and at least two days")

    def rates(self, kind: Kind) -> Array:
        """Strikes a card and day, for each day."""
        days = np.arange(self.days)
        early, late, last = kind.rates
        return np.where(days < self.drift * self.days, early, np.where(days < self.unseen * self.days, late, last))


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """What stays as it is: `[card]`, `[terminal]` (shops with a door first, then online ones) and calendars by day."""

    config: WorldConfig
    mean: Array
    rate: Array
    household: Array
    account_days: Array
    band: Array
    near: tuple[Array, ...]
    acquirer: Array
    popularity: Array
    travels: Array  # [card, day]
    outage: Array  # [acquirer, day]
    splurge: Array  # [day]: the chance that an amount is multiplied

    @property
    def risk(self) -> Array:
        """How much likelier than usual each card is struck: its account's say."""
        return RISKS[self.group]

    @property
    def group(self) -> Array:
        return (self.account_days < YOUNG) * len(BANDS) + self.band


YOUNG = 365  # days: an account below is struck more often
SHARES = np.outer([0.7, 0.3], [0.35, 0.4, 0.25]).ravel()  # of accounts, by group
RISKS = np.outer([0.35, 2.5], [1.8, 0.75, 0.3]).ravel()
FACTORS = np.array([1.0, 1.5, 2.0, 3.0, 4.0])  # of a splurge; the first is none
ABROAD = 1.5  # times the usual amount


def world_of(config: WorldConfig, seed: int) -> World:
    """Everything that does not change, drawn from the seed."""
    generator = numpy_generator(seed, "world")
    cards = config.cards
    places = generator.uniform(0, SIDE, (config.terminals, 2))
    homes = generator.uniform(0, SIDE, (cards, 2))
    distance = np.linalg.norm(homes[:, None] - places, axis=2)
    near = tuple(found if len(found := np.flatnonzero(row < RADIUS)) else np.array([row.argmin()]) for row in distance)
    sizes = generator.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.15, 0.15], size=cards)
    popularity = 1 / np.arange(1, config.shops + 1) ** 0.7
    group = generator.choice(len(SHARES), p=SHARES, size=cards)
    young = group >= len(BANDS)
    days = np.where(young, generator.uniform(20, YOUNG, cards), YOUNG * (1 + generator.exponential(4, cards)))
    return World(
        config=config,
        mean=generator.uniform(5, 100, cards),
        rate=generator.uniform(0, 4, cards),
        household=np.repeat(np.arange(cards), sizes)[:cards],
        account_days=days.round(),
        band=group % len(BANDS),
        near=near,
        acquirer=generator.integers(ACQUIRERS, size=config.terminals + config.shops),
        popularity=popularity / popularity.sum(),
        travels=_spans(generator, (cards, config.days), rate=1 / 90, length=5),
        outage=generator.random((ACQUIRERS, config.days)) < 1 / 90,
        splurge=_splurges(config.days),
    )


def _spans(generator: np.random.Generator, shape: tuple[int, int], *, rate: float, length: int) -> Array:
    """True for `length` days from each start on."""
    starts = generator.random(shape) < rate
    found = starts.copy()
    for days in range(1, length):
        found[:, days:] |= starts[:, :-days]
    return found


def _splurges(days: int) -> Array:
    """Payday (three days of thirty) and a holiday week each ninety days."""
    day = np.arange(days)
    return np.where(day % 30 < 3, 0.10, np.where(day % 90 >= 83, 0.12, 0.01))
