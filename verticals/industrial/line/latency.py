"""How long each stage takes, over the latest units: wait, queue, read, judge, write, and from first file to verdict."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import final

import numpy as np

STAGES = ("wait", "queue", "read", "judge", "write", "total")
KEPT = 1_000


@final
class Latency:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self.by_stage: dict[str, deque[float]] = {stage: deque(maxlen=KEPT) for stage in STAGES}

    def add(self, milliseconds: Mapping[str, float]) -> None:
        for stage, value in milliseconds.items():
            self.by_stage[stage].append(value)

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Median, 99th percentile and most, ms."""
        return {
            stage: {
                "p50": round(float(np.percentile(values, 50)), 1),
                "p99": round(float(np.percentile(values, 99)), 1),
                "max": round(max(values), 1),
            }
            for stage, each in self.by_stage.items()
            if (values := list(each))
        }
