"""Does the verifier of the nodule report refuse what is false, and only that? And what does the text say, read back?

    python benchmarks/report_verifier.py [--sets 100]

Answers are made up from seeds (verticals/medical/reporting/rehearsal.py: findings with masks, attributes, an earlier
scan, a patient). Each is made wrong in one place, once in its values before the report is written and once in its text
afterwards; a wrong one that passes is a miss, a right one that is refused is a false refusal.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping

import results

from colonnade.core.progress import track
from colonnade.core.random import numpy_generator
from colonnade.knowledge.claims import Evidence, UnsupportedClaim, Value
from colonnade.knowledge.reports import Report
from colonnade.verticals.medical.records import Finding, Nodules
from colonnade.verticals.medical.reporting.consistency import checks
from colonnade.verticals.medical.reporting.facts import SAID, Again
from colonnade.verticals.medical.reporting.parsing import hear, refusals
from colonnade.verticals.medical.reporting.perturbed import FACTS, TEXTS, text
from colonnade.verticals.medical.reporting.plan import Context, planned
from colonnade.verticals.medical.reporting.rehearsal import Rehearsed, rehearsed

FIRST = 1000  # seeds below were looked at while the reader of texts was written
ATTRIBUTES = ("texture", "margin", "spiculation", "lobulation", "calcification", "location")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sets", type=int, default=100)
    count = asked.parse_args().sets
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


def _read_back(answer: Nodules, report: Report) -> Iterator[tuple[str, bool]]:
    """For each thing that a finding has and the report should say: whether the text, read back, says the same."""
    told: dict[tuple[str, str], tuple[Value, int]] = {}
    subject = ""
    for claim in report.claims():
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
