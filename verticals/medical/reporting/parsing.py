"""A report's text read back: what each sentence says of which finding, and whether the report holds that.

It reads words, not templates: a text that was edited, reordered or written by something else is held against the
verified facts of the report it claims to be. What it cannot read in a sentence about findings is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ....knowledge.claims import About, Claim, Told, Value, told
from ....knowledge.reports import Report
from . import readings
from .facts import ABSENT

OWN = ("finding", "measurement", "attribute", "model", "comparison", "impression")  # claims that this grammar reads


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What one sentence says: values by subject and attribute with their digits, the subject that a following "it"
    means, and what says something but was not understood."""

    said: Mapping[About, tuple[Value, int]]
    subject: str
    left: str
    words: Mapping[About, str] = field(default_factory=dict)  # with their hedge, where a value can have one


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What a report's claims hold: values, their words, and the sentences that stand as they are."""

    told: Told
    written: Mapping[About, str]
    verbatim: frozenset[str]

    @classmethod
    def of(cls, claims: Sequence[Claim]) -> Held:
        """Of claims that do not contradict each other."""
        told_of = [claim for claim in claims if any(fact.about for fact in claim.facts.values())]
        own = {id(claim) for claim in told_of if claim.kind in OWN}
        written = {fact.about: fact.written() for each in told_of for fact in each.facts.values() if fact.about}
        verbatim = frozenset(claim.sentence() for claim in claims if id(claim) not in own)
        return cls(told=told(claims), written=written, verbatim=verbatim)

    def reasons(self, sentence: str, subject: str) -> tuple[list[str], Heard]:
        """Why a sentence is not supported (nothing: it is), and what it says; `subject` is what its "it" means."""
        heard = hear(sentence, subject)
        return list(_differences(sentence, heard, self)), heard


def hear(sentence: str, subject: str = "") -> Heard:
    """Read one sentence; `subject` is what "it" means where the sentence names nothing itself."""
    said: dict[About, tuple[Value, int]] = {}
    rest = sentence
    for words in readings.HARMLESS:
        rest = rest.replace(words, " ")
    listed = readings.LISTED.search(rest)
    if listed:
        said["scan", f"{_canonical(listed[2])} findings"] = listed[1], 0
        return Heard(said=said, subject=subject, left=_left(rest.replace(listed[0], " ")))
    rest = _overall(rest, said)
    subject, rest = _subject(rest, subject, said)
    if ("scan", "count") in said and said["scan", "count"][0] == 1.0:
        subject = "finding 1"
    hedged: dict[About, str] = {}
    rest = _read(rest, subject, said, hedged)
    return Heard(said=said, words=hedged, subject=subject, left=_left(rest))


def refusals(sentences: Iterable[str], report: Report) -> list[str]:
    """Why a text is not this report's: each sentence that says what the report does not hold, and findings left out."""
    held = Held.of(report.claims())
    subject, found, named = "", [], set()
    for sentence in sentences:
        if sentence in held.verbatim:
            continue
        reasons, heard = held.reasons(sentence, subject)
        subject = heard.subject
        named |= {about for about in heard.said if about[1] == "volume_mm3"}
        found += [f"{sentence!r}: {reason}" for reason in reasons]
    numbered = {about for about in held.told if about[1] == "volume_mm3"}
    return [*found, *(f"{subject} is left out" for subject, _ in sorted(numbered - named))]


def _differences(sentence: str, heard: Heard, held: Held) -> Iterator[str]:
    if heard.left:
        yield f"{heard.left!r} is not understood"
    if not heard.said:
        yield "it says nothing that the report holds"
    for about, words in heard.words.items():
        if about in held.written and held.written[about] != words:
            yield f"the report says {held.written[about]!r}, not {words!r}"
    for about, (value, digits) in heard.said.items():
        own = held.told.get(about)
        if own is None:
            yield f"the report says nothing of the {about[1]} of {about[0]}"
        elif isinstance(own, str) or isinstance(value, str):
            if own != value:
                yield f"the {about[1]} of {about[0]} is {own!r}, not {value!r}"
        elif abs(own - value) > 0.5 * 10**-digits + 1e-9:
            yield f"the {about[1]} of {about[0]} is {own:g}, not {value:g}"
    names = {name for _, name in heard.said}
    if "malignancy_low" in names and readings.NO_CANCER not in sentence:
        yield f"a suspicion must be said to be {readings.NO_CANCER}"
    unchanged = any(about[1] == "change" and value == "unchanged" for about, (value, _) in heard.said.items())
    if unchanged and "volume_ratio_value" in names and readings.IN_ERROR not in sentence:
        yield f"what is unchanged is so {readings.IN_ERROR}, which must be said"


def _overall(rest: str, said: dict[About, tuple[Value, int]]) -> str:
    """What is said of all findings together is put into `said`; numbers of findings stay for the subject."""
    count = readings.COUNT.search(rest)
    if count:
        said["scan", "count"] = (1.0 if count[1] == "one" else float(count[1])), 0
        rest = rest.replace(count[0], " ")
    for pattern, name in ((readings.LARGEST, "largest"), (readings.SUSPICIOUS, "most suspicious")):
        found = pattern.search(rest)
        if found:
            number = found[1] or found[2]
            said["scan", name] = float(number), 0
            rest = rest.replace(found[0], f" finding {number} ")
    if readings.NONE.search(rest):
        said["scan", "count"] = 0.0, 0
        rest = re.sub(r"-?\d+\.\d+ or more", "", readings.NONE.sub(" ", rest))
    return rest


def _subject(rest: str, subject: str, said: dict[About, tuple[Value, int]]) -> tuple[str, str]:
    earlier = readings.EARLIER.search(rest)
    found = earlier or readings.SUBJECT.search(rest)
    if found is None or "outside the picture" in rest:
        return subject, rest
    subject = f"{'earlier ' if earlier else ''}finding {found[1]}"
    said[subject, "number"] = float(found[1]), 0
    return subject, rest.replace(f"inding {found[1]}", "inding", 1)


def _read(rest: str, subject: str, said: dict[About, tuple[Value, int]], words: dict[About, str]) -> str:
    """Everything said of the subject is put into `said`; what is left of the sentence is returned."""
    for pattern, names in readings.RULES:
        found = re.search(pattern, rest)
        if found and not any((subject, name) in said for name in names):
            for name, value in zip(names, found.groups(), strict=True):
                said[subject, name] = float(value), len(value.partition(".")[2])
            rest = rest.replace(found[0], " ", 1)
    noun, place = readings.NOUN.search(rest), readings.PLACE.search(rest)
    if noun:
        said[subject, "noun"] = noun[1], 0
        rest = rest.replace(noun[0], " ", 1)
    if place:
        name = "side" if re.fullmatch(rf"{readings.SIDE} lung", place[2]) else "location"
        said[subject, name] = (place[2].split()[0] if name == "side" else place[2]), 0
        words[subject, name] = place[0]
        rest = rest.replace(place[0], " ", 1)
    change = readings.CHANGE.search(rest)
    if change:
        said[subject, "change"] = _canonical(change[1]), 0
        rest = rest.replace(change[0], " ", 1)
    return _attributes(rest, subject, said, words)


def _attributes(rest: str, subject: str, said: dict[About, tuple[Value, int]], words: dict[About, str]) -> str:
    absent = readings.NOTHING.match(rest)
    if absent:
        for name in re.findall("|".join(ABSENT), absent[1]):
            said[subject, name] = "none", 0
        return rest[absent.end() :]
    for found in readings.ATTRIBUTE.finditer(rest):
        name, value = readings.HEDGED[found[2]]
        if (subject, name) not in said:  # a second one is not understood
            said[subject, name] = value, 0
            words[subject, name] = (found[1] or "") + _canonical(found[2])
            rest = rest.replace(found[0], " ", 1)
    return rest


def _canonical(words: str) -> str:
    return readings.CANONICAL.get(words, words)


def _left(rest: str) -> str:
    """What is left of a sentence, where any of it could say something."""
    plain = all(word.lower() in readings.PLAIN for word in re.findall(r"[^\W\d_]+(?:-\w+)*", rest))
    return "" if plain and not re.search(r"[^\sA-Za-z,;:.()]", rest) else " ".join(rest.split())
