from __future__ import annotations

import pytest

from colonnade.core.errors import ConfigError, FormatError, UnknownName
from colonnade.knowledge.rules import Condition, Contradiction, Predicate, Rule, Statement, cycles, derive

PREDICATES = (
    Predicate(name="size", type="number"),
    Predicate(name="solid", type="truth"),
    Predicate(name="category", type="word"),
    Predicate(name="part_of", type="word", single=False),
)
LARGE = Rule(
    id="large",
    when=(Condition(predicate="size", low=8.0), Condition(predicate="solid", among=frozenset((True,)))),
    then=Statement("?it", "category", "4A"),
    source="a book",
)
CHAIN = Rule(
    id="chain",
    when=(Condition(predicate="part_of", bind="?b"), Condition(predicate="part_of", subject="?b", bind="?c")),
    then=Statement("?it", "part_of", "?c"),
)


def test_a_conclusion_keeps_its_rule_and_the_facts_it_used():
    facts = {Statement("n1", "size", 8.0): "mask 1", Statement("n1", "solid", True): "attribute"}
    proof = derive(facts, (LARGE,), PREDICATES)[Statement("n1", "category", "4A")]
    assert proof.rule == "large"
    assert {each.statement: each.source for each in proof.leaves()} == facts
    assert proof.tree().splitlines() == [
        "n1: category = 4A  [by large, a book]",
        "├── n1: size = 8  [mask 1]",
        "└── n1: solid = true  [attribute]",
    ]


def test_a_range_holds_its_lower_bound_and_not_its_upper():
    rule = Rule(id="r", when=(Condition(predicate="size", low=6.0, high=8.0),), then=Statement("?it", "solid", True))
    for size, holds in ((5.99, False), (6.0, True), (7.99, True), (8.0, False)):
        derived = derive({Statement("n", "size", size): ""}, (rule,), PREDICATES)
        assert (Statement("n", "solid", True) in derived) is holds


def test_all_conditions_must_hold_of_the_same_subject():
    facts = {Statement("n1", "size", 9.0): "", Statement("n2", "solid", True): ""}
    assert set(derive(facts, (LARGE,), PREDICATES)) == set(facts)


def test_rules_that_feed_themselves_end_and_no_proof_leans_on_itself():
    ring = {Statement(each, "part_of", other): "" for each, other in ("ab", "bc", "ca")}
    derived = derive(ring, (CHAIN,), PREDICATES)
    assert len(derived) == 9
    for statement, proof in derived.items():
        used = [each.statement for each in proof.because]
        assert statement not in used
        assert all(each.statement in ring for each in proof.leaves())


def test_rules_that_feed_each_other_are_named():
    back = Rule(id="back", when=(Condition(predicate="category"),), then=Statement("?it", "solid", True))
    assert cycles((LARGE, back)) == (("back", "large"),)
    assert cycles((CHAIN,)) == (("chain",),)
    assert cycles((LARGE,)) == ()


def test_a_contradiction_names_both_proofs():
    facts = {
        Statement("n1", "size", 9.0): "mask 1",
        Statement("n1", "solid", True): "attribute",
        Statement("n1", "category", "2"): "a reader",
    }
    with pytest.raises(Contradiction, match=r"(?s)category = 2.*a reader.*category = 4A.*by large"):
        derive(facts, (LARGE,), PREDICATES)


def test_a_predicate_of_several_values_is_no_contradiction():
    facts = {Statement("a", "part_of", "b"): "", Statement("a", "part_of", "c"): ""}
    assert len(derive(facts, (), PREDICATES)) == 2


def test_an_unknown_predicate_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'size'"):
        derive({Statement("n", "sise", 1.0): ""}, (), PREDICATES)
    rule = Rule(id="r", when=(Condition(predicate="soldi"),), then=Statement("?it", "solid", True))
    with pytest.raises(UnknownName, match="did you mean 'solid'"):
        derive({}, (rule,), PREDICATES)


@pytest.mark.parametrize("value", ["large", True, float("nan"), float("inf")], ids=str)
def test_a_value_of_another_type_is_refused(value):
    with pytest.raises(FormatError, match="size is a number"):
        derive({Statement("n", "size", value): ""}, (), PREDICATES)


def test_a_rule_that_makes_things_up_is_refused():
    with pytest.raises(ConfigError, match=r"\?who"):
        Rule(id="r", when=(Condition(predicate="size"),), then=Statement("?who", "solid", True))


def test_two_rules_of_one_id_are_refused():
    with pytest.raises(ConfigError, match="ids of their own"):
        derive({}, (LARGE, LARGE), PREDICATES)
