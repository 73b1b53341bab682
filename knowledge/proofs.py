"""Typed statements and their proofs: what is said of a subject, and the tree of what carries it.

A proof ends in what was given, each with its source. It derives nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..core.errors import FormatError

Value: TypeAlias = str | float | bool
GIVEN = ""  # the rule of what was given


@dataclass(frozen=True, kw_only=True, slots=True)
class Predicate:
    """What may be said of a subject: the type of its value, and whether a subject has one value or several."""

    name: str
    type: Literal["number", "truth", "word"]
    single: bool = True

    def check(self, value: Value) -> None:
        """Raises FormatError: the value is of another type, or a number is not finite."""
        kind = "truth" if isinstance(value, bool) else "word" if isinstance(value, str) else "number"
        if kind != self.type or (kind == "number" and not math.isfinite(value)):  # type: ignore[arg-type]
            raise FormatError(f"{self.name} is a {self.type}, got {value!r}")


@dataclass(frozen=True, slots=True)
class Statement:
    """`subject: predicate = value`. In a rule, a word that begins with ? is a variable."""

    subject: str
    predicate: str
    value: Value

    def __str__(self) -> str:
        written = f"{self.value:g}" if isinstance(self.value, float) else str(self.value).lower() \
            if isinstance(self.value, bool) else str(self.value)  # fmt: skip
        return f"{self.subject}: {self.predicate} = {written}"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A statement, the rule that gave it (`GIVEN`: none), the proofs of what the rule used, and where it is from."""

    statement: Statement
    rule: str = GIVEN
    because: tuple[Proof, ...] = ()
    source: str = ""

    def leaves(self) -> tuple[Proof, ...]:
        """What was given, each once, in the order of the tree."""
        if not self.because:
            return (self,)
        return tuple(dict.fromkeys(leaf for each in self.because for leaf in each.leaves()))

    def rules(self) -> tuple[str, ...]:
        """The rules that were used, the last first, each once."""
        own = () if self.rule == GIVEN else (self.rule,)
        return tuple(dict.fromkeys((*own, *(name for each in self.because for name in each.rules()))))

    def tree(self) -> str:
        """The proof as lines of text, the conclusion first."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        how = f"by {self.rule}" if self.rule != GIVEN else "" if self.source else "given"
        yield f"{self.statement}  [{', '.join(filter(None, (how, self.source)))}]"
        for place, each in enumerate(self.because, start=1):
            last = place == len(self.because)
            for line_number, line in enumerate(each._lines()):
                lead = ("└── " if last else "├── ") if line_number == 0 else ("    " if last else "│   ")
                yield lead + line
