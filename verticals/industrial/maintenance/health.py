"""The health index: 1 as the fleet's machines start, 0 as they fail, never rising.

Definition: the wear line (the sensors' one direction towards the end, a ridge line fitted on the fleet), smoothed
exponentially over about ten cycles, on a scale where 1 is the fleet's median over each machine's first twenty cycles
and 0 its median over the last five before failure; held within 0 and 1, and at its lowest value so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....core.types import Array
from .features import START, Scale, smoothed
from .records import History

SHARE = 0.1  # of the newest cycle in the smoothed line
LAST = 5  # cycles before failure
SAID = (
    "1 as the fleet's machines start, 0 as they fail; smoothed over about ten cycles and never rising: it is the "
    "lowest "
    "value so far of the sensors' wear line"
)


@dataclass(frozen=True, kw_only=True)
class Health:
    """The wear line's level of the fleet's starts and ends, and the mean index over its lives."""

    new: float
    failed: float
    mean: float

    def index(self, standard: Float[Array, "cycle column"]) -> Float[Array, " cycle"]:
        """The index after each cycle of one machine."""
        line = smoothed(standard[:, -1:], SHARE)[:, 0]
        share = np.clip((line - self.failed) / (self.new - self.failed), 0, 1)
        return np.asarray(np.minimum.accumulate(share))


def fit_health(fleet: Sequence[History], scale: Scale) -> Health:
    """From machines that ran to failure."""
    lines = [smoothed(scale.standard(history)[:, -1:], SHARE)[:, 0] for history in fleet]
    new = float(np.median([line[:START].mean() for line in lines]))
    failed = float(np.median([line[-LAST:].mean() for line in lines]))
    found = Health(new=new, failed=min(failed, new - 1e-6), mean=0.5)
    mean = float(np.mean([found.index(scale.standard(history)).mean() for history in fleet]))
    return Health(new=found.new, failed=found.failed, mean=mean)
