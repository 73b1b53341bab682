"""What a chart and a call do to a finished forecast, and how that is said: read, kept as far as it proved itself, or
read and left aside with the reason. It knows nothing of files or of training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from ....core.types import Array
from .calls import Call
from .charts import Chart
from .companion import Companion
from .inputs import Inputs
from .news import EVIDENCE, FEWEST
from .records import HORIZONS, Beside

PLURAL = {"chart": "charts", "call": "calls"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """What was seen of one day: how far the logarithm of its variance moves `[horizon]`, what is said, the gates."""

    moved: Float[Array, " horizon"] = field(default_factory=lambda: np.zeros(len(HORIZONS)))
    said: Mapping[str, Beside] = field(default_factory=dict)
    gates: Mapping[str, float] = field(default_factory=dict)

    @property
    def moves(self) -> bool:
        return bool(self.moved.any())


def look(
    companions: Mapping[str, Companion],
    card: Mapping[str, Any],
    inputs: Inputs,
    seen: Mapping[str, Chart | Call],
) -> Look:
    """The chart and the call of the last day, each through its own companion."""
    moved, said = np.zeros(len(HORIZONS)), {}
    gates = dict.fromkeys(PLURAL, 0.0)
    for name, value in seen.items():
        companion = companions.get(name)
        listens = (0.0,) * len(HORIZONS) if companion is None else companion.listens
        would: dict[str, float] | None = None
        if companion is not None:
            record = companion.record(inputs, len(inputs.level) - 1, value)
            shift = companion.shifts([record])[0]
            moved = moved + np.array(listens) * shift
            gates[name] = companion.gate(record) if any(listens) else 0.0
            would = {str(h): 100 * float(np.expm1(s / 2)) for h, s in zip(HORIZONS, shift, strict=True)}
        said[name] = Beside(
            shows=value.shows,
            kept=dict(zip(map(str, HORIZONS), listens, strict=True)),
            would_move=would,
            verdict=verdict(name, card.get(name), listens),
        )
    return Look(moved=moved, said=said, gates=gates)


def warnings_of(looked: Look, seen: Mapping[str, Chart | Call]) -> list[str]:
    """What a reader must know: what was read for nothing, and what the readers noticed."""
    found = [
        f"the {name} was read ({each.shows}) and {each.verdict}; the forecast is unchanged"
        for name, each in looked.said.items()
        if not any(each.kept.values())
    ]
    return found + [note for value in seen.values() if isinstance(value, Call) for note in value.notes]


def verdict(name: str, told: Mapping[str, Any] | None, listens: tuple[float, ...]) -> str:
    """Why what was read is kept, or is not, in words."""
    if told is None:
        return f"adds nothing measurable: this network was taught no {PLURAL[name]}"
    days = [f"{horizon} day{'s' if horizon > 1 else ''}" for horizon in HORIZONS]
    where = f"it was taught {told['taught_on']}"
    if told["days"] < FEWEST:
        return f"adds nothing measurable: {where}, and {told['days']} later days are too few to tell ({FEWEST} needed)"
    t = " and ".join(f"{max(each):+.1f} at {day}" for day, *each in zip(days, told["t"], told["t_words"], strict=True))
    test = (
        f"on {told['days']} later days Diebold-Mariano's t against none and against the {name} of another row was at"
        f" most {t} (below {EVIDENCE:g} is asked for)"
    )
    if not any(listens):
        return f"adds nothing measurable: {where}, and {test}"
    shares = " and ".join(f"{share:.0%} at {day}" for day, share in zip(days, listens, strict=True))
    return f"of what it changes is kept {shares}: {where}, and {test}"
