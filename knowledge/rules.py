"""Forward chaining over typed statements: whatever follows is derived, and each conclusion keeps its proof.

A conclusion holds only constants and what its conditions have bound, so no new thing is ever made up and derivation
ends, also where rules feed each other. Nothing follows from what is absent. It knows nothing of any field.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..core.errors import ConfigError, InputError, UnknownName
from .proofs import GIVEN, Predicate, Proof, Statement, Value

__all__ = [
    "Condition", "Contradiction", "Predicate", "Proof", "Rule", "Statement", "Value", "cycles", "derive",
]  # fmt: skip
Bindings: TypeAlias = Mapping[str, Value]
Index: TypeAlias = "dict[str, dict[str, list[Statement]]]"  # by predicate, then by subject


class Contradiction(InputError):
    """Two values of a predicate that has one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """A statement that must hold: its value is among some, or lies in low <= value < high, or is bound to `bind`."""

    predicate: str
    subject: str = "?it"
    among: frozenset[Value] | None = None
    low: float = -math.inf
    high: float = math.inf
    bind: str = ""

    def meets(self, value: Value) -> bool:
        if self.among is not None:
            return value in self.among
        if isinstance(value, (bool, str)):
            return self.low == -math.inf and self.high == math.inf
        return self.low <= value < self.high

    def __str__(self) -> str:
        if self.among is not None:
            return f"{self.predicate} = {' or '.join(sorted(str(each).lower() for each in self.among))}"
        bounds = [f"at least {self.low:g}"] if self.low > -math.inf else []
        bounds += [f"below {self.high:g}"] if self.high < math.inf else []
        return f"{self.predicate} {' and '.join(bounds) or 'known'}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """All conditions of `when` hold, so `then` holds. `source` is the literature that says so."""

    id: str
    when: tuple[Condition, ...]
    then: Statement
    source: str = ""

    def __post_init__(self) -> None:
        bound = {each.subject for each in self.when} | {each.bind for each in self.when}
        free = [each for each in (self.then.subject, self.then.value) if _variable(each) and each not in bound]
        if not self.when or self.id == GIVEN or free:
            raise ConfigError(f"rule {self.id!r} needs an id, conditions, and conditions that bind {free or 'all'}")


def derive(
    given: Mapping[Statement, str], rules: Sequence[Rule], predicates: Iterable[Predicate]
) -> Mapping[Statement, Proof]:
    """Every statement that holds, with its first (shortest) proof; `given` tells where each statement is from.

    Raises:
        UnknownName: a predicate that is not among `predicates`.
        FormatError: a value of another type than its predicate's.
        Contradiction: two values, given or derived, where a subject can have one.
        ConfigError: two rules of one id.
    """
    known = {each.name: each for each in predicates}
    if len({rule.id for rule in rules}) < len(rules):
        raise ConfigError(f"rules need ids of their own, got {sorted(rule.id for rule in rules)}")
    for rule in rules:
        for name in (*(each.predicate for each in rule.when), rule.then.predicate):
            _predicate(name, known)
    proofs: dict[Statement, Proof] = {}
    index: Index = {}
    for statement, source in given.items():
        _admit(Proof(statement=statement, source=source), known, proofs, index)
    fresh = set(proofs)
    while fresh:
        told = {statement.predicate for statement in fresh}
        ready = (rule for rule in rules if any(each.predicate in told for each in rule.when))
        found = [proof for rule in ready for proof in _fired(rule, index, proofs, fresh)]
        fresh = {proof.statement for proof in found if _admit(proof, known, proofs, index)}
    return proofs


def cycles(rules: Sequence[Rule]) -> tuple[tuple[str, ...], ...]:
    """Groups of rules that feed each other (or one that feeds itself), each group by the ids of its rules, sorted."""
    import networkx

    feeds = networkx.DiGraph()
    for rule in rules:
        feeds.add_node(rule.id)
        feeds.add_edges_from(
            (rule.id, other.id) for other in rules for each in other.when if each.predicate == rule.then.predicate
        )
    groups = networkx.strongly_connected_components(feeds)
    return tuple(sorted(
        tuple(sorted(group)) for group in groups if len(group) > 1 or any(feeds.has_edge(each, each) for each in group)
    ))  # fmt: skip


def _fired(
    rule: Rule, index: Index, proofs: Mapping[Statement, Proof], fresh: set[Statement]
) -> Iterator[Proof]:  # fmt: skip
    """Conclusions of a rule that use at least one statement of the last round."""
    for bindings, used in _matches(rule.when, index, {}):
        if fresh.isdisjoint(used):
            continue
        subject, value = (bindings.get(str(each), each) for each in (rule.then.subject, rule.then.value))
        statement = Statement(str(subject), rule.then.predicate, value)
        yield Proof(statement=statement, rule=rule.id, because=tuple(proofs[each] for each in used), source=rule.source)


def _matches(
    when: tuple[Condition, ...], index: Index, bindings: Bindings
) -> Iterator[tuple[Bindings, tuple[Statement, ...]]]:
    if not when:
        yield bindings, ()
        return
    first, rest = when[0], when[1:]
    by_subject = index.get(first.predicate, {})
    name = bindings.get(first.subject, first.subject)
    subjects = by_subject if _variable(name) else [str(name)] if name in by_subject else []
    for subject in subjects:
        for statement in by_subject[subject]:
            bound = {**bindings, first.subject: subject}
            if not first.meets(statement.value) or (
                first.bind and bound.get(first.bind, statement.value) != statement.value
            ):
                continue
            if first.bind:
                bound[first.bind] = statement.value
            for all_bound, used in _matches(rest, index, bound):
                yield all_bound, (statement, *used)


def _admit(
    proof: Proof, known: Mapping[str, Predicate], proofs: dict[Statement, Proof],
    index: Index,
) -> bool:  # fmt: skip
    """Take a proof in, unless its statement holds already."""
    statement = proof.statement
    if statement in proofs:
        return False
    predicate = _predicate(statement.predicate, known)
    predicate.check(statement.value)
    same = index.setdefault(statement.predicate, {}).setdefault(statement.subject, [])
    if same and predicate.single:
        raise Contradiction(
            f"two values where there can be one:\n{proofs[same[0]].tree()}\nand\n{proof.tree()}\ncorrect one of them"
        )
    same.append(statement)
    proofs[statement] = proof
    return True


def _predicate(name: str, known: Mapping[str, Predicate]) -> Predicate:
    if name not in known:
        raise UnknownName("predicate", name, known)
    return known[name]


def _variable(word: Value) -> bool:
    return isinstance(word, str) and word.startswith("?")
