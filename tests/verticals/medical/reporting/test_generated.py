"""Generated wording says what the facts say: every sentence is verified, a false one falls back to the grammar, and no
number comes from the writer."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch

from colonnade.core import checkpoint
from colonnade.core.random import numpy_generator, torch_generator
from colonnade.knowledge.claims import Claim, Evidence
from colonnade.knowledge.reports import Report, Section
from colonnade.verticals.medical.reporting import recipe
from colonnade.verticals.medical.reporting.composer import Composer, ComposerConfig, Vocabulary, tokens
from colonnade.verticals.medical.reporting.consistency import checks
from colonnade.verticals.medical.reporting.facts import Again
from colonnade.verticals.medical.reporting.generated import (
    KIND,
    WEIGHTS,
    Sentence,
    Wording,
    claim_of,
    content_of,
    refused,
    reworded,
    sentences_of,
    shipped,
)
from colonnade.verticals.medical.reporting.parsing import Held, refusals
from colonnade.verticals.medical.reporting.plan import planned
from colonnade.verticals.medical.reporting.rehearsal import Rehearsed, rehearsed
from colonnade.verticals.medical.reporting.report import report_of
from colonnade.verticals.medical.reporting.slips import SLIPS
from colonnade.verticals.medical.reporting.style import PATTERNS, Asked, drawn_asked, worded


@dataclasses.dataclass(frozen=True)
class Told:
    """A rehearsed answer in the grammar's words."""

    made: Rehearsed
    sections: list[Section]
    evidence: dict[str, Evidence]

    def report(self, sections: list[Section] | None = None) -> Report:
        return Report(title="", verdict="", sections=tuple(sections or self.sections), evidence=self.evidence,
                      checks=checks(self.made.answer.lung_middle_mm))  # fmt: skip

    def held(self) -> Held:
        return Held.of([claim for section in self.sections for claim in section.all_claims()])

    def sentences(self) -> list[Sentence]:
        return sentences_of(self.sections)


def told(seed: int) -> Told:
    made, evidence = rehearsed(seed), {}
    again = Again(made.answer, made.context.volume, made.context.operating)
    return Told(made, planned(made.answer, made.context, again, evidence), evidence)


@pytest.fixture(scope="module")
def several() -> list[Told]:
    """With earlier scans and without, with one finding and with several."""
    return [told(seed) for seed in (1, 2, 3, 5)]


@pytest.fixture(scope="module")
def anyhow() -> Wording:
    """A composer that has learnt nothing."""
    pairs = recipe.drawn(2000, 0, "test")
    vocabulary = Vocabulary.of([each for _, each in pairs], [asked.facts() for asked, _ in pairs])
    torch.manual_seed(0)
    config = ComposerConfig(width=8, layers=1, heads=1)
    return Wording(composer=Composer(config, words=len(vocabulary.words), facts=len(vocabulary.facts)).eval(),
                   vocabulary=vocabulary)  # fmt: skip


def slots_in(template: str) -> list[str]:
    return sorted(each.partition("=")[0].strip("{}") for each in tokens(template) if each.startswith("{"))


def test_what_is_taught_is_understood_by_the_verifier(several: list[Told]) -> None:
    """Else the writer would learn what cannot stand."""
    draw, contents = numpy_generator(0, "taught"), set()
    for one in several:
        held = one.held()
        for sentence in one.sentences():
            contents.add(sentence.asked.content)
            claim = claim_of(sentence, worded(sentence.asked, draw))
            assert refused(claim, sentence, held, one.evidence) == [], claim.sentence()
    assert contents >= {
        "described",
        "absent",
        "sizes",
        "bounds",
        "center",
        "score",
        "suspicion",
        "several",
        "suspicious",
    }
    assert contents <= set(PATTERNS)


def test_a_writer_that_has_learnt_nothing_cannot_invent_a_number_or_leave_out_a_slot(
    several: list[Told], anyhow: Wording
) -> None:
    asked = [each.asked for one in several for each in one.sentences()]
    generators = [torch_generator(0, str(number)) for number in range(len(asked))]
    for one, template in zip(asked, anyhow.templates(asked, generators), strict=True):
        assert slots_in(template) == sorted(one.slots)
        assert not re.search(r"\d", template)


def test_what_a_writer_that_has_learnt_nothing_writes_never_reaches_the_page(
    several: list[Told], anyhow: Wording
) -> None:
    for one in several:
        sections, tally = reworded(one.sections, one.evidence, anyhow)
        assert tally.grammar == tally.asked > 5
        assert one.report(sections).sentences() == one.report().sentences()


@pytest.fixture(scope="module")
def generated(several: list[Told]) -> list[tuple[Told, Report, int, int]]:
    """With the weights that ship: the report, how many sentences were asked for and how many are the grammar's."""
    made = []
    for one in several:
        sections, tally = reworded(one.sections, one.evidence, shipped())
        made.append((one, one.report(sections), tally.asked, tally.grammar))
    return made


def test_nearly_all_generated_sentences_stand_and_none_is_unsupported(
    generated: list[tuple[Told, Report, int, int]],
) -> None:
    for one, report, _, _ in generated:
        assert refusals(report.sentences(), one.report()) == []
        assert report.told() == one.report().told()
    assert sum(grammar for *_, grammar in generated) < 0.05 * sum(asked for _, _, asked, _ in generated)


def test_generated_words_are_not_the_grammars(generated: list[tuple[Told, Report, int, int]]) -> None:
    for one, report, asked, _ in generated:
        own = set(one.report().sentences())
        assert sum(each not in own for each in report.sentences()) > 0.4 * asked


def test_the_same_facts_get_the_same_words(several: list[Told], generated: list[tuple[Told, Report, int, int]]) -> None:
    again, _ = reworded(several[0].sections, several[0].evidence, shipped())
    other, _ = reworded(several[0].sections, several[0].evidence, shipped(), seed=1)
    assert several[0].report(again).sentences() == generated[0][1].sentences()
    assert several[0].report(other).sentences() != generated[0][1].sentences()


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_of_the_writer_is_refused(
    several: list[Told], generated: list[tuple[Told, Report, int, int]], name: str
) -> None:
    draw, tried = numpy_generator(0, name), 0
    for one in several:
        held, sentences = one.held(), one.sentences()
        for sentence in sentences:
            claim = claim_of(sentence, worded(sentence.asked, draw))
            others = [each for other in sentences if other is not sentence for each in other.claims]
            wrong = SLIPS[name](claim, others, draw)
            if wrong is not None:
                tried += 1
                assert refused(wrong, sentence, held, one.evidence), wrong.sentence()
    assert tried > 0


def test_a_list_of_qualities_in_another_order_is_no_slip(several: list[Told]) -> None:
    sentence = next(each for one in several for each in one.sentences()
                    if len(each.asked.slots) > 5 and each.asked.content == "described")  # fmt: skip
    names = [name for name in sentence.asked.slots if name not in ("number", "noun", "diameter", "place")]
    one = next(one for one in several if any(each.claims == sentence.claims for each in one.sentences()))
    lead = "Finding {number} is a {noun} of {diameter} {place}, "
    for order in (names, names[::-1]):
        claim = claim_of(sentence, f"{lead}{', '.join(f'{{{name}}}' for name in order)}.")
        assert refused(claim, sentence, one.held(), one.evidence) == []


def test_a_fact_in_other_words_is_still_measured(several: list[Told]) -> None:
    found = ((one, each) for one in several for each in one.sentences() if each.asked.slots.get("status") == "grown")
    one, sentence = next(found)
    ratio = "{ratio_value} (interval {ratio_low} to {ratio_high})"
    template = f"It has {{status=enlarged}} since the prior CT, with a volume ratio of {ratio}."
    claim = claim_of(sentence, template)
    assert "has enlarged since" in claim.sentence()
    assert refused(claim, sentence, one.held(), one.evidence) == []
    shrunk = dataclasses.replace(sentence.claims[0].facts["status"], measure=lambda: "shrunk")
    wrong = dataclasses.replace(sentence.claims[0], facts={**sentence.claims[0].facts, "status": shrunk})
    false = dataclasses.replace(sentence, claims=(wrong,))
    assert refused(claim_of(false, template), false, one.held(), one.evidence)


def test_what_is_true_but_no_fact_of_the_sentence_is_refused(several: list[Told]) -> None:
    """Else it would cite evidence that does not carry it."""
    one = several[0]
    sentences = one.sentences()
    center = next(each for each in sentences if each.asked.content == "center")
    described = next(each for each in sentences if each.asked.content == "described")
    slots = described.asked.slots
    words = next(str(fact.value) for name, fact in described.facts.items() if slots.get(name))
    said = "Its center lies at x {x}, y {y}, z {z} mm"
    assert refused(claim_of(center, f"{said}."), center, one.held(), one.evidence) == []
    assert refused(claim_of(center, f"{said}, {words}."), center, one.held(), one.evidence)


def test_only_sentences_of_facts_about_findings_are_worded_anew(several: list[Told]) -> None:
    for one in several:
        changed = {id(claim) for each in one.sentences() for claim in each.claims}
        for section in one.sections:
            if section.heading not in ("Findings", "Impression"):
                assert not changed & {id(each) for each in section.all_claims()}
    none = told(0)
    said = [
        claim for section in none.sections for claim in section.all_claims() if "may still be there" in claim.template
    ]
    assert all(content_of(claim) == "" for claim in said)


def test_the_page_says_who_worded_it(several: list[Told]) -> None:
    made = several[1].made
    report = report_of(made.answer, dataclasses.replace(made.context, wording="generated"))
    assert re.fullmatch(r"generated \(sha256 \w{16}\), each verified: \d+ of \d+ sentences, \d+ by the grammar",
                        report.provenance["wording"])  # fmt: skip
    assert report_of(made.answer, made.context).provenance["wording"] == "grammar"


def test_the_recipe_learns_and_its_weights_can_be_read_again(tmp_path) -> None:
    made = recipe.make(epochs=1, batches=3, config=ComposerConfig(width=8, layers=1, heads=1))
    made.save(tmp_path / "report")
    wording = Wording.of(checkpoint.load(tmp_path / "report", KIND))
    asked = Asked(content="center", slots={"x": "", "y": "", "z": ""})
    assert slots_in(wording.templates([asked], [torch_generator(0, "x")])[0]) == ["x", "y", "z"]
    assert made.card["validation"]["nats a word"] is not None


def test_the_weights_that_ship_are_small() -> None:
    assert sum(each.stat().st_size for each in WEIGHTS.iterdir()) < 1_500_000


def test_every_content_can_be_asked_for() -> None:
    draw = numpy_generator(0, "contents")
    assert {drawn_asked(draw).content for _ in range(600)} == set(PATTERNS)


def test_claims_without_subject_stay_as_they_are() -> None:
    assert content_of(Claim(template="{a}", facts={}, kind="impression")) == ""
