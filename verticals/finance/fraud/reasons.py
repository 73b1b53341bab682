"""Reason codes: which groups of features raise a score, by neutralising each group and scoring again.

A code is given only where putting the group back to what is usual for legitimate payments lowers the score, so each is
faithful by construction. It knows nothing of which model scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.types import Array

MOST = 4  # codes
LEAST = 0.15  # of the logit: what a group must raise it by
SHARE = 0.1  # of the largest group's rise

GROUPS = {
    "amount": "the amount is out of line with this card's own history",
    "velocity": "the pace of payments is unusual for this card",
    "card": "fraud was found on this card before",
    "terminal": "fraud was found at this terminal lately",
    "device": "the device is new to this card or has been used for fraud",
    "text": "the merchant's text looks like that of earlier frauds",
    "account": "accounts like this one have been defrauded more often",
    "sequence": "the card's latest payments together look like those before frauds",
    "network": "the cards that meet at this terminal or device are unusual",
    "time": "the hour or day is unusual",
}
PREFIXES = {
    "amount": ("amount", "fraud_by_", "spell_of_", "everyone_high", "since_high", "high_", "card_mean", "card_sum",
               "terminal_mean", "terminal_amount"),
    "velocity": ("card_count", "card_log_gap", "card_gap", "card_pace", "card_age"),
    "card": ("card_known", "card_since", "card_cleans", "card_spell"),
    "network": ("visits", "remote", "new_places", "terminal_count", "terminal_new", "terminal_log_gap", "terminal_age",
                "device_cards", "device_count", "device_new"),
    "terminal": ("terminal_",),
    "device": ("device_", "card_devices"),
    "text": ("text_",),
    "account": ("account_",),
    "sequence": ("sequence",),
    "time": ("hour", "weekday"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """A group that raises the score: by how much the logit falls without it."""

    code: str
    text: str
    weight: float


def group_of(name: str) -> str:
    """The group of a feature: the longest prefix decides."""
    fitting = [(len(each), group) for group, prefixes in PREFIXES.items() for each in prefixes if name.startswith(each)]
    return max(fitting)[1]


def members(names: Sequence[str]) -> dict[str, Array]:
    """The columns of each group."""
    groups = np.array([group_of(name) for name in names])
    return {group: np.flatnonzero(groups == group) for group in GROUPS}


def rises(
    row: Float[Array, " feature"],
    usual: Float[Array, " feature"],
    groups: Mapping[str, Array],
    logits: Callable[[Float[Array, "row feature"]], Float[Array, " row"]],
) -> dict[str, float]:
    """By how much each group raises the logit over what it would be if the group were as usual."""
    batch = np.repeat(np.asarray(row, np.float64)[None], len(groups) + 1, axis=0)
    for number, columns in enumerate(groups.values(), start=1):
        batch[number, columns] = usual[columns]
    found = logits(batch)
    return {group: float(found[0] - each) for group, each in zip(groups, found[1:], strict=True)}


def reasons_of(weights: Mapping[str, float]) -> tuple[Reason, ...]:
    """At most four codes, the weightiest first; groups that hardly matter beside it are left out."""
    ordered = sorted(weights.items(), key=lambda item: -item[1])
    floor = max(LEAST, SHARE * ordered[0][1])
    return tuple(
        Reason(code=group, text=GROUPS[group], weight=weight) for group, weight in ordered[:MOST] if weight > floor
    )
