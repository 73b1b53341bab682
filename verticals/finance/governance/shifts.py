"""Shifts of a score and its inputs as a table, as plain JSON and as lines of the closing table.

It knows nothing of what is shifted: names and values come in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from ....core.governance import Expectation
from ....core.trust.stability import SHIFTED, Shift, shift_of
from ....core.types import Array
from ....knowledge.reports import Rows
from .dossier import expect
from .written import count, number

CHAPTER = "stability"
LISTED = 15


def plain_shift(shift: Shift) -> dict[str, object]:
    """A shift with what it is called, for the JSON."""
    return asdict(shift) | {"beyond_chance": shift.beyond_chance, "word": shift.word}


def named_word(name: str, shift: Shift) -> str:
    """What the conventions call it."""
    return shift.word


def shifts_table(
    first: tuple[str, Shift],
    others: Mapping[str, Shift],
    *,
    dealt: str,
    of: tuple[str, str],
    listed: int = LISTED,
    digits: int = 4,
    word: Callable[[str, Shift], str] = named_word,
) -> Rows:
    """The first, then the others that moved most; `dealt` names what chance deals whole, `of` inputs and rows."""
    name, shift = first
    ranked = sorted(others.items(), key=lambda item: -item[1].index)[:listed]
    rows = tuple(
        (name, number(each.index, digits), number(each.critical, digits), number(each.critical_by_group, digits),
         "yes" if each.beyond_chance else "no", word(name, each))
        for name, each in (first, *ranked)
    )  # fmt: skip
    inputs, units = of
    return Rows(
        header=("", "index", "chance, rows", f"chance, {dealt}", "beyond chance", "by convention"),
        rows=rows,
        caption=f"The {name} and the {len(ranked)} {inputs} that moved most, of {len(others)}: "
        f"{count(shift.before)} {units} before, {count(shift.now)} after.",
    )


def shifts_expected(score: Shift, inputs: Mapping[str, Shift], *, what: str, dealt: str) -> tuple[Expectation, ...]:
    """That neither the score nor its inputs have shifted; `what` the inputs are called."""
    moved = sorted(name for name, each in inputs.items() if each.word == "shifted")
    return (
        expect(CHAPTER, "The score's distribution is stable", "index with its null", score.word != "shifted",
               f"{number(score.index, 4)} (chance {number(score.critical, 4)} by rows,"
               f" {number(score.critical_by_group, 4)} by {dealt}): {score.word}"),
        expect(CHAPTER, f"The {what} are stable", f"index of {len(inputs)} {what}", not moved,
               f"above {SHIFTED:g} and chance: {', '.join(moved[:6])}" if moved else "none has shifted"),
    )  # fmt: skip


def moved_between(
    before: Array, now: Array, names: tuple[str, ...], groups: tuple[Array, Array], *, seed: int
) -> dict[str, Shift]:
    """The shift of each column of `[row, name]`; `groups` are what chance deals whole."""
    return {name: shift_of(before[:, at], now[:, at], groups=groups, seed=seed) for at, name in enumerate(names)}
