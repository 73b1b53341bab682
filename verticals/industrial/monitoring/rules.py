"""The eight rules by which a chart of individual values tells a pattern from chance (Nelson, J. Quality Technology 16,
1984), the first four in the numbering of Western Electric where they agree. It knows nothing of what is charted.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

Scores = Sequence[float]  # distances from the centre line in sigmas, the latest last

RULES: dict[str, str] = {
    "beyond 3 sigma": "one value lies beyond 3 sigma (Nelson 1, Western Electric 1)",
    "9 on one side": "9 values in a row lie on one side of the centre (Nelson 2; Western Electric 4 takes 8)",
    "6 rising or falling": "6 values in a row rise, or fall (Nelson 3)",
    "14 alternating": "14 values in a row go up and down in turn (Nelson 4)",
    "2 of 3 beyond 2 sigma": "2 of 3 values lie beyond 2 sigma on one side (Nelson 5, Western Electric 2)",
    "4 of 5 beyond 1 sigma": "4 of 5 values lie beyond 1 sigma on one side (Nelson 6, Western Electric 3)",
    "15 within 1 sigma": "15 values in a row lie within 1 sigma (Nelson 7)",
    "8 outside 1 sigma": "8 values in a row lie outside 1 sigma, on both sides (Nelson 8)",
    "8 on one side": "8 values in a row lie on one side of the centre (Western Electric 4)",
}
NELSON = tuple(name for name in RULES if name != "8 on one side")
WESTERN_ELECTRIC = ("beyond 3 sigma", "2 of 3 beyond 2 sigma", "4 of 5 beyond 1 sigma", "8 on one side")


def broken(scores: Scores, rules: Sequence[str] = WESTERN_ELECTRIC) -> tuple[str, ...]:
    """The rules that the latest value breaks, together with the values before it."""
    return tuple(name for name in rules if TESTS[name](scores))


def _beyond(scores: Scores, many: int, of: int, sigmas: float) -> bool:
    """Whether the latest value is one of `many` of the last `of` beyond on its side."""
    if len(scores) < many or abs(scores[-1]) <= sigmas:
        return False
    side = 1 if scores[-1] > 0 else -1
    return sum(side * each > sigmas for each in scores[-of:]) >= many


def _one_side(scores: Scores, many: int) -> bool:
    last = scores[-many:]
    return len(last) == many and (all(each > 0 for each in last) or all(each < 0 for each in last))


def _steps(scores: Scores, many: int) -> list[float]:
    last = scores[-many:]
    return [after - before for before, after in itertools.pairwise(last)] if len(last) == many else []


def _trend(scores: Scores) -> bool:
    steps = _steps(scores, 6)
    return bool(steps) and (all(each > 0 for each in steps) or all(each < 0 for each in steps))


def _alternating(scores: Scores) -> bool:
    steps = _steps(scores, 14)
    return bool(steps) and all(one * two < 0 for one, two in itertools.pairwise(steps))


def _within(scores: Scores) -> bool:
    last = scores[-15:]
    return len(last) == 15 and all(abs(each) < 1 for each in last)


def _outside(scores: Scores) -> bool:
    last = scores[-8:]
    return len(last) == 8 and all(abs(each) > 1 for each in last) and min(last) < 0 < max(last)


TESTS: dict[str, Callable[[Scores], bool]] = {
    "beyond 3 sigma": lambda scores: _beyond(scores, 1, 1, 3.0),
    "9 on one side": lambda scores: _one_side(scores, 9),
    "6 rising or falling": _trend,
    "14 alternating": _alternating,
    "2 of 3 beyond 2 sigma": lambda scores: _beyond(scores, 2, 3, 2.0),
    "4 of 5 beyond 1 sigma": lambda scores: _beyond(scores, 4, 5, 1.0),
    "15 within 1 sigma": _within,
    "8 outside 1 sigma": _outside,
    "8 on one side": lambda scores: _one_side(scores, 8),
}
