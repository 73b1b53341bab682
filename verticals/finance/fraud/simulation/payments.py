"""Payments with their amounts, and which of them are fraud and why. Knows nothing of devices, words or labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from .....core.random import numpy_generator
from .....core.types import Array
from .strikes import Strikes
from .world import ABROAD, FACTORS, World

NOON, EVENING = 43_200.0, 20_000.0  # mean and spread of the second of the day
BIG, SKIMMED, TAKEN = 1, 2, 3  # reasons; kinds of taking over count on from TAKEN


@dataclass(frozen=True, kw_only=True, eq=False)
class Payments:
    """`[payment]`, in the order of time. `reason` is 0 for an honest one; `far`: the holder is travelling."""

    day: Array
    second: Array  # since the start of the world
    card: Array
    terminal: Array
    online: Array
    far: Array
    amount: Array
    reason: Array


def payments_of(world: World, strikes: Strikes, seed: int) -> Payments:
    """Draw them."""
    generator, config = numpy_generator(seed, "payments"), world.config
    counts = generator.poisson(world.rate[:, None], (config.cards, config.days))
    card, day = (np.repeat(each.ravel(), counts.ravel()) for each in np.indices(counts.shape))
    second = generator.normal(NOON, EVENING, len(card))
    kept = (second > 0) & (second < 86_400)
    card, day, second = card[kept], day[kept], second[kept] + 86_400.0 * day[kept]
    order = np.argsort(second, kind="stable")
    card, day, second = card[order], day[order], second[order]
    online = generator.random(len(card)) < config.online
    far = world.travels[card, day]
    terminal = _terminals(world, generator, card, online, far)
    base = generator.normal(world.mean[card], world.mean[card] / 2)
    base = np.where(base < 0, generator.uniform(0, 2 * world.mean[card]), base)
    reason = np.where(base > config.big, BIG, 0)
    tail = generator.random(len(card)) < world.splurge[day]
    factor = np.where(tail, generator.choice(FACTORS[1:], len(card)), 1.0)
    since = day - strikes.terminal[terminal * ~online]
    reason[~online & (since >= 0) & (since < config.struck_days)] = SKIMMED
    lasts = np.array([kind.days for kind in config.kinds])[strikes.kind[card]]
    share = np.array([kind.share for kind in config.kinds])[strikes.kind[card]]
    since = day - strikes.card[card]
    taken = online & (since >= 0) & (since < lasts) & (generator.random(len(card)) < share)
    factor[taken] = np.array([kind.factor for kind in config.kinds])[strikes.kind[card[taken]]]
    reason[taken] = TAKEN + strikes.kind[card[taken]]
    amount = np.maximum(np.round(base * factor * np.where(far, ABROAD, 1.0), 2), 0.01)
    return Payments(
        day=day, second=second, card=card, terminal=terminal, online=online, far=far, amount=amount, reason=reason
    )


def density(world: World, payments: Payments, factor: float) -> tuple[Array, Array]:
    """Of each amount, were the owner's multiplied by `factor`: the density, and its part where the owner's is big.

    `far` may be a probability, where it is not known who travels.
    """
    mean, far = world.mean[payments.card], np.asarray(payments.far, float)
    whole, part = np.zeros(len(mean)), np.zeros(len(mean))
    for share, scale in ((1 - far, factor), (far, factor * ABROAD)):
        base = payments.amount / scale
        bent = norm.cdf(-2) / (2 * mean) * (base < 2 * mean)
        found = share * (norm.pdf(base, mean, mean / 2) + bent) / scale
        whole, part = whole + found, part + found * (base > world.config.big)
    return whole, part


def honest_density(world: World, payments: Payments) -> tuple[Array, Array]:
    """The same for a payment that nobody took over: a splurge or none."""
    chance = world.splurge[payments.day]
    found, big = (each * (1 - chance) for each in density(world, payments, 1.0))
    for factor in FACTORS[1:]:
        more, more_big = density(world, payments, float(factor))
        found = found + chance / (len(FACTORS) - 1) * more
        big = big + chance / (len(FACTORS) - 1) * more_big
    return found, big


def _terminals(world: World, generator: np.random.Generator, card: Array, online: Array, far: Array) -> Array:
    """A shop near home, anywhere while travelling, or an online one by its popularity."""
    config = world.config
    sizes = np.array([len(each) for each in world.near])
    flat, begin = np.concatenate(world.near), np.cumsum(sizes) - sizes
    home = flat[begin[card] + (generator.random(len(card)) * sizes[card]).astype(int)]
    away = generator.integers(config.terminals, size=len(card))
    shop = config.terminals + generator.choice(config.shops, p=world.popularity, size=len(card))
    return np.where(online, shop, np.where(far, away, home))
