"""The sound expert: what good recordings sound like, how far a recording lies from them, and which line says so.

Three views, each with the backend that suits it: the lines at the machine's physical orders (the largest), the mel
spectrum's levels and a robust spectrum of broad bands (Mahalanobis). Each is brought to spreads of good recordings that
it was not fitted to, and the largest decides: no defect and no label is used. It knows nothing of verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ....core.errors import InputError
from ....core.types import Array
from ..records import Sound
from .backends import Backend, fit_backend, held_out
from .lines import Line, Machine, lines, shaft_rate
from .sounds import trouble
from .spectrum import BAND_EDGES, bands, log_mel

VIEWS: Mapping[str, str] = {"lines": "largest", "level": "mahalanobis", "bands": "mahalanobis"}
COLUMNS = (*VIEWS, "loudness")
LOST = 6.0  # natural logarithms of power (26 decibels) under good recordings: the band was not recorded
STANDS_OUT = 3.0  # spreads from which a line is named


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """Numbers by COLUMNS, the score in spreads of good recordings, and the lines that stand out, strongest first.

    `refused` is the sentence that says why the recording cannot be judged; the numbers are empty then.
    """

    numbers: Mapping[str, float]
    score: float
    lines: tuple[Line, ...] = ()
    refused: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class SoundExpert:
    """A backend and its (centre, spread) for each view, what good bands and loudness are, and the machine."""

    backends: Mapping[str, Backend]
    scale: Mapping[str, tuple[float, float]]
    level: float
    quiet: Array  # [band] the lowest that good recordings were
    names: tuple[str, ...]
    machine: Machine
    shaft: float

    def look(self, sound: Sound) -> Heard:
        """How strange a recording is."""
        reason = trouble(sound) or self._deaf(sound)
        if reason:
            return Heard(numbers={}, score=float("nan"), refused=reason)
        shaft = shaft_rate(sound, self.machine, self.shaft)
        rows = views_of(sound, self.machine, shaft)
        numbers = {view: self._spreads(view, rows[view]) for view in VIEWS}
        numbers["loudness"] = abs(loudness(sound) - self.level)
        return Heard(
            numbers=numbers, score=max(numbers[view] for view in VIEWS), lines=self._named(rows["lines"], shaft)
        )

    def _spreads(self, view: str, row: Array) -> float:
        centre, spread = self.scale[view]
        return (float(self.backends[view].distance(row[None])[0]) - centre) / spread

    def _named(self, row: Array, shaft: float) -> tuple[Line, ...]:
        arrays = self.backends["lines"].arrays
        away = (row - arrays["mean"]) / arrays["spread"]
        orders = {**self.machine.tones(), **self.machine.orders()}
        found = [
            Line(name=name, order=round(orders[name], 3), hertz=orders[name] * shaft, spreads=float(height))
            for name, height in zip(self.names, away, strict=True)
            if height > STANDS_OUT
        ]
        return tuple(sorted(found, key=lambda line: -line.spreads))

    def _deaf(self, sound: Sound) -> str:
        """A recording that lacks its upper bands was made at a lower rate or through a filter."""
        lost = bands(sound) < self.quiet - LOST
        if not lost[-2:].all():
            return ""
        first = len(lost) - int(np.argmin(lost[::-1])) if not lost.all() else 0
        return (
            f"nothing is heard above {BAND_EDGES[first]:.0f} Hz, where good recordings have sound: was it recorded at "
            "a lower rate, or is the microphone covered?"
        )

    def config(self) -> dict[str, Any]:
        """What `of` needs beside the tensors, as plain values."""
        return {
            "scale": {view: list(each) for view, each in self.scale.items()},
            "level": self.level,
            "shaft": self.shaft,
            "machine": asdict(self.machine),
        }

    def tensors(self) -> dict[str, Array]:
        found = {f"{view}.{name}": array for view, each in self.backends.items() for name, array in each.arrays.items()}
        return {**found, "quiet": self.quiet}

    @staticmethod
    def of(config: Mapping[str, Any], tensors: Mapping[str, Array]) -> SoundExpert:
        """The expert whose `config` and `tensors` these are."""
        machine = Machine(**config["machine"])
        backends = {
            view: Backend(
                kind=kind,
                arrays={name.split(".", 1)[1]: each for name, each in tensors.items() if name.startswith(f"{view}.")},
            )
            for view, kind in VIEWS.items()
        }
        return SoundExpert(
            backends=backends,
            scale={view: (float(low), float(high)) for view, (low, high) in config["scale"].items()},
            level=float(config["level"]),
            quiet=tensors["quiet"],
            names=(*machine.tones(), *machine.orders()),
            machine=machine,
            shaft=float(config["shaft"]),
        )


def fit_sound(sounds: Sequence[Sound], *, machine: Machine | None = None) -> SoundExpert:
    """From good recordings of one machine; those that cannot be judged are left out.

    Raises:
        InputError: none of the recordings can be judged.
    """
    machine = machine or Machine()
    heard = [sound for sound in sounds if not trouble(sound)]
    if not heard:
        raise InputError(
            f"none of the {len(sounds)} recordings can be judged: give good recordings that are not silent"
        )
    shaft = float(np.median([shaft_rate(sound, machine) for sound in heard]))
    rows = [views_of(sound, machine, shaft_rate(sound, machine, shaft)) for sound in heard]
    tables = {view: np.stack([row[view] for row in rows]) for view in VIEWS}
    return SoundExpert(
        backends={view: fit_backend(kind, tables[view]) for view, kind in VIEWS.items()},
        scale={view: held_out(kind, tables[view]) for view, kind in VIEWS.items()},
        level=float(np.median([loudness(sound) for sound in heard])),
        quiet=tables["bands"].min(axis=0).astype(np.float32),
        names=(*machine.tones(), *machine.orders()),
        machine=machine,
        shaft=shaft,
    )


def views_of(sound: Sound, machine: Machine, shaft: float) -> dict[str, Array]:
    """The features of each view: `lines [line]`, `level [mel band]`, `bands [band]`, natural logarithms of power."""
    return {
        "lines": np.array(list(lines(sound, machine, shaft).values())),
        "level": log_mel(sound).mean(axis=0),
        "bands": bands(sound),
    }


def loudness(sound: Sound) -> float:
    """The natural logarithm of the root mean square."""
    return float(np.log(np.sqrt(np.mean(sound.wave.samples.astype(np.float64) ** 2)) + 1e-12))
