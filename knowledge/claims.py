"""Typed claims: a sentence whose every number is a fact, every fact measured again from its evidence before it is said.

A claim's template may hold no digit of its own, so no sentence says a number without evidence. A fact may say what it
is about; then no two claims of a report may differ on it, and a field's own checks see all that is said together.
It knows nothing of any field or of how a report looks.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..core.errors import ColonnadeError

Value: TypeAlias = str | float
About: TypeAlias = tuple[str, str]  # subject and attribute: ("finding 1", "side")
Told: TypeAlias = Mapping[About, Value]
Check: TypeAlias = Callable[[Told], Iterable[str]]  # what cannot all be true, in sentences
Kind = Literal["mask", "measurement", "row", "rule", "edge", "model", "image", "text"]


class UnsupportedClaim(ColonnadeError):
    """A claim that its evidence does not carry: a fault of the program, never printed in a report."""


class ContradictedClaim(UnsupportedClaim):
    """Claims of one report that cannot all be true."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Something a reader can look at: a mask in a file, a row of a table, a rule's clause, an edge of the graph."""

    kind: Kind
    shows: str  # what it is and where: "finding 1, mask in nodules.nii.gz, label 1"
    detail: str = ""  # more of it, line by line: a proof
    figure: str = ""  # the key of the figure that shows it


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A value in a claim: how it is written, which evidence carries it, and how it is measured again.

    `about` has one value in the whole report; `states` is that value where the words say it otherwise ("probably solid"
    states "solid").
    """

    value: Value
    evidence: str  # the key of an Evidence
    measure: Callable[[], Value]
    digits: int = 1
    unit: str = ""
    about: About | None = None
    states: Value | None = None

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
    """A sentence with named places, the fact for each place, and the type of what it claims, in the field's words."""

    template: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    kind: str = "statement"

    def places(self) -> tuple[str, ...]:
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.template) if name)

    def sentence(self) -> str:
        return self.template.format(**{name: fact.written() for name, fact in self.facts.items()})

    def evidence(self) -> tuple[str, ...]:
        """The keys it cites, in order of appearance, each once."""
        return tuple(dict.fromkeys(self.facts[name].evidence for name in self.places()))


def verify(claims: Iterable[Claim], evidence: Mapping[str, Evidence], checks: Iterable[Check] = ()) -> None:
    """Measure every fact again, and hold all that is said together against the checks.

    Raises:
        UnsupportedClaim: a number without a fact, a fact without evidence, or a value that does not come out again.
        ContradictedClaim: two values for one attribute of one subject, or what a check says cannot be.
    """
    claims = tuple(claims)
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
    said = told(claims)
    for check in checks:
        for sentence in check(said):
            raise ContradictedClaim(sentence)


def told(claims: Iterable[Claim]) -> dict[About, Value]:
    """All that the claims say of something, by subject and attribute.

    Raises:
        ContradictedClaim: two values of one attribute, further apart than their last digits.
    """
    said: dict[About, tuple[Value, int]] = {}
    for claim in claims:
        for fact in claim.facts.values():
            if fact.about is None:
                continue
            value = fact.value if fact.states is None else fact.states
            before = said.setdefault(fact.about, (value, fact.digits))
            if not _alike(before, (value, fact.digits)):
                raise ContradictedClaim(
                    f"the {fact.about[1]} of {fact.about[0]} is said to be {before[0]!r} and {value!r}"
                )
    return {about: value for about, (value, _) in said.items()}


def _alike(one: tuple[Value, int], other: tuple[Value, int]) -> bool:
    if isinstance(one[0], str) or isinstance(other[0], str):
        return one[0] == other[0]
    return abs(one[0] - other[0]) <= 0.5 * 10 ** -min(one[1], other[1])


def _holds(name: str, fact: Fact, template: str) -> None:
    again = fact.measure()
    if isinstance(fact.value, str) or isinstance(again, str):
        same = again == fact.value
    else:
        same = math.isfinite(fact.value) and abs(again - fact.value) <= 0.5 * 10**-fact.digits
    if not same:
        raise UnsupportedClaim(f"fact {name!r} of {template!r} says {fact.value!r}, its evidence says {again!r}")
