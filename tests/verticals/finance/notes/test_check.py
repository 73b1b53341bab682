from __future__ import annotations

import pytest

from colonnade.core.random import numpy_generator
from colonnade.knowledge.claims import UnsupportedClaim, verify
from colonnade.verticals.finance.notes.check import contradictions, faults
from colonnade.verticals.finance.notes.findings import findings_of
from colonnade.verticals.finance.notes.grammar import claim_of, read_back
from colonnade.verticals.finance.notes.planting import plant
from colonnade.verticals.finance.notes.records import Filing
from colonnade.verticals.finance.notes.report import report_of


def test_every_sentence_of_a_note_holds_when_it_is_read_back(filing: Filing):
    sentences = [claim_of(each, filing).sentence() for each in findings_of(filing)]
    assert len(sentences) > 8
    assert "Total revenue rose by 8.2 % in 2024, to €69,400 thousand from €64,170 thousand in 2023." in sentences
    assert "The 3 parts of Total revenue add up to €69,400 thousand in 2024." in sentences
    assert [faults(each, filing) for each in sentences] == [()] * len(sentences)


def test_a_change_of_any_kind_is_caught(filing: Filing):
    generator = numpy_generator(0, "test")
    found = findings_of(filing)
    planted = [each for finding in found for each in plant(finding, filing, found, generator)]
    assert {kind for kind, _ in planted} == {"number", "year", "sign", "unit", "entity"}
    assert [(kind, sentence) for kind, sentence in planted if not faults(sentence, filing)] == []


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "Inventories rose by 9.9 % in 2024, to €14,305 thousand from €15,870 thousand in 2023.",
            "direction is fell, not rose",
        ),
        ("Bank debt stood at €15,500 million in 2024.", "new is €15,500 thousand"),
        ("Goodwill stood at €15,500 thousand in 2024.", "no cell for 'Goodwill'"),
        ("Things went well.", "no form of a note's sentence"),
    ],
)
def test_a_false_sentence_is_answered_with_what_is_true(sentence: str, said: str, filing: Filing):
    assert said in faults(sentence, filing)[0]


def test_a_claim_with_a_wrong_fact_is_never_printed(filing: Filing):
    claim = claim_of(findings_of(filing)[0], filing)
    evidence = {fact.evidence: None for fact in claim.facts.values()}
    verify([claim], evidence)  # type: ignore[arg-type]
    name, fact = next(iter(claim.facts.items()))
    object.__setattr__(fact, "value", f"{fact.value}x")
    with pytest.raises(UnsupportedClaim, match=name):
        verify([claim], evidence)  # type: ignore[arg-type]


def test_a_sentence_of_the_text_that_its_table_contradicts_is_found(filing: Filing):
    (found,) = contradictions(filing)
    assert "9.8 million" in found[2]
    page = report_of(filing, findings_of(filing), (), outlook=None, warnings=(), provenance={}).html()
    assert "Where text and tables disagree" in page
    assert 'href="#f-table-1"' in page


def test_a_sentence_is_read_back_into_its_places():
    kind, said = read_back("A made up 3.1 % of B in 2020.") or ("", {})
    assert kind == "share"
    assert said == {"label": "A", "percent": "3.1 %", "whole": "B", "period": "2020"}
