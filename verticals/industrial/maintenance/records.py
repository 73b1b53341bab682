"""The nouns of maintenance: a machine's sensor history, a vibration recording, and what is known of the machine.

Time is counted in cycles (flights, shifts, hours: whatever the data count). Speeds are turns a minute.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....core.errors import FormatError
from ....core.types import Array, Waveform

FAULTS = ("normal", "ball", "inner race", "outer race")
FIRST = 25  # cycles before which a trend is noise: nothing is learned from them, and no machine is judged by fewer
REPLAYED = "replayed/"  # before the name of a machine of the old fleet that a fit learns from beside the new one
CAP = 125.0  # cycles: a life beyond it cannot be told from a longer one and counts as it (Heimes 2008)


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """One machine: `values [cycle, sensor]` at whole `cycles` that rise; `truth` is its remaining life at the end.

    `truth` is 0 for a machine that ran to failure, None where it is not known.
    """

    machine: str
    cycles: Array
    values: Array
    sensors: tuple[str, ...]
    truth: float | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.cycles)

    def until(self, count: int) -> History:
        """The first `count` cycles, with the remaining life moved back."""
        truth = None if self.truth is None else self.truth + float(self.cycles[-1] - self.cycles[count - 1])
        return History(
            machine=self.machine, cycles=self.cycles[:count], values=self.values[:count], sensors=self.sensors,
            truth=truth, notes=self.notes,
        )  # fmt: skip

    def remaining(self) -> Array:
        """The remaining life after each cycle.

        Raises:
            FormatError: the end is not known.
        """
        if self.truth is None:
            raise FormatError(f"machine {self.machine}: its remaining life at the end is not known")
        return np.asarray(self.truth + (self.cycles[-1] - self.cycles), np.float64)

    def columns(self, names: Sequence[str]) -> Array:
        """The values of those sensors, in that order.

        Raises:
            FormatError: the machine lacks one.
        """
        lacking = [name for name in names if name not in self.sensors]
        if lacking:
            shown = ", ".join(lacking[:6]) + (", ..." if len(lacking) > 6 else "")
            raise FormatError(
                f"machine {self.machine} lacks {len(lacking)} of the {len(names)} sensors that were learned ({shown}): "
                "give them, map their names in columns.json, or fit on this machine's fleet"
            )
        return self.values[:, [self.sensors.index(name) for name in names]]


@dataclass(frozen=True, kw_only=True)
class Bearing:
    """A rolling bearing's geometry, and how often its parts strike for each turn of the shaft (outer race at rest).

    Randall and Antoni 2011, equations 1 to 4. The default is the 6205.
    """

    balls: int = 9
    ball_mm: float = 7.94
    pitch_mm: float = 39.04
    contact_deg: float = 0.0

    def __post_init__(self) -> None:
        if self.balls < 3 or not 0 < self.ball_mm < self.pitch_mm or not 0 <= self.contact_deg < 60:
            raise FormatError(
                f"a bearing has 3 balls or more, a ball smaller than the pitch circle and a contact angle below 60 "
                f"degrees, got {self.balls} balls, {self.ball_mm:g} mm on {self.pitch_mm:g} mm, {self.contact_deg:g}°"
            )

    @property
    def orders(self) -> Mapping[str, float]:
        """Multiples of the shaft rate: both races, the ball (twice its spin: it meets two races), the cage."""
        share = self.ball_mm / self.pitch_mm * math.cos(math.radians(self.contact_deg))
        return {
            "outer race": self.balls / 2 * (1 - share),
            "inner race": self.balls / 2 * (1 + share),
            "ball": self.pitch_mm / self.ball_mm * (1 - share**2),
            "cage": (1 - share) / 2,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Vibration:
    """Acceleration at a bearing, at the rate that faults are looked for; `rpm` where the file's name says it."""

    wave: Waveform
    rpm: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What is known of the machine: bearing, speed, and how many cycles it ran before the sensors' first row."""

    bearing: Bearing = Bearing()
    rpm: float | None = None
    age: float | None = None
    known: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"rpm": self.rpm, "age": self.age, "orders": dict(self.bearing.orders)}
