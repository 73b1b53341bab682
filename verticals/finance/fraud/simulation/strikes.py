"""Who is struck, when, and how: at most once a terminal and once a card, each day by its own chance.

A struck terminal cheats every card for some weeks (skimming); a struck card's online payments are taken over now and
then for some days. That either happens once only is what lets the oracle name every possible past.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .....core.random import numpy_generator
from .....core.types import Array
from .world import World

NEVER = -(10**6)  # a start so early that nothing of it is left


@dataclass(frozen=True, kw_only=True, eq=False)
class Strikes:
    """First days `[terminal]` and `[card]`, NEVER for those spared, and which kind `[card]`."""

    terminal: Array
    card: Array
    kind: Array


def strikes_of(world: World, seed: int) -> Strikes:
    """Draw them."""
    generator, config = numpy_generator(seed, "strikes"), world.config
    doors = generator.random((config.terminals, config.days)) < config.struck
    rates = np.stack([config.rates(kind) for kind in config.kinds])  # [kind, day]
    total = rates.sum(axis=0)
    cards = generator.random((config.cards, config.days)) < total * world.risk[:, None]
    start = _first(cards)
    mix = np.cumsum(rates / np.maximum(total, 1e-300), axis=0)[:, np.maximum(start, 0)]  # [kind, card]
    kind = (generator.random(config.cards) > mix).sum(axis=0)
    return Strikes(terminal=_first(doors), card=start, kind=np.minimum(kind, len(config.kinds) - 1))


def _first(hits: Array) -> Array:
    return np.where(hits.any(axis=1), hits.argmax(axis=1), NEVER)
