"""Does the verifier of the nodule report refuse what is false, and only that? And what does the text say, read back?

    python benchmarks/report_verifier.py [--sets 100] [--wording]

`--wording` asks the same of the generated wording alone: how many sentences stand at first, how many fall back to the
grammar's, how many different ones there are, and how many planted slips of the writer are refused.

Answers are made up from seeds (verticals/medical/reporting/rehearsal.py: findings with masks, attributes, an earlier
scan, a patient). Each is made wrong in one place, once in its values before the report is written and once in its text
afterwards; a wrong one that passes is a miss, a right one that is refused is a false refusal.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import results

from colonnade.core.progress import track
from colonnade.core.random import numpy_generator
from colonnade.knowledge.claims import Claim, Evidence, UnsupportedClaim, Value
from colonnade.knowledge.reports import Report
from colonnade.verticals.medical.records import Finding, Nodules
from colonnade.verticals.medical.reporting.consistency import checks
from colonnade.verticals.medical.reporting.facts import SAID, Again
from colonnade.verticals.medical.reporting.generated import generated, refused, reworded, shipped
from colonnade.verticals.medical.reporting.parsing import Held, hear, refusals
from colonnade.verticals.medical.reporting.perturbed import FACTS, TEXTS, text
from colonnade.verticals.medical.reporting.plan import Context, planned
from colonnade.verticals.medical.reporting.rehearsal import Rehearsed, rehearsed
from colonnade.verticals.medical.reporting.slips import SLIPS

FIRST = 1000  # seeds below were looked at while the reader of texts was written
ATTRIBUTES = ("texture", "margin", "spiculation", "lobulation", "calcification", "location")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sets", type=int, default=100)
    asked.add_argument("--wording", action="store_true")
    given = asked.parse_args()
    if given.wording:
        _wordings(given.sets)
        return
    count = given.sets
    facts: dict[str, list[bool]] = {name: [] for name in FACTS}
    texts: dict[str, list[bool]] = {name: [] for name in TEXTS}
    false: dict[str, list[bool]] = {"values": [], "text": [], "text, findings in another order": []}
    heard: dict[str, list[bool]] = {}
    for seed in track(range(FIRST, FIRST + count), "answers", count):
        made = rehearsed(seed)
        report = _report(made.answer, made.context)
        false["values"].append(report is None)
        if report is None:
            continue
        _texts(made, report, seed, texts, false)
        for name, right in _read_back(made.answer, report):
            heard.setdefault(name, []).append(right)
        for name, change in FACTS.items():
            wrong = change(made.answer, numpy_generator(seed, f"facts/{name}"))
            if wrong is not None:
                facts[name].append(_report(wrong, made.context) is None)
    body = _body(count, facts, texts, false, heard)
    results.write("report_verifier", command=f"python benchmarks/report_verifier.py --sets {count}", text=body)
    print(body)


def _report(answer: Nodules, context: Context) -> Report | None:
    """The report without pictures, or None where it is refused."""
    evidence: dict[str, Evidence] = {}
    try:
        sections = planned(answer, context, Again(answer, context.volume, context.operating), evidence)
        return Report(title="", verdict="", sections=tuple(sections), evidence=evidence,
                      checks=checks(answer.lung_middle_mm))  # fmt: skip
    except UnsupportedClaim:
        return None


def _texts(
    made: Rehearsed, report: Report, seed: int, texts: Mapping[str, list[bool]], false: Mapping[str, list[bool]]
) -> None:
    sentences = report.sentences()
    false["text"].append(bool(refusals(sentences, report)))
    turned = _turned(report)
    if len(made.answer.findings) > 1:
        false["text, findings in another order"].append(bool(refusals(turned, report)))
    for name in TEXTS:
        wrong = text(name, sentences, numpy_generator(seed, f"texts/{name}"))
        if wrong is not None:
            texts[name].append(bool(refusals(wrong, report)))


def _turned(report: Report) -> list[str]:
    """The same sentences with the paragraphs of the findings in the opposite order."""
    said = []
    for section in report.sections:
        said += [each.sentence() for each in section.claims]
        said += [each.sentence() for part in reversed(section.parts) for each in part.all_claims()]
    return said


@dataclass
class Wordings:
    """What was seen of the generated wording; templates have their slots, so that they differ in words alone."""

    reports: int = 0
    asked: int = 0
    first: int = 0
    grammar: int = 0
    unsupported: int = 0
    seconds: float = 0.0
    templates: dict[str, Counter[str]] = field(default_factory=lambda: {"grammar": Counter(), "generated": Counter()})
    slips: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in SLIPS})
    texts: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in TEXTS})
    missed: list[str] = field(default_factory=list)


def _wordings(count: int) -> None:
    """The part about generated wording."""
    seen = Wordings()
    for seed in track(range(FIRST, FIRST + count), "answers", count):
        made = rehearsed(seed)
        report = _report(made.answer, made.context)
        if report is not None:
            _generated(report, seed, seen)
    body = f"{count} made-up answers of up to 6 findings, every second one with an earlier scan.\n\n{_told(seen)}"
    command = f"python benchmarks/report_verifier.py --sets {count} --wording"
    results.write("report_verifier, generated wording", command=command, text=body)
    print(body)


def _generated(report: Report, seed: int, seen: Wordings) -> None:
    """The same report in generated words, and its sentences with a slip."""
    started = time.process_time()
    sections, tally = reworded(report.sections, report.evidence, shipped())
    seen.seconds += time.process_time() - started
    seen.reports, seen.asked = seen.reports + 1, seen.asked + tally.asked
    seen.first, seen.grammar = seen.first + tally.first, seen.grammar + tally.grammar
    again = Report(title="", verdict="", sections=tuple(sections), evidence=report.evidence, checks=report.checks)
    seen.unsupported += len(refusals(again.sentences(), report))
    chosen, held = generated(report.sections, report.evidence, shipped()), Held.of(report.claims())
    for number, claim in chosen.claims.items():
        asked = chosen.sentences[number]
        seen.templates["grammar"].update(each.template for each in asked.claims)
        seen.templates["generated"].update([_shape(claim)])
        others = [each for at, other in enumerate(chosen.sentences) if at != number for each in other.claims]
        for name, slip in SLIPS.items():
            wrong = slip(claim, others, numpy_generator(seed, f"slips/{name}/{number}"))
            if wrong is not None:
                seen.slips[name].append(bool(refused(wrong, asked, held, report.evidence)))
                if not seen.slips[name][-1]:
                    seen.missed.append(f"{name}: {wrong.sentence()}")
    for name in TEXTS:
        wrong_text = text(name, again.sentences(), numpy_generator(seed, f"generated texts/{name}"))
        if wrong_text is not None:
            seen.texts[name].append(bool(refusals(wrong_text, report)))


def _shape(claim: Claim) -> str:
    """The template with the words that it has for a fact of its own."""
    words = {
        name: str(fact.value).removeprefix("probably ") for name, fact in claim.facts.items()
        if isinstance(fact.value, str) and fact.states is not None and name not in ("place", "count", "which")
    }  # fmt: skip
    return re.sub(r"\{(\w+)\}", lambda place: words.get(place[1], place[0]), claim.template)


def _told(seen: Wordings) -> str:
    asked, grammar = seen.asked, seen.templates["grammar"]
    rows = [
        ("sentences asked for", str(asked)),
        ("stand at the first draw", f"{seen.first / asked:.4f}"),
        ("stand after three draws", f"{1 - seen.grammar / asked:.4f}"),
        ("fall back to the grammar's", f"{seen.grammar} ({seen.grammar / asked:.4f})"),
        ("unsupported sentences in the reports (goal 0)", str(seen.unsupported)),
        ("different templates, generated", str(len(seen.templates["generated"]))),
        ("different templates, grammar", str(len(grammar))),
        ("processor seconds a report", f"{seen.seconds / max(seen.reports, 1):.2f}"),
    ]
    parts = [f"### Generated wording\n\n{results.table(('what', 'found'), rows)}"]
    head = ("what was made wrong in a generated sentence", "tried", "refused", "share [95 % interval]")
    for title, found in (("Slips of the writer", seen.slips), ("In the whole generated text", seen.texts)):
        named = {**found, "all": [each for tried in found.values() for each in tried]}
        lines = [(name, str(len(each)), str(sum(each)), _share(each)) for name, each in named.items()]
        parts.append(f"### {title} (goal: at least .99 refused)\n\n{results.table(head, lines)}")
    if seen.missed:
        parts.append("Not refused, for example: " + " / ".join(seen.missed[:3]))
    return "\n\n".join(parts)


def _read_back(answer: Nodules, report: Report) -> Iterator[tuple[str, bool]]:
    """For each thing that a finding has and the report should say: whether the text, read back, says the same."""
    told: dict[tuple[str, str], tuple[Value, int]] = {}
    subject, verbatim = "", Held.of(report.claims()).verbatim
    for claim in report.claims():
        if claim.sentence() in verbatim:  # a guideline's or the graph's words say nothing of what was measured
            continue
        heard = hear(claim.sentence(), subject)
        subject = heard.subject
        told |= heard.said
    for finding in answer.findings:
        for name, value in _true(finding).items():
            said, digits = told.get((f"finding {finding.label}", name), ("", 0))
            if isinstance(value, str) or isinstance(said, str):
                yield name, said == value
            else:
                yield name, abs(said - value) <= 0.5 * 10**-digits + 1e-9
    for change in answer.changes:
        if change.label is not None:
            yield "change", told.get((f"finding {change.label}", "change"), ("", 0))[0] == change.status


def _true(finding: Finding) -> dict[str, Value]:
    """What the text must say; attributes only where they are sure enough to be said."""
    told: dict[str, Value] = {
        "diameter_mm": finding.diameter_mm, "volume_mm3": finding.volume_mm3, "slice_index": float(finding.slice_index),
        "median_hu": finding.median_hu,
    }  # fmt: skip
    for name in ATTRIBUTES:
        own = finding.attributes.get(name)
        bar = 0.9 if own is not None and own.value == "none" else SAID
        if own is None or own.probability < bar:
            continue
        if name == "calcification" and own.value == "none" and own.probability < 0.9:
            continue
        if name != "location" or own.value.startswith(finding.side):
            told[name] = own.value
    if "location" not in told:
        told["side"] = finding.side
    return told


def _body(
    count: int, facts: Mapping[str, list[bool]], texts: Mapping[str, list[bool]], false: Mapping[str, list[bool]],
    heard: Mapping[str, list[bool]],
) -> str:  # fmt: skip
    head = ("what was made wrong", "tried", "refused", "share [95 % interval]")
    parts = [f"{count} made-up answers of up to 6 findings, every second one with an earlier scan."]
    for title, found in (("In the values, before the report is written", facts), ("In the text, afterwards", texts)):
        everything = [each for tried in found.values() for each in tried]
        named = {**found, "all": everything}
        rows = [(name, str(len(each)), str(sum(each)), _share(each)) for name, each in named.items()]
        parts.append(f"### {title}\n\n{results.table(head, rows)}")
    rows = [(name, str(len(each)), str(sum(each)), _share(each)) for name, each in false.items()]
    parts.append(f"### Nothing made wrong (false refusals, goal 0)\n\n{results.table(('what', *head[1:]), rows)}")
    rows = [(name, str(len(each)), str(sum(each)), _share(each)) for name, each in heard.items()]
    head = ("what the text says, read back", "should say", "says", "share [95 % interval]")
    parts.append(f"### Read back\n\n{results.table(head, rows)}")
    parts.append(
        "A score, or all probabilities of an attribute changed together with its value, is what the model said and has "
        "no second measurement: such a change is not among those tried. The reader of the text was written for this "
        "report's language, so the table above says that the text is unambiguous, not that any text is understood."
    )
    return "\n\n".join(parts)


def _share(found: list[bool]) -> str:
    """With the interval of Wilson (1927)."""
    n, z = len(found), 1.96
    if not n:
        return "none"
    share = sum(found) / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{share:.3f} [{max(middle - half, 0):.3f}, {min(middle + half, 1):.3f}]"


if __name__ == "__main__":
    main()
