"""Pictures of a machine: health over its cycles, remaining life as a fan, envelope spectrum with the physical orders.

Draws, decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ....core.types import Array
from ....knowledge.figures import COLOURS, canvas, picture
from ....knowledge.reports import Figure
from .envelope import BANDS, HARMONICS, Lines
from .life import Course
from .records import CAP

SOFT = "#dfe4ea"


def health_over_cycles(course: Course) -> Figure:
    """The health index after every cycle."""
    with canvas(3.6, 2.5) as (sheet, axis):
        axis.fill_between(course.cycles, 0, course.health, color=COLOURS[2], alpha=0.15, linewidth=0)
        axis.plot(course.cycles, course.health, color=COLOURS[2])
        axis.set(xlabel="cycle", ylabel="health index", ylim=(0, 1.05))
        return picture(sheet, "Health: 1 as the fleet's machines start, 0 as they fail.", wide=False, vector=True)


def life_fan(course: Course, lead: float) -> Figure:
    """Remaining life after every cycle with its 90 % interval, and the lead time."""
    with canvas(3.6, 2.5) as (sheet, axis):
        axis.fill_between(course.cycles, course.low, course.high, color=COLOURS[0], alpha=0.2, linewidth=0)
        axis.plot(course.cycles, course.life, color=COLOURS[0])
        axis.axhline(lead, color=COLOURS[1], linewidth=1, linestyle="--")
        axis.set(xlabel="cycle", ylabel="remaining life, cycles", ylim=(0, CAP * 1.05))
        caption = f"Remaining life (at most {CAP:g}) with its 90 % interval; dashed: the lead time."
        return picture(sheet, caption, wide=False, vector=True)


def fleet_errors(errors: Array, life: float) -> Figure:
    """What was said of machines left out beside what came, and where this machine stands."""
    with canvas(3.6, 2.5) as (sheet, axis):
        axis.plot(errors[::7, 1], errors[::7, 2], ".", color=COLOURS[5], markersize=1.5, alpha=0.5)
        axis.plot([0, CAP], [0, CAP], color=COLOURS[0], linewidth=1)
        axis.axvline(life, color=COLOURS[1], linewidth=1)
        axis.set(xlabel="said, cycles", ylabel="came, cycles", xlim=(0, CAP), ylim=(0, CAP))
        return picture(sheet, "Machines left out of the fitting; the line is this machine.", wide=False, dpi=130)


def envelope_spectrum(lines: Lines, orders: Mapping[str, float], *, band: int) -> Figure:
    """The envelope's spectrum in orders of the shaft in one band, with the bearing's orders marked."""
    place = lines.rates / lines.shaft
    shown = place <= 18
    with canvas(7.4, 2.9) as (sheet, axis):
        axis.plot(place[shown], lines.height[band][shown], color=COLOURS[5], linewidth=0.7)
        top = float(max(lines.height[band][shown][3:].max(), 3.0))
        for (name, order), colour in zip(orders.items(), COLOURS, strict=False):
            for harmonic in range(1, HARMONICS + 1):
                if order * harmonic <= 18:
                    axis.axvline(
                        order * harmonic, color=colour, linewidth=1, alpha=0.75, label=name if harmonic == 1 else None
                    )
        axis.set(
            xlabel="orders of the shaft", ylabel="above its surroundings (log)", xlim=(0, 18), ylim=(-2, top * 1.08)
        )
        axis.legend(frameon=False, ncols=len(orders), loc="upper right", fontsize=8)
        low, high = BANDS[band]
        caption = (
            f"Envelope spectrum of {low:g} to {high:g} Hz after cepstral whitening; lines: {HARMONICS} harmonics each."
        )
        return picture(sheet, caption, vector=True)


def sensor_moves(names: Sequence[str], moves: Array) -> Figure:
    """How each sensor moved the wear line since the machine's start, in cycles of life."""
    order = np.argsort(moves)
    with canvas(3.6, 2.5) as (sheet, axis):
        axis.barh([names[index] for index in order], moves[order], color=COLOURS[3])
        axis.axvline(0, color=SOFT, linewidth=1)
        axis.set(xlabel="move of the wear line, cycles of life")
        axis.tick_params(axis="y", labelsize=6)
        return picture(sheet, "Last twenty cycles less the first twenty.", wide=False, vector=True)
