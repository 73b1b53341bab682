"""The learning rate as a function of how much of the training is done (0 to 1). No state, so nothing to resume."""

from __future__ import annotations

import math


def warmup_cosine(done: float, *, warmup: float = 0.05, floor: float = 0.0) -> float:
    """A factor from 0 to 1: a straight rise over the share `warmup`, then half a cosine down to `floor`.

    Source: Loshchilov and Hutter, SGDR, 2017.
    """
    done = min(max(done, 0.0), 1.0)
    if done < warmup:
        return done / warmup
    fall = (done - warmup) / max(1 - warmup, 1e-12)
    return floor + (1 - floor) * (1 + math.cos(math.pi * fall)) / 2
