"""What a review answers: alerts, the most urgent first, each with its clauses, evidence and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A sentence about an alert, where it comes from, and the numbers in it by name."""

    sentence: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One firing, ranked. `score` is the probability that it is a case, on data like those that the ranker was taught
    on.

    `parts` is that score's log-odds by where they come from. `evidence` lists payments, links and list entries by what
    they say; without them, as of that moment, the rule is silent.
    """

    number: int
    rule: str
    title: str
    subject: str
    party: str
    name: str
    at: str
    score: float
    parts: Mapping[str, float]
    measures: Mapping[str, float]
    clauses: tuple[Mapping[str, str], ...]
    evidence: Mapping[str, tuple[str, ...]]
    counter_evidence: tuple[Said, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """The review of a book as of a moment."""

    as_of: str
    payments: int
    accounts: int
    alerts: tuple[Alert, ...]
    by_rule: Mapping[str, int] = field(default_factory=dict)
    expected_cases: float = 0.0
    not_run: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
