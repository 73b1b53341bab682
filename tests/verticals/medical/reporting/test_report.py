"""The report: every sentence is carried by its evidence, false ones are refused, and its text says what was found."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import pytest

from colonnade.core.random import numpy_generator
from colonnade.core.result import Interval
from colonnade.knowledge.claims import Claim, Evidence, Fact, UnsupportedClaim
from colonnade.knowledge.reports import Report
from colonnade.verticals.medical.records import Attribute, Finding, Nodules
from colonnade.verticals.medical.reporting import sentences
from colonnade.verticals.medical.reporting.consistency import checks
from colonnade.verticals.medical.reporting.facts import Again, absent_facts, noun, place_fact, present_facts
from colonnade.verticals.medical.reporting.limits import UNUSED, WORDS_UNUSED, limits
from colonnade.verticals.medical.reporting.parsing import hear, refusals
from colonnade.verticals.medical.reporting.perturbed import FACTS, TEXTS, text
from colonnade.verticals.medical.reporting.plan import planned
from colonnade.verticals.medical.reporting.rehearsal import Rehearsed, rehearsed
from colonnade.verticals.medical.reporting.report import report_of

SECTIONS = ("Indication", "Technique", "Comparison", "Findings", "Impression", "Recommendation", "Limitations")


def reported(made: Rehearsed, answer: Nodules | None = None) -> Report:
    """Without pictures."""
    answer = answer or made.answer
    evidence: dict[str, Evidence] = {}
    sections = planned(answer, made.context, Again(answer, made.context.volume, made.context.operating), evidence)
    return Report(
        title="", verdict="", sections=tuple(sections), evidence=evidence, checks=checks(answer.lung_middle_mm)
    )


@pytest.fixture(scope="module")
def made() -> Rehearsed:
    return next(each for each in map(rehearsed, range(1, 99, 2)) if len(each.answer.findings) > 2 and any(
        change.doubling_days is not None and change.status == "grown" for change in each.answer.changes))  # fmt: skip


@pytest.fixture(scope="module")
def report(made: Rehearsed) -> Report:
    return reported(made)


def test_the_sections_stand_in_the_order_of_a_report(report: Report) -> None:
    assert tuple(each.heading for each in report.sections) == SECTIONS


def test_every_sentence_is_typed_and_cites_evidence(report: Report) -> None:
    assert all(claim.kind != "statement" and claim.evidence() for claim in report.claims())
    assert set().union(*(claim.evidence() for claim in report.claims())) <= set(report.evidence)


def test_every_row_of_a_guideline_is_quoted_with_its_proof(made: Rehearsed, report: Report) -> None:
    whole = " ".join(report.sentences())
    assert made.answer.management
    for entry in made.answer.management:
        for choice in entry.choices:
            assert choice.row in whole
            assert choice.says in whole
            assert report.evidence[f"{entry.guideline} {choice.row}"].detail == choice.proof.tree()


@pytest.mark.parametrize("name", FACTS)
def test_a_false_value_is_refused(made: Rehearsed, name: str) -> None:
    answers = itertools.chain([made], map(rehearsed, range(1, 40)))  # some can only be wrong in answers of another kind
    tried = ((each, FACTS[name](each.answer, numpy_generator(0, name))) for each in answers)
    one, wrong = next((each, wrong) for each, wrong in tried if wrong is not None)
    with pytest.raises(UnsupportedClaim):
        reported(one, wrong)


@pytest.mark.parametrize("name", TEXTS)
def test_a_false_text_is_refused(report: Report, name: str) -> None:
    reports = itertools.chain([report], (reported(rehearsed(seed)) for seed in range(1, 40)))
    tried = ((each, text(name, each.sentences(), numpy_generator(0, name))) for each in reports)
    one, wrong = next((each, wrong) for each, wrong in tried if wrong is not None)
    assert refusals(wrong, one)


def test_a_true_text_is_not_refused(report: Report) -> None:
    assert refusals(report.sentences(), report) == []


@pytest.mark.parametrize("seed", [0, 2, 5])
def test_no_finding_several_findings_and_an_earlier_scan_are_told_without_refusal(seed: int) -> None:
    told = reported(rehearsed(seed))
    assert refusals(told.sentences(), told) == []


def test_without_findings_no_sentence_says_that_there_is_no_nodule() -> None:
    made = rehearsed(0)
    empty = dataclasses.replace(made.answer, findings=(), management=(), labels=made.answer.labels * 0)  # type: ignore[operator]
    told = " ".join(reported(made, empty).sentences())
    assert "a nodule may still be there" in told
    with pytest.raises(UnsupportedClaim):  # masks are there
        reported(made, dataclasses.replace(made.answer, findings=(), management=()))


def test_the_page_shows_each_finding_once(made: Rehearsed) -> None:
    page = report_of(made.answer, made.context).html()
    assert page.count("<img") == 1 + min(len(made.answer.findings), 6)
    assert 'href="#f-Finding-1"' in page
    assert 'id="f-Finding-1"' in page
    assert page.count('id="f-overview"') == 1


def attribute(value: str, probability: float) -> Attribute:
    return Attribute(value=value, probability=probability, probabilities={value: probability, "other": 1 - probability})


@pytest.fixture
def finding(made: Rehearsed) -> Callable[..., Finding]:
    def make(**attributes: Attribute) -> Finding:
        return dataclasses.replace(made.answer.findings[0], attributes=attributes)

    return make


def test_what_is_unsure_is_hedged_and_what_is_unknown_is_unsaid(finding: Callable[..., Finding]) -> None:
    one = finding(texture=attribute("part-solid", 0.95), margin=attribute("ill-defined", 0.7),
                  lobulation=attribute("marked", 0.55))  # fmt: skip
    assert [each.written() for each in present_facts(one).values()] == ["part-solid", "probably ill-defined"]
    two = finding(spiculation=attribute("none", 0.95), lobulation=attribute("none", 0.8))
    assert list(absent_facts(two)) == ["spiculation"]
    assert present_facts(finding()) == {}
    assert sentences.appearance({}, {}) == ()


def test_a_lobe_of_the_other_side_is_not_said(finding: Callable[..., Finding], made: Rehearsed) -> None:
    again = Again(made.answer, made.context.volume)
    own = made.answer.findings[0].side
    other = {"left": "right", "right": "left"}[own]
    assert (
        place_fact(finding(location=attribute(f"{own} upper lobe", 0.7)), again).written()
        == f"probably in the {own} upper lobe"
    )
    assert place_fact(finding(location=attribute(f"{other} upper lobe", 0.99)), again).written() == f"in the {own} lung"
    assert place_fact(finding(location=attribute(f"{own} upper lobe", 0.5)), again).written() == f"in the {own} lung"


@pytest.mark.parametrize(
    ("score", "diameter", "said"),
    [(0.2, 8, "possible nodule"), (0.5, 8, "probable nodule"), (0.95, 30, "nodule"), (0.95, 30.1, "mass")],
)
def test_it_is_named_by_its_score_and_size(score: float, diameter: float, said: str) -> None:
    assert noun(score, diameter) == said


def test_rows_of_words_and_runs_of_numbers_read_well() -> None:
    assert sentences.listed(["a"]) == "a"
    assert sentences.listed(["a", "b"], "or") == "a or b"
    assert sentences.listed(["a", "b", "c"]) == "a, b and c"
    assert sentences.findings([4]) == "finding 4"
    assert sentences.findings([9, 1, 3, 4, 5]) == "findings 1, 3 to 5 and 9"


def test_findings_do_not_all_begin_with_the_same_words(report: Report) -> None:
    leads = [each.template for each in report.claims() if each.kind == "finding"]
    assert len(leads) > 2
    assert len(set(leads)) == min(len(leads), 3)


def test_a_doubling_time_without_upper_bound_is_said_so() -> None:
    told = {"doubling_value": 200.0, "doubling_low": 90.0, "ratio_value": 1.4, "ratio_low": 1.1, "ratio_high": 2.0}
    fact = {
        name: Fact(value=value, evidence="c", measure=lambda value=value: value, digits=0)  # type: ignore[misc]
        for name, value in told.items()
    }
    status = Fact(value="grown", evidence="c", measure=lambda: "grown")
    claims = sentences.change({**fact, "status": status}, 0)
    assert [type(each) for each in claims] == [Claim, Claim]
    assert claims[1].sentence() == "At this pace its volume doubles in 200 days (at least 90 days)."


@pytest.mark.parametrize(
    ("sentence", "about", "value"),
    [
        ("Finding 3 is a possible nodule of 8.2 mm in the right upper lobe.", ("finding 3", "diameter_mm"), 8.2),
        ("Finding 3 lies probably in the left lung; it is a mass of 33.0 mm.", ("finding 3", "side"), "left"),
        ("There is no spiculation or calcification.", ("finding 7", "spiculation"), "none"),
        ("It is probably part-solid, ill-defined and lobulated.", ("finding 7", "texture"), "part-solid"),
        ("Findings 1 to 3 are unchanged since the earlier CT.", ("scan", "unchanged findings"), "Findings 1 to 3"),
        ("No finding at the operating point; a nodule may still be there.", ("scan", "count"), 0.0),
    ],
)
def test_a_sentence_is_read_back(sentence: str, about: tuple[str, str], value: str | float) -> None:
    heard = hear(sentence, "finding 7")
    assert heard.said[about][0] == value
    assert heard.left == ""


@pytest.mark.parametrize(
    "sentence",
    ["It is benign.", "There is a pleural effusion.", "It is not solid.", "It weighs 5 g.", "It has grown a lot."],
)
def test_what_is_not_understood_is_left_over_or_said_of_nothing(sentence: str, report: Report) -> None:
    assert refusals([*report.sentences(), sentence], report)


def test_a_suspicion_is_said_to_be_no_probability_of_cancer(made: Rehearsed) -> None:
    rated = dataclasses.replace(made.answer.findings[0], malignancy=Interval(value=0.5, low=0.3, high=0.7))
    answer = dataclasses.replace(made.answer, findings=(rated, *made.answer.findings[1:]))
    assert any("no probability of cancer" in each for each in reported(made, answer).sentences())


def test_a_second_look_that_changed_nothing_is_told(made: Rehearsed) -> None:
    def told(kept: dict[str, dict[str, object]]) -> list[str]:
        return [each.sentence() for each in limits(made.answer, {"judge": kept}, {}).claims]

    rows: dict[str, dict[str, object]] = {"ct": {"residual": 0.0, "powers": [0.0, 0.0]}}
    assert told(rows)[-1] == UNUSED
    rows |= {"ct+indication": {"residual": 0.5, "powers": [0.0, 0.0]}}
    assert UNUSED not in told(rows)
    assert WORDS_UNUSED not in told(rows)
    rows |= {"ct+indication": {"residual": 0.0, "powers": [0.6, 0.0]}}
    assert told(rows)[-1] == WORDS_UNUSED
    assert UNUSED not in told(rows)
