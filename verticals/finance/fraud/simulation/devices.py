"""The device behind each online payment: the owner's, a fresh one, a household member's, or one of a shared pool.

Owners change phones now and then, households share tablets, and the pool is used by travellers in hotels as well as by
thieves, card after card. Which device of the pool it is, is drawn alike for all: only that it is shared says anything,
so what devices can tell is known exactly. Knows nothing of words or labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .....core.random import numpy_generator
from .....core.types import Array
from .payments import TAKEN, Payments
from .world import World, WorldConfig

OWN, FRESH, HOUSEHOLD, POOL, NONE = range(5)
HONEST = np.array([0.972, 0.008, 0.012, 0.008])
TRAVELLING = np.array([0.85, 0.02, 0.01, 0.12])
THIEF = np.array([0.0, 0.45, 0.005, 0.545])  # apart from those who spoof the owner's
POOLED, SERVES = 14, 40  # devices in the pool at any time, and days until one is replaced
CHANGED = 0.02 / 30  # phones a card and day
TABLETS = 0.3  # of households of several share one device


@dataclass(frozen=True, kw_only=True, eq=False)
class Devices:
    """`[payment]`: the fingerprint ("" at a door) and where it came from, which only the oracle may read."""

    name: Array
    source: Array


def device_chances(config: WorldConfig, payments: Payments) -> Array:
    """Of each source `[payment, reason, source]` for honest payments (0) and for each kind of taking over (1...)."""
    thief = np.append(THIEF * (1 - config.spoofed), 0.0)
    thief[OWN] = config.spoofed
    far = np.asarray(payments.far, float)[:, None]
    honest = far * np.append(TRAVELLING, 0.0) + (1 - far) * np.append(HONEST, 0.0)
    kinds = [honest if kind.own_device else np.broadcast_to(thief, honest.shape) for kind in config.kinds]
    return np.stack([honest, *kinds], axis=1)


def devices_of(world: World, payments: Payments, seed: int) -> Devices:
    """Draw them."""
    generator, count = numpy_generator(seed, "devices"), len(payments.day)
    chances = device_chances(world.config, payments)
    chances = chances[np.arange(count), np.maximum(payments.reason - TAKEN + 1, 0)]
    source = (generator.random(count)[:, None] > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
    source = np.where(payments.online, source, NONE)
    phones = _phones(world, generator)
    number = phones[payments.card, payments.day]
    number = np.where(source == FRESH, 10**8 + np.arange(count), number)
    number = np.where(source == HOUSEHOLD, phones[_member(world, generator, payments.card), payments.day], number)
    pooled = generator.integers(POOLED, size=count)
    number = np.where(source == POOL, 10**7 + 1000 * pooled + (payments.day + 3 * pooled) // SERVES, number)
    salt = np.uint64(generator.integers(2**63))
    name = np.char.add("d", (_mixed(number.astype(np.uint64) + salt) % np.uint64(16**10)).astype(str))
    return Devices(name=np.where(payments.online, name, ""), source=source)


def _phones(world: World, generator: np.random.Generator) -> Array:
    """The number of each card's own device `[card, day]`; a household may share one until phones are bought."""
    shape = world.travels.shape
    changes = np.cumsum(generator.random(shape) < CHANGED, axis=1)
    tablet = generator.random(world.household.max() + 1)[world.household] < TABLETS
    owner = np.where(tablet, world.household + len(world.household), np.arange(len(world.household)))
    return np.where(changes > 0, 10**6 + 100 * np.arange(shape[0])[:, None] + changes, owner[:, None])


def _member(world: World, generator: np.random.Generator, card: Array) -> Array:
    """Someone of the household of each card, the next one in turn; a card that lives alone is its own household."""
    size = np.bincount(world.household)[world.household]
    first = np.searchsorted(world.household, world.household)
    place = np.arange(len(size)) - first
    step = generator.integers(1, 4, size=len(card))
    return first[card] + (place[card] + 1 + step % np.maximum(size[card] - 1, 1)) % size[card]


def _mixed(number: Array) -> Array:
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))
