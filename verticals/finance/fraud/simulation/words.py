"""The descriptor of each payment: a merchant's name, cut and prefixed as acquirers do, with a phrase and a marker.

Phrases say what was bought (online), markers how the card was read (at a door). Every phrase and marker is used by the
honest too; thieves only use some of them more often. Whether a phrase survives the cutting does not depend on who
paid, so what words can tell is known exactly. Knows nothing of devices or labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .....core.random import numpy_generator
from .....core.types import Array
from .payments import SKIMMED, TAKEN, Payments
from .world import World

PHRASES = (
    "groceries", "streaming month", "rail ticket", "book order", "pharmacy", "garden tools",  # none of interest
    "gift card", "phone top up", "camera store", "luxury watch",  # easily sold on
    "invest desk", "release fee", "wallet escrow", "parcel customs", "tax helpline",  # what swindlers call it
    "free trial", "donation", "account verify",  # what stolen cards are tested with
)  # fmt: skip
HONEST = np.array(
    [0.20, 0.16, 0.12, 0.12, 0.10, 0.08, 0.03, 0.03, 0.025, 0.015, 0.015, 0.01, 0.015, 0.025, 0.01, 0.02, 0.02, 0.005]
)
STOLEN = np.array(
    [0.06, 0.03, 0.06, 0.03, 0.03, 0.03, 0.23, 0.15, 0.16, 0.12, 0.01, 0.01, 0.03, 0.01, 0.01, 0.01, 0.01, 0.01]
)
SCAM = np.array(
    [0.05, 0.02, 0.02, 0.02, 0.02, 0.02, 0.05, 0.02, 0.01, 0.02, 0.20, 0.15, 0.15, 0.10, 0.12, 0.01, 0.015, 0.005]
)
TESTING = np.array(
    [0.08, 0.20, 0.04, 0.04, 0.03, 0.02, 0.04, 0.10, 0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.17, 0.15, 0.05]
)
MARKERS = ("", "contactless", "chip", "fallback", "manual")
READ = np.array([0.50, 0.27, 0.18, 0.03, 0.02])
SKIM = np.array([0.38, 0.15, 0.15, 0.22, 0.10])
OUTAGE = np.array([0.40, 0.08, 0.10, 0.37, 0.05])  # a terminal falls back for everyone when its acquirer is down
LOST = 0.25  # phrases and markers that are cut away
PREFIXES, PREFIX_CHANCES = ("", "SQ *", "PAYPAL *", "TST* ", "SUMUP *"), (0.7, 0.09, 0.09, 0.06, 0.06)
FIRST = (
    "alba", "orion", "vera", "nova", "delta", "luna", "river", "stone", "maple",
    "cedar", "union", "royal", "prime", "metro", "grand", "harbor",
)  # fmt: skip
SECOND = (
    "market", "foods", "trading", "digital", "stores", "media", "supply", "house", "works",
    "corner", "outlet", "direct", "goods", "services",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Words:
    """`[payment]`: the descriptor, and its phrase or marker (-1 where it was cut away), as the oracle reads them."""

    text: Array
    phrase: Array
    marker: Array


def phrase_chances(payments: Payments) -> Array:
    """Of each phrase `[reason, phrase]`: honest, then each kind of taking over."""
    return np.stack([each / each.sum() for each in (HONEST, STOLEN, SCAM, TESTING)])


def marker_chances(world: World, payments: Payments) -> Array:
    """Of each marker `[payment, skimmed or not, marker]`."""
    down = np.asarray(world.outage[world.acquirer[payments.terminal], payments.day], float)[:, None]
    return np.stack([down * OUTAGE + (1 - down) * row for row in (READ, SKIM)], axis=1)


def words_of(world: World, payments: Payments, seed: int) -> Words:
    """Draw them."""
    generator, count = numpy_generator(seed, "words"), len(payments.day)
    phrase = _draw(generator, phrase_chances(payments)[np.maximum(payments.reason - TAKEN + 1, 0)])
    skimmed = (payments.reason == SKIMMED).astype(int)
    marker = _draw(generator, marker_chances(world, payments)[np.arange(count), skimmed])
    lost = generator.random(count) < LOST
    phrase = np.where(lost | ~payments.online, -1, phrase)
    marker = np.where(lost | payments.online, -1, marker)
    return Words(text=_written(world, generator, payments, phrase, marker), phrase=phrase, marker=marker)


def _written(world: World, generator: np.random.Generator, payments: Payments, phrase: Array, marker: Array) -> Array:
    """Prefix, the merchant's name with its second word cut here and there, phrase or marker, a number."""
    count, shops = len(phrase), len(world.acquirer)
    names = generator.integers([len(FIRST), len(SECOND)], size=(shops, 2))[payments.terminal]
    prefix = np.array(PREFIXES)[generator.choice(len(PREFIXES), p=PREFIX_CHANCES, size=count)]
    second = np.array(SECOND)[names[:, 1]]
    second = np.where(generator.random(count) < 0.3, second.astype("U4"), second)
    said = np.where(phrase >= 0, np.array(PHRASES)[phrase], np.array(MARKERS)[marker])
    said = np.where((phrase < 0) & (marker < 0), "", said)
    cut = (generator.random(count) < 0.2) & (phrase >= 0)
    said = np.where(cut, said.astype("U9"), said)
    number = generator.integers(100, 999, size=count).astype(str)
    parts = (np.char.add(prefix, np.array(FIRST)[names[:, 0]]), second, said, number)
    text = parts[0]
    for part in parts[1:]:
        text = np.char.add(np.char.add(text, " "), part)
    return np.char.upper(text)


def _draw(generator: np.random.Generator, chances: Array) -> Array:
    return (generator.random(len(chances))[:, None] > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
