"""Typed claims: a sentence whose every number is a fact, every fact measured again from its evidence before it is said.

A claim's template may hold no digit of its own, so no sentence says a number without evidence.
It knows nothing of any field or of how a report looks.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..core.errors import ColonnadeError

Kind = Literal["mask", "measurement", "row", "rule", "edge", "model", "image", "text"]


class UnsupportedClaim(ColonnadeError):
    """A claim that its evidence does not carry: a fault of the program, never printed in a report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Something a reader can look at: a mask in a file, a row of a table, a rule's clause, an edge of the graph."""

    kind: Kind
    shows: str  # what it is and where: "finding 1, mask in nodules.nii.gz, label 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A value in a claim: how it is written, which evidence carries it, and how it is measured again."""

    value: float | str
    evidence: str  # the key of an Evidence
    measure: Callable[[], float | str]
    digits: int = 1
    unit: str = ""

    def written(self) -> str:
        if isinstance(self.value, str):
            return self.value
        return (
            f"{self.value:.{self.digits}f}{self.unit}"
            if self.unit in ("", "%")
            else f"{self.value:.{self.digits}f} {self.unit}"
        )


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence with named places, and the fact for each place."""

    template: str
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def places(self) -> tuple[str, ...]:
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.template) if name)

    def sentence(self) -> str:
        return self.template.format(**{name: fact.written() for name, fact in self.facts.items()})

    def evidence(self) -> tuple[str, ...]:
        """The keys it cites, in order of appearance, each once."""
        return tuple(dict.fromkeys(self.facts[name].evidence for name in self.places()))


def verify(claims: Iterable[Claim], evidence: Mapping[str, Evidence]) -> None:
    """Measure every fact again.

    Raises:
        UnsupportedClaim: a number without a fact, a fact without evidence, or a value that does not come out again.
    """
    for claim in claims:
        literal = "".join(text for text, _, _, _ in string.Formatter().parse(claim.template))
        if any(character.isdigit() for character in literal):
            raise UnsupportedClaim(f"the sentence {claim.template!r} says a number that no fact carries")
        if not claim.facts or set(claim.places()) != set(claim.facts):
            raise UnsupportedClaim(
                f"the sentence {claim.template!r} has places {claim.places()} and facts {sorted(claim.facts)}"
            )
        for name, fact in claim.facts.items():
            if fact.evidence not in evidence:
                raise UnsupportedClaim(
                    f"fact {name!r} of {claim.template!r} cites {fact.evidence!r}, which is no evidence here"
                )
            _holds(name, fact, claim.template)


def _holds(name: str, fact: Fact, template: str) -> None:
    again = fact.measure()
    if isinstance(fact.value, str) or isinstance(again, str):
        same = again == fact.value
    else:
        same = math.isfinite(fact.value) and abs(again - fact.value) <= 0.5 * 10**-fact.digits
    if not same:
        raise UnsupportedClaim(f"fact {name!r} of {template!r} says {fact.value!r}, its evidence says {again!r}")
