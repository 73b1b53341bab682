"""The door for a pipeline: fit, score many or one by one, and the tensors and settings of a checkpoint.

    residual = Residual.fit(events, rows, fraud, logits)        # logits [row, 4]: out of fold, one for each of SHARED
    residual.logits(events, rows, logits[:, 0])                 # many payments, batched by card
    live = residual.live(events.account); live.score_residual(time, card, terminal, amount, text, device, logit=-4.2)
    Residual.of(residual.settings(), residual.tensors())        # what a checkpoint holds

It knows nothing of files or of boosting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Bool, Float

from .....core.config import from_plain, to_plain
from .....core.guard import Chosen
from .....core.types import Array
from ..records import Account, CardEvents
from .batches import answers, prepared
from .evidence import Evidence
from .live import Live
from .model import Network, NetworkConfig
from .training import Examples, Schedule, thinned, train

LATER = 0.2  # of the payments, the last ones: they stop the training and guard it


@dataclass(frozen=True, kw_only=True, eq=False)
class Residual:
    """A trained network with what its tracker needs; `chosen` says what the guard kept for each set of modalities."""

    network: Network
    evidence: Evidence
    chosen: Sequence[Chosen] = ()

    @classmethod
    def fit(
        cls,
        events: CardEvents,
        rows: Array,
        fraud: Bool[Array, " row"],
        logits: Float[Array, "row shared"],
        *,
        kept: float = 0.0,
        config: NetworkConfig | None = None,
        schedule: Schedule | None = None,
    ) -> Self:
        """Learn from the payments in `rows` (ascending, their labels known); payments after the last are not read.

        `logits` are the boosting's out of fold: with words and device, without device, without words, without both.
        `kept` is the logarithm of the share of honest payments that `rows` are left with, where they were thinned.

        Raises:
            FormatError: no fraud among the rows, or nothing else.
        """
        schedule = schedule or Schedule()
        config = _with_columns(config or NetworkConfig(), events)
        events = events[: int(rows[-1]) + 1]
        turn = int((1 - LATER) * len(rows))
        known = thinned(rows[:turn], fraud[:turn], logits[:turn], schedule, kept=kept)
        later = thinned(rows[turn:], fraud[turn:], logits[turn:], schedule, kept=kept)
        evidence = _evidence(events, known)
        network = Network(config, seed=schedule.seed)
        chosen = train(network, prepared(events, evidence), known, later, schedule)
        return cls(network=network, evidence=evidence, chosen=chosen)

    def logits(
        self, events: CardEvents, rows: Array, logits: Float[Array, " row"], *, without: Sequence[str] = ()
    ) -> Float[Array, " row"]:
        """The logits of some payments, moved from the boosting's for the same modalities."""
        return answers(self.network, prepared(events, self.evidence), rows, logits, without=without)["fused"]

    def live(self, accounts: Mapping[str, Account] | None = None) -> Live:
        """A scorer of payments as they come."""
        return Live(self.network, self.evidence, accounts=accounts)

    def settings(self) -> dict[str, Any]:
        """The configuration, as JSON takes it."""
        plain: dict[str, Any] = to_plain(self.network.config)
        return plain

    def tensors(self) -> dict[str, Array]:
        """Everything learnt, by name."""
        state = {f"network.{name}": value.detach().numpy() for name, value in self.network.state_dict().items()}
        return {**state, "evidence.weights": self.evidence.weights}

    @classmethod
    def of(cls, settings: Mapping[str, Any], tensors: Mapping[str, Array]) -> Self:
        """What `settings` and `tensors` gave."""
        network = Network(from_plain(NetworkConfig, dict(settings)))
        state = {
            name.removeprefix("network."): torch.from_numpy(np.array(value))
            for name, value in tensors.items()
            if name.startswith("network.")
        }
        network.load_state_dict(state)
        return cls(network=network, evidence=Evidence(weights=tensors["evidence.weights"]))


def _with_columns(config: NetworkConfig, events: CardEvents) -> NetworkConfig:
    """The configuration with the columns of the accounts: numbers and words."""
    if not events.account or config.numbers or config.categories:
        return config
    columns: dict[str, float | str] = {}
    for account in events.account.values():
        columns.update(account)
    numbers = tuple(name for name, value in columns.items() if not isinstance(value, str))
    return replace(config, numbers=numbers, categories=tuple(name for name in columns if name not in numbers))


def _evidence(events: CardEvents, known: Examples) -> Evidence:
    """Words over what the boosting says without them."""
    if events.text is None:
        return Evidence.of([], np.zeros(0, bool), np.zeros(0))
    return Evidence.of(events.text[known.rows].tolist(), known.fraud, known.logits[:, 2] - known.kept)
