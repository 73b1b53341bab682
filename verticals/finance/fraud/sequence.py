"""A small network over the latest payments of a card, which moves the boosting's logit; NumPy, one payment at a time.

Attention of a payment to the card's last 32 with a learned bias on the logarithm of the gap, beside sums that decay
with time (ALiBi, Press et al. 2022, on gaps; Hawkes-like decay). A track of the numbers of those payments is all its
state, and keys and values are made from it anew: that costs less than to keep them. It knows nothing of labels, and
nothing of how it was trained.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import log, log1p
from typing import Protocol, Self

import numpy as np
from jaxtyping import Float

from ....core.types import Array
from .records import DAY, HOUR

TOKEN = (
    "log_amount", "log_ratio", "remote", "new_place", "amount_lift", "text_lift", "device_lift", "has_text",
    "has_device",
)  # fmt: skip
HELD = 32  # payments
SCALES = (DAY, 7 * DAY)  # of the decaying sums
WIDEST = 5.0  # of a standardised number


def token_of(
    amount: float, ratio: float, remote: bool, new: bool, lifts: tuple[float, float, float], there: tuple[bool, bool]
) -> tuple[float, ...]:
    """The numbers of one payment; `lifts` of amount, words and device, `there`: words, device."""
    return (
        log1p(amount), log(ratio) if ratio > 0 else 0.0, float(remote), float(new), *lifts, float(there[0]),
        float(there[1]),
    )  # fmt: skip


class Track:
    """Times and numbers of the latest payments of a card, oldest first."""

    __slots__ = ("numbers", "times")

    def __init__(self) -> None:
        self.times, self.numbers = array("d"), array("f")

    def add(self, now: float, token: tuple[float, ...]) -> None:
        if len(self.times) >= HELD:
            del self.times[0], self.numbers[: len(TOKEN)]
        self.times.append(now)
        self.numbers.extend(token)

    def arrays(self) -> tuple[Float[Array, " payment"], Float[Array, "payment number"]]:
        numbers = np.frombuffer(self.numbers, np.float32) if len(self.numbers) else np.zeros(0, np.float32)
        times = np.frombuffer(self.times) if len(self.times) else np.zeros(0)
        return times, numbers.reshape(-1, len(TOKEN))


class Residual(Protocol):
    """What a stream asks for each payment."""

    def residual(self, now: float, token: tuple[float, ...], track: Track) -> float: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Sequence:
    """What was learnt: standardisation, projections by head, slopes of the bias, two layers of the answer."""

    mean: Float[Array, " number"]
    scale: Float[Array, " number"]
    query: Float[Array, "number head_width"]
    key: Float[Array, "number head_width"]
    value: Float[Array, "number head_width"]
    decayed: Float[Array, "number width"]
    slope: Float[Array, " head"]
    hidden: Float[Array, "joined hidden"]
    offset: Float[Array, " hidden"]
    answer: Float[Array, " hidden"]

    def residual(self, now: float, token: tuple[float, ...], track: Track) -> float:
        """What a payment's logit is moved by."""
        times, numbers = track.arrays()
        own = np.clip((np.array(token) - self.mean) / self.scale, -WIDEST, WIDEST)
        heads, count = len(self.slope), len(times)
        wide = self.query.shape[1] // heads
        if count:
            x = np.clip((numbers - self.mean) / self.scale, -WIDEST, WIDEST)
            age = now - times
            query = (own @ self.query).reshape(heads, wide)
            keys, values = ((x @ each).reshape(count, heads, wide) for each in (self.key, self.value))
            scores = np.einsum("hw,phw->hp", query, keys) / wide**0.5 - self.slope[:, None] * np.log1p(age / HOUR)
            top = np.maximum(scores.max(axis=1, keepdims=True), 0.0)  # beside them a place that says nothing, at 0
            weights = np.exp(scores - top)
            weights /= weights.sum(axis=1, keepdims=True) + np.exp(-top)
            seen = np.einsum("hp,phw->hw", weights, values).ravel()
            sums = np.concatenate([np.exp(-age / scale) @ (x @ self.decayed) for scale in SCALES])
        else:
            seen, sums = np.zeros(self.value.shape[1]), np.zeros(len(SCALES) * self.decayed.shape[1])
        joined = np.concatenate([own, seen, sums])
        return float(np.maximum(joined @ self.hidden + self.offset, 0.0) @ self.answer)

    def tensors(self) -> dict[str, Array]:
        return {field.name: np.asarray(getattr(self, field.name), np.float32) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> Self:
        """What `tensors` gave."""
        return cls(**{field.name: np.asarray(tensors[field.name], np.float64) for field in fields(cls)})
