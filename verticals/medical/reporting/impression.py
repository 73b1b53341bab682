"""The impression: how many findings, the largest, the most suspicious, and what has changed, in a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Section
from ..records import Finding, Nodules
from . import sentences
from .facts import Again, change_facts, mask_key, place_fact, size_facts, suspicion_facts

CHANGED = ("new", "grown", "shrunk", "unchanged")
VERBS = {"new": ("is new", "are new"), "grown": ("has grown", "have grown"), "shrunk": ("has shrunk", "have shrunk"),
         "unchanged": ("is unchanged", "are unchanged")}  # fmt: skip


def impression(answer: Nodules, again: Again, evidence: dict[str, Evidence]) -> Section:
    """The first section that most readers read."""
    if not answer.findings:
        word = "No finding"
        fact = Fact(value=word, states=0.0, evidence="scores", about=("scan", "count"),
                    measure=lambda: word if not again.sizes else f"{len(again.sizes)} findings")  # fmt: skip
        claims = [Claim(template="{none} at the operating point; a nodule may still be there.", facts={"none": fact},
                        kind="impression")]  # fmt: skip
        return Section(heading="Impression", claims=tuple(claims))
    evidence["masks"] = Evidence(kind="mask", shows=f"all {len(answer.findings)} masks", figure="overview")
    claims = [_count(answer, again), *_suspicious(answer), *_changed(answer, again, evidence)]
    return Section(heading="Impression", claims=tuple(claims))


def _count(answer: Nodules, again: Again) -> Claim:
    largest = max(answer.findings, key=lambda each: each.diameter_mm)
    facts = {**size_facts(largest, again), "place": place_fact(largest, again)}
    n = len(answer.findings)
    facts["count"] = Fact(
        value="one finding" if n == 1 else f"{n} findings", states=float(n), evidence="masks", about=("scan", "count"),
        measure=lambda: "one finding" if len(again.sizes) == 1 else f"{len(again.sizes)} findings",
    )  # fmt: skip
    facts["largest"] = Fact(
        value=float(largest.label), evidence=mask_key(largest), digits=0, about=("scan", "largest"),
        measure=lambda: float(again.largest()),
    )  # fmt: skip
    several = "the largest, finding {largest}, is {diameter} and lies {place}."
    template = (
        "There is {count} at the operating point, of {diameter}, {place}."
        if n == 1
        else f"There are {{count}} at the operating point; {several}"
    )
    places = ("count", "diameter", "place", *(() if n == 1 else ("largest",)))
    return Claim(template=template, facts={name: facts[name] for name in places}, kind="impression")


def _suspicious(answer: Nodules) -> list[Claim]:
    rated = [each for each in answer.findings if each.malignancy is not None]
    if not rated:
        return []

    def worst() -> Finding:
        return max(rated, key=lambda each: each.malignancy.value if each.malignancy else 0.0)

    most = worst()
    number = Fact(
        value=float(most.label), evidence=f"attributes {most.label}", digits=0, about=("scan", "most suspicious"),
        measure=lambda: float(worst().label),
    )  # fmt: skip
    facts = {"number": number, "value": suspicion_facts(most)["value"]}
    template = "The most suspicious to readers would be finding {number} (probability {value})."
    return [Claim(template=template, facts=facts, kind="impression")]


def _changed(answer: Nodules, again: Again, evidence: dict[str, Evidence]) -> list[Claim]:
    """Which findings are new, have grown, have shrunk or are unchanged."""
    if answer.comparison is None or answer.comparison.reasons:
        return []
    evidence["changes"] = Evidence(kind="measurement", shows="the changes of all findings")

    def words_for(status: str) -> str:
        told = {each.label: change_facts(answer, again, each.label) for each in answer.findings}
        labels = [label for label, facts in told.items() if facts and facts["status"].measure() == status]
        return sentences.capital(sentences.findings(labels)) if labels else "none"

    claims = []
    for status in CHANGED:
        named: Sequence[int] = [
            each.label for each in answer.changes if each.status == status and each.label is not None
        ]
        if not named:
            continue
        words = sentences.capital(sentences.findings(named))
        fact = Fact(value=words, evidence="changes", about=("scan", f"{status} findings"),
                    measure=partial(words_for, status))  # fmt: skip
        verb = VERBS[status][len(named) > 1]
        claims.append(
            Claim(template=f"{{which}} {verb} since the earlier CT.", facts={"which": fact}, kind="impression")
        )
    return claims
