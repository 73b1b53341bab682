from __future__ import annotations

import pytest

from colonnade.knowledge.claims import Claim, ContradictedClaim, Evidence, Fact, UnsupportedClaim, verify

EVIDENCE = {"m": Evidence(kind="mask", shows="label 1")}


def _fact(value: float | str, again: float | str, **more) -> Fact:
    return Fact(value=value, evidence=more.pop("evidence", "m"), measure=lambda: again, **more)


def test_a_claim_that_its_evidence_carries_is_said():
    claim = Claim(template="It measures {size}.", facts={"size": _fact(8.25, 8.28, unit="mm")})
    verify([claim], EVIDENCE)
    assert claim.sentence() == "It measures 8.2 mm."
    assert claim.evidence() == ("m",)


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (Claim(template="It measures 8 mm {x}.", facts={"x": _fact("wide", "wide")}), "no fact carries"),
        (Claim(template="It is there."), "places"),
        (Claim(template="It measures {size}.", facts={"size": _fact(8.0, 8.2)}), "says 8.0, its evidence says 8.2"),
        (Claim(template="It measures {size}.", facts={"size": _fact(float("nan"), float("nan"))}), "nan"),
        (Claim(template="It is {x}.", facts={"x": _fact("solid", "part-solid")}), "part-solid"),
        (Claim(template="It is {x}.", facts={"x": _fact("a", "a", evidence="gone")}), "no evidence here"),
    ],
    ids=["bare number", "no fact", "does not come out", "not a number", "other word", "no evidence"],
)
def test_a_claim_that_does_not_hold_is_refused(claim: Claim, why: str):
    with pytest.raises(UnsupportedClaim, match=why):
        verify([claim], EVIDENCE)


def _about(value: float | str, attribute: str = "side", **more) -> Claim:
    return Claim(template="It is {x}.", facts={"x": _fact(value, value, about=("finding 1", attribute), **more)})


def test_two_sentences_may_not_differ_on_one_thing():
    verify([_about("left"), _about("left")], EVIDENCE)
    with pytest.raises(ContradictedClaim, match="side of finding 1 is said to be 'left' and 'right'"):
        verify([_about("left"), _about("right")], EVIDENCE)


def test_a_number_said_with_fewer_digits_is_the_same_number():
    verify([_about(8.24, "size"), _about(8.0, "size", digits=0)], EVIDENCE)
    with pytest.raises(ContradictedClaim):
        verify([_about(8.24, "size"), _about(8.0, "size")], EVIDENCE)


def test_a_hedge_does_not_hide_what_is_stated():
    verify([_about("probably solid", states="solid"), _about("solid")], EVIDENCE)
    with pytest.raises(ContradictedClaim):
        verify([_about("probably solid", states="solid"), _about("part-solid")], EVIDENCE)


def test_a_check_of_the_field_sees_all_that_is_said():
    def check(told):
        if told.get(("finding 1", "side")) == "left" and told.get(("finding 1", "x")) == 3.0:
            yield "its center lies right"

    verify([_about("left")], EVIDENCE, [check])
    with pytest.raises(ContradictedClaim, match="center lies right"):
        verify([_about("left"), _about(3.0, "x")], EVIDENCE, [check])
