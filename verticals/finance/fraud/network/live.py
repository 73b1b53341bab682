"""Scoring as payments come: each costs one step of its card's history, and gets the logit that a batch would give.

Hot cards keep keys, values and decaying states; the one not seen for longest is let go beyond `capacity`, and a card
that comes back is read again from its stored payments. It knows nothing of where the boosting's logit comes from.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import torch

from .....core.encoders.stream import Stream
from .....core.types import Array, Events
from ..records import Account
from .batches import assembled
from .evidence import Evidence
from .model import HEAD, Network, odds, starts
from .tracker import Tracker

CAPACITY = 50_000  # hot cards
STORED = 512  # payments of a card that can be read again


class Live:
    """`accounts` are by card. Payments of a card must come in the order of time."""

    def __init__(
        self,
        network: Network,
        evidence: Evidence,
        *,
        accounts: Mapping[str, Account] | None = None,
        capacity: int = CAPACITY,
    ) -> None:
        self.network, self.tracker, self.capacity = network, Tracker(evidence), capacity
        self.accounts = accounts or {}
        self.hot: OrderedDict[str, Stream] = OrderedDict()
        self.stored: dict[str, list[tuple[float, tuple[float, ...], int]]] = {}

    @torch.no_grad()
    def score_residual(
        self, now: float, card: str, terminal: str, amount: float, text: str = "", device: str = "", *, logit: float
    ) -> float:
        """The logit of a payment, moved from the boosting's; the payment is part of the past from now on."""
        seen = self.tracker.see(now, card, terminal, amount, text, device)
        token = self._stream(card).update(_event(now, seen.event, seen.code))
        kept = self.stored.setdefault(card, [])
        kept.append((now, seen.event, seen.code))
        del kept[:-STORED]
        batch = assembled(
            self.network,
            token,
            texts=[text],
            words=torch.tensor([seen.words]),
            devices=torch.tensor([seen.device]),
            has_device=torch.tensor([device != ""]),
            accounts=[self.accounts.get(card)],
        )
        answers = self.network.model(batch, {HEAD: starts(torch.tensor([logit], dtype=torch.float32))}).answers[HEAD]
        return float(odds(answers)[0])

    def _stream(self, card: str) -> Stream:
        stream = self.hot.pop(card, None)
        if stream is None:
            stream = Stream(self.network.history)
            for now, numbers, code in self.stored.get(card, ()):
                stream.update(_event(now, numbers, code))
        self.hot[card] = stream
        if len(self.hot) > self.capacity:
            self.hot.popitem(last=False)
        return stream


def _event(now: float, numbers: tuple[float, ...], code: int) -> Events:
    codes: Array = np.array([[code]])
    return Events(times=np.array([now]), numbers=np.array([numbers], np.float32), codes=codes)
