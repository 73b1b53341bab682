"""The remaining life after every cycle of a machine: boosting on causal features, moved by the residual network.

Also the interval around it and the health index. It knows nothing of files or of fitting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ....core.trees import Trees
from ....core.types import Array
from .bounds import Bounds
from .features import WINDOW, Scale, channels_of, rows_of
from .health import Health
from .network import Network
from .records import CAP, FIRST, History


class Course(NamedTuple):
    """After each of some cycles of one machine: life with its bounds (cycles, capped), what boosting said, health."""

    cycles: Float[Array, " cycle"]
    life: Float[Array, " cycle"]
    low: Float[Array, " cycle"]
    high: Float[Array, " cycle"]
    boosted: Float[Array, " cycle"]
    health: Float[Array, " cycle"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LifeModel:
    """Everything learned from a fleet. `share` is how much of the network's change is kept (0: it did not help).

    `errors` are left-out lives `[row, (machine number, predicted, true)]`, kept for the report; `mean_life` is the
    fleet's mean remaining life, capped.
    """

    scale: Scale
    trees: Trees
    network: Network
    share: float
    bounds: Bounds
    health: Health
    mean_life: float
    machines: int
    errors: Array = field(default_factory=lambda: np.zeros((0, 3)))

    def course(self, history: History, rows: Sequence[int] | None = None) -> Course:
        """After each cycle from the 25th on, or after those of `rows` (features are made of all cycles either way).

        Earlier ones lie before anything was learned; a history that is shorter is judged at its last cycle.
        """
        standard = self.scale.standard(history)
        features = rows_of(standard)
        chosen = np.arange(min(FIRST, len(history)) - 1, len(history)) if rows is None else np.asarray(rows)
        boosted = np.zeros(len(history))
        needed = slice(
            max(0, int(chosen.min()) - WINDOW + 1), int(chosen.max()) + 1
        )  # the network's windows read no more
        boosted[needed] = self.trees.raw(features[needed])
        life = boosted[chosen]
        if self.share > 0:
            life = life + self.share * self.network.changes(channels_of(standard, boosted), list(chosen))
        life = np.clip(life, 0, CAP)
        low, high = self.bounds(life)
        return Course(
            cycles=np.asarray(history.cycles, float)[chosen],
            life=life,
            low=low,
            high=high,
            boosted=np.clip(boosted[chosen], 0, CAP),
            health=self.health.index(standard)[chosen],
        )
