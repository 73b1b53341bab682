"""What the graph adds: only where the report says the attribute, each sentence by an edge and its source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from colonnade.knowledge.claims import Evidence, verify
from colonnade.verticals.medical.ontology.background import background
from colonnade.verticals.medical.patient import Clinical
from colonnade.verticals.medical.records import Attribute, Nodules
from colonnade.verticals.medical.reporting.rehearsal import rehearsed


@pytest.fixture(scope="module")
def answer() -> Nodules:
    made = rehearsed(2).answer
    first = replace(made.findings[0], attributes={})
    return replace(made, findings=(first,), comparison=None)


def said(answer: Nodules, patient: Clinical | None = None) -> list[str]:
    evidence: dict[str, Evidence] = {}
    claims = background(answer, patient, evidence)
    verify(claims, evidence)
    assert all(evidence[key].kind == "edge" for claim in claims for key in claim.evidence())
    return [claim.sentence() for claim in claims]


def textured(answer: Nodules, probability: float) -> Nodules:
    rest = {"part-solid": probability, "solid": 1 - probability}
    texture = Attribute(value="part-solid", probability=probability, probabilities=rest)
    return replace(answer, findings=(replace(answer.findings[0], attributes={"texture": texture}),))


def test_what_is_not_known_adds_nothing(answer: Nodules) -> None:
    assert said(answer) == []
    assert said(answer, Clinical(age=70, emphysema=False)) == []
    assert said(textured(answer, 0.55)) == []


def test_an_attribute_and_a_history_bring_their_edges(answer: Nodules) -> None:
    told = said(textured(answer, 0.8), Clinical(emphysema=True, cancer=True))
    assert "“part-solid” (finding 1) suggests lung adenocarcinoma." in told
    assert "“emphysema” (the patient table) raises the chance of lung cancer." in told
    assert any("pulmonary metastasis" in each for each in told)
