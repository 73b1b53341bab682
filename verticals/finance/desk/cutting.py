"""Payments of two files put one after the other and cut anew, so that a stream warms up on the first part.

It scores nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ....core.errors import InputError
from ..fraud.records import COLUMNS, Labels
from ..fraud.sources import Payments

MOST = 0.95  # of the payments that may be only warmed up on


def parted(history: Payments | None, payments: Payments, share: float) -> tuple[Payments | None, Payments]:
    """History and payments together, cut anew: the first `share` of all is history.

    Raises:
        InputError: a share outside 0 to `MOST`.
    """
    if not 0 <= share <= MOST:
        raise InputError(f"the share to warm up on lies from 0 to {MOST}, got {share:g}")
    whole = payments if history is None else joined(history, payments)
    cut = int(share * len(whole.events))
    if cut == 0:
        return None, whole
    return _rows(whole, slice(0, cut)), _rows(whole, slice(cut, len(whole.events)))


def joined(first: Payments, second: Payments) -> Payments:
    """Two files, one after the other; a column that only one has is empty in the other."""
    one, two = first.events, second.events
    columns: dict[str, Any] = {}
    for column in COLUMNS:
        values = [getattr(each, column) for each in (one, two)]
        if all(each is None for each in values):
            columns[column] = None
            continue
        filled = [
            np.full(len(each), "") if value is None else value for each, value in zip((one, two), values, strict=True)
        ]
        columns[column] = np.concatenate(filled)
    events = replace(two, **columns)
    if first.labels is None and second.labels is None:
        return Payments(events, None)
    labels = [_labels_or_none(first), _labels_or_none(second)]
    return Payments(events, Labels(
        fraud=np.concatenate([each.fraud for each in labels]),
        known_at=np.concatenate([each.known_at for each in labels]),
    ))  # fmt: skip


def _labels_or_none(payments: Payments) -> Labels:
    if payments.labels is not None:
        return payments.labels
    count = len(payments.events)
    return Labels(fraud=np.zeros(count, bool), known_at=np.full(count, np.inf))


def _rows(payments: Payments, rows: slice) -> Payments:
    return Payments(payments.events[rows], None if payments.labels is None else payments.labels[rows])
