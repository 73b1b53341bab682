"""How numbers are written in tables, so that every chapter writes them alike. It knows nothing of what they mean."""

from __future__ import annotations

import math

from ....core.result import Interval

NONE = "–"


def number(value: float, digits: int = 3) -> str:
    """A number, or a dash where it is not one; what would round to nothing is written in powers of ten."""
    if not math.isfinite(value):
        return NONE
    if value != 0 and abs(value) < 0.5 * 10**-digits:
        return f"{value:.1e}"
    return f"{value:,.{digits}f}"


def share(value: float, digits: int = 1) -> str:
    """A share as per cent."""
    return f"{100 * value:.{digits}f} %" if math.isfinite(value) else NONE


def count(value: float) -> str:
    """A whole number with its thousands apart."""
    return f"{round(value):,}"


def span(interval: Interval, digits: int = 3, *, sign: bool = False) -> str:
    """A number and its interval: ".803 [.789, .817]"."""
    plus = "+" if sign else ""
    if not math.isfinite(interval.low):
        return f"{interval.value:{plus},.{digits}f}"
    return f"{interval.value:{plus},.{digits}f} [{interval.low:{plus},.{digits}f}, {interval.high:{plus},.{digits}f}]"


def listed(names: list[str] | tuple[str, ...]) -> str:
    """ "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"
