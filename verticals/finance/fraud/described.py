"""Payments as plain numbers, for the look at data before training. It knows nothing of models."""

from __future__ import annotations

import numpy as np

from ....core import digest
from ....core.data.quality import Rows
from ....core.random import numpy_generator
from ....core.types import Array
from .records import DAY, HOUR
from .sources import Payments

MOST = 20_000  # payments, of whole cards
NAMES = ("log_amount", "hour", "weekday", "log_gap", "card_payments", "terminal_payments", "text_letters", "has_device")


def rows_of(payments: Payments, *, seed: int = 0) -> Rows:
    """Each payment of some cards (of all, where they have fewer than twenty thousand), by time."""
    events, labels = payments
    cards, card = np.unique(events.card, return_inverse=True)
    counts = np.bincount(card)
    order = numpy_generator(seed, "described cards").permutation(len(cards))
    kept = np.zeros(len(cards), bool)
    kept[order[: int(np.searchsorted(np.cumsum(counts[order]), MOST)) + 1]] = True
    rows = np.flatnonzero(kept[card])
    _, terminal = np.unique(events.terminal, return_inverse=True)
    text = np.char.str_len(events.text[rows]) if events.text is not None else np.full(len(rows), np.nan)
    device = (events.device[rows] != "").astype(float) if events.device is not None else np.full(len(rows), np.nan)
    values = np.column_stack([
        np.log1p(events.amount[rows]), events.time[rows] % DAY / HOUR, events.time[rows] // DAY % 7,
        np.log1p(_gaps(events.time, card))[rows], counts[card[rows]], np.bincount(terminal)[terminal[rows]],
        text, device,
    ])  # fmt: skip
    content = [
        digest.of_value(f"{events.card[row]}|{events.terminal[row]}|{events.time[row]}|{events.amount[row]}")
        for row in rows
    ]
    said = () if labels is None else tuple("fraud" if each else "honest" for each in labels.fraud[rows])
    return Rows(
        names=NAMES, values=values, ids=tuple(events.id[rows].tolist()), digests=tuple(content), labels=said,
        groups=tuple(events.card[rows].tolist()),
    )  # fmt: skip


def _gaps(time: Array, card: Array) -> Array:
    """Seconds since the card's payment before, NaN at its first."""
    order = np.lexsort((time, card))
    gaps = np.full(len(time), np.nan)
    same = card[order][1:] == card[order][:-1]
    gaps[order[1:]] = np.where(same, np.diff(time[order]), np.nan)
    return gaps
