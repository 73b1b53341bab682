"""A report's text read back: what each sentence says of which finding, and whether the report holds that.

It reads words, not templates: a text that was edited, reordered or written by something else is held against the
verified facts of the report it claims to be. What it cannot read in a sentence about findings is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ....knowledge.claims import About, Told, Value
from ....knowledge.reports import Report
from .facts import ABSENT, PRESENT

OWN = ("finding", "measurement", "attribute", "model", "comparison", "impression")  # claims that this grammar reads
_MM, _NUMBER = r"(-?\d+\.\d) mm", r"(-?\d+(?:\.\d+)?)"
_SIDE = r"(?:right|left)"
_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (rf"(?<=nodule) of {_MM}", ("diameter_mm",)),
    (rf"(?<=mass) of {_MM}", ("diameter_mm",)),
    (rf"measures {_MM}", ("diameter_mm",)),
    (rf"operating point, of {_MM}", ("diameter_mm",)),
    (rf"is {_MM} and lies", ("diameter_mm",)),
    (rf"of the earlier CT \({_MM}\)", ("diameter_mm",)),
    (rf"are {_MM} and {_MM}", ("long_axis_mm", "short_axis_mm")),
    (rf"is {_MM} long and {_MM} wide", ("long_axis_mm", "short_axis_mm")),
    (rf"extends {_MM} by {_MM}", ("long_axis_mm", "short_axis_mm")),
    (r"slice (-?\d+)", ("slice_index",)),
    (r"(?:volume (?:is|of)|fills) (\d+) mm3", ("volume_mm3",)),
    (r"median density (?:of )?(-?\d+) HU", ("median_hu",)),
    (r"(\d+)% coverage", ("diameter_coverage",)),
    (rf"diameter (?:is|lies between) {_MM} (?:to|and) {_MM}", ("diameter_low_mm", "diameter_high_mm")),
    (rf"at x {_NUMBER}, y {_NUMBER}, z {_NUMBER} mm", ("center_x_mm", "center_y_mm", "center_z_mm")),
    (rf"a share of {_NUMBER}", ("score",)),
    (rf"with a probability of {_NUMBER} \(interval {_NUMBER} to {_NUMBER}\)",
     ("malignancy_value", "malignancy_low", "malignancy_high")),
    (rf"\(probability {_NUMBER}\)", ("malignancy_value",)),
    (rf"volume ratio {_NUMBER}, {_NUMBER} to {_NUMBER}",
     ("volume_ratio_value", "volume_ratio_low", "volume_ratio_high")),
    (rf"volume is {_NUMBER} times what it was \({_NUMBER} to {_NUMBER}\)",
     ("volume_ratio_value", "volume_ratio_low", "volume_ratio_high")),
    (rf"doubles in {_NUMBER} days \({_NUMBER} to {_NUMBER} days\)",
     ("doubling_days_value", "doubling_days_low", "doubling_days_high")),
    (rf"doubles in {_NUMBER} days \(at least {_NUMBER} days\)", ("doubling_days_value", "doubling_days_low")),
    (r"(?:Findings|Finding) [\d, and to]+ (?:lies|lie) outside", ()),
)  # fmt: skip
_PLACE = re.compile(rf"(probably )?in the ({_SIDE}(?: (?:upper|middle|lower))? (?:lung|lobe|zone)|lingula)")
_NOUN = re.compile(r"\b(?:a|an) ((?:possible |probable )?(?:nodule|mass))\b")
_CHANGE = re.compile(r"\b(?:is|was|has) (new|unchanged|grown|shrunk|not found again)\b(?=[^.]*)")
_COUNT = re.compile(r"There (?:is|are) (one|\d+) findings?\b")
_NONE = re.compile(r"\b[Nn]o finding\b")
_LIST = re.compile(r"^((?:Finding|Findings) [\d, and to]+?) (?:is|are|has|have) (new|unchanged|grown|shrunk) since")
_LARGEST = re.compile(r"largest, finding (\d+)")
_SUSPICIOUS = re.compile(r"most suspicious to readers would be finding (\d+)")
_EARLIER = re.compile(r"^Finding (\d+) of the earlier CT")
_SUBJECT = re.compile(r"\b[Ff]inding (\d+)\b")
_HEDGED = {words: (name, value) for (name, value), words in PRESENT.items()}
_TELLING = re.compile(
    r"\d|\b(?:right|left|bilateral|upper|lower|middle|lingula|solid|ground-glass|sharply|ill-defined|spicul\w+|lobulat\w+|"
    r"calcif\w+|no|not|none|without|nor|never|new|grown|shrunk|unchanged|larger|smaller|probably|benign|malignant|cancer|"
    r"nodules?|mass|masses|cyst|cavity|effusion)\b"
)
_HARMLESS = (
    "which is no probability of cancer",
    "no candidate scored",
    "a nodule may still be there",
    "were nodules in the validation scans",
    "a candidate below the operating point lies there",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What one sentence says: values by subject and attribute with their digits, the subject that a following "it"
    means, and what says something but was not understood."""

    said: Mapping[About, tuple[Value, int]]
    subject: str
    left: str
    words: Mapping[About, str] = field(default_factory=dict)  # with their hedge, where a value can have one


def hear(sentence: str, subject: str = "") -> Heard:
    """Read one sentence; `subject` is what "it" means where the sentence names nothing itself."""
    said: dict[About, tuple[Value, int]] = {}
    rest = sentence
    for words in _HARMLESS:
        rest = rest.replace(words, " ")
    for pattern, name in ((_LIST, "list"), (_COUNT, "count"), (_LARGEST, "largest"), (_SUSPICIOUS, "most suspicious")):
        found = pattern.search(rest)
        if found and name == "list":
            said["scan", f"{found[2]} findings"] = found[1], 0
            return Heard(said=said, subject=subject, left=_left(rest.replace(found[0], " ")))
        if found:
            said["scan", name] = 1.0 if found[1] == "one" else float(found[1]), 0
            if name == "count":
                rest = rest.replace(found[0], " ")
    if _NONE.search(rest):
        said["scan", "count"] = 0.0, 0
        rest = re.sub(r"-?\d+\.\d+ or more", "", _NONE.sub(" ", rest))
    subject, rest = _subject(rest, subject, said)
    if ("scan", "count") in said and said["scan", "count"][0] == 1.0:
        subject = "finding 1"
    hedged: dict[About, str] = {}
    rest = _read(rest, subject, said, hedged)
    return Heard(said=said, words=hedged, subject=subject, left=_left(rest))


def refusals(sentences: Iterable[str], report: Report) -> list[str]:
    """Why a text is not this report's: each sentence that says what the report does not hold, and findings left out."""
    verbatim = {claim.sentence() for claim in report.claims() if claim.kind not in OWN}
    verbatim |= {claim.sentence() for claim in report.claims() if not any(fact.about for fact in claim.facts.values())}
    held = report.told()
    written = {fact.about: fact.written() for claim in report.claims() for fact in claim.facts.values() if fact.about}
    subject, found, named = "", [], set()
    for sentence in sentences:
        if sentence in verbatim:
            continue
        heard = hear(sentence, subject)
        subject = heard.subject
        named |= {about for about in heard.said if about[1] == "volume_mm3"}
        found += [f"{sentence!r}: {reason}" for reason in _differences(heard, held, written)]
    numbered = {about for about in held if about[1] == "volume_mm3"}
    return [*found, *(f"{subject} is left out" for subject, _ in sorted(numbered - named))]


def _differences(heard: Heard, held: Told, written: Mapping[About, str]) -> Iterator[str]:
    if heard.left:
        yield f"{heard.left!r} is not understood"
    if not heard.said:
        yield "it says nothing that the report holds"
    for about, words in heard.words.items():
        if about in written and written[about] != words:
            yield f"the report says {written[about]!r}, not {words!r}"
    for about, (value, digits) in heard.said.items():
        own = held.get(about)
        if own is None:
            yield f"the report says nothing of the {about[1]} of {about[0]}"
        elif isinstance(own, str) or isinstance(value, str):
            if own != value:
                yield f"the {about[1]} of {about[0]} is {own!r}, not {value!r}"
        elif abs(own - value) > 0.5 * 10**-digits + 1e-9:
            yield f"the {about[1]} of {about[0]} is {own:g}, not {value:g}"


def _subject(rest: str, subject: str, said: dict[About, tuple[Value, int]]) -> tuple[str, str]:
    earlier = _EARLIER.search(rest)
    found = earlier or _SUBJECT.search(rest)
    if found is None or "outside the picture" in rest:
        return subject, rest
    subject = f"{'earlier ' if earlier else ''}finding {found[1]}"
    said[subject, "number"] = float(found[1]), 0
    return subject, rest.replace(f"inding {found[1]}", "inding", 1)


def _read(rest: str, subject: str, said: dict[About, tuple[Value, int]], words: dict[About, str]) -> str:
    """Everything said of the subject is put into `said`; what is left of the sentence is returned."""
    for pattern, names in _RULES:
        found = re.search(pattern, rest)
        if found:
            for name, value in zip(names, found.groups(), strict=True):
                said[subject, name] = float(value), len(value.partition(".")[2])
            rest = rest.replace(found[0], " ")
    noun, place, change = _NOUN.search(rest), _PLACE.search(rest), _CHANGE.search(rest)
    if noun:
        said[subject, "noun"] = noun[1], 0
        rest = rest.replace(noun[0], " ")
    if place:
        name = "side" if re.fullmatch(rf"{_SIDE} lung", place[2]) else "location"
        said[subject, name] = (place[2].split()[0] if name == "side" else place[2]), 0
        words[subject, name] = place[0]
        rest = rest.replace(place[0], " ")
    if change:
        said[subject, "change"] = change[1], 0
        rest = rest.replace(change[0], " ")
    return _attributes(rest, subject, said, words)


def _attributes(rest: str, subject: str, said: dict[About, tuple[Value, int]], words: dict[About, str]) -> str:
    absent = re.search(rf"There is no ((?:{'|'.join(ABSENT)}|, | or )+)\.", rest)
    if absent:
        for name in re.findall("|".join(ABSENT), absent[1]):
            said[subject, name] = "none", 0
        return rest.replace(absent[0], " ")
    row = re.match(r"^It is (.+)\.$", rest)
    if row:
        parts = re.split(r", | and ", row[1])
        if all(part.removeprefix("probably ") in _HEDGED for part in parts):
            for part in parts:
                name, value = _HEDGED[part.removeprefix("probably ")]
                said[subject, name] = value, 0
                words[subject, name] = part
            return ""
    return rest


def _left(rest: str) -> str:
    return " ".join(rest.split()) if _TELLING.search(rest) else ""
