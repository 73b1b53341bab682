from __future__ import annotations

import pytest

from colonnade.knowledge.claims import Claim, Evidence, Fact, UnsupportedClaim, verify

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
