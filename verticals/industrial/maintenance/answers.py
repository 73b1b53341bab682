"""What maintenance answers: remaining life with its interval, health, fault, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ....core.result import Interval
from .life import Course

Action = Literal["run", "plan", "act"]
OWN = ("course",)  # kept for files and pictures, not for JSON


@dataclass(frozen=True, kw_only=True, eq=False)
class Fault:
    """The likeliest state of the bearing, all probabilities, and the comb heights they come from."""

    label: str
    probability: float
    probabilities: Mapping[str, float]
    evidence: Mapping[str, float]
    orders: Mapping[str, float]
    rpm: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Maintained:
    """`remaining_life` in cycles: at its cap it means the cap or more (`at_least`). None: no sensors were given.

    `health_index` is 1 for new and 0 for failed: the lower of the sensors' index and of how likely the bearing is
    sound.
    """

    action: Action
    remaining_life: Interval | None
    at_least: bool
    health_index: float
    health: Mapping[str, float]
    fault: Fault | None
    cycle: float | None
    reasons: tuple[str, ...]
    lead: float
    course: Course | None = None

    def to_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in OWN}

    def save_files(self, folder: Path) -> None:
        """`course.csv`: life, its bounds and health after every cycle."""
        if self.course is None:
            return
        columns = np.column_stack([np.asarray(getattr(self.course, name)) for name in COLUMNS])
        lines = [",".join(COLUMNS)] + [",".join(f"{value:.4f}" for value in row) for row in columns]
        (folder / "course.csv").write_text("\n".join(lines) + "\n", encoding="ascii")


COLUMNS = ("cycles", "life", "low", "high", "health")
