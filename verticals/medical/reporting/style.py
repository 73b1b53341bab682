"""How radiologists word what a claim says: the many ways that the generated wording learns from.

A pattern holds `{slots}` for facts, [one|of|several] choices, and words drawn in the proportions of the findings and
impressions of the Indiana radiograph reports (Open-i; 17,302 sentences, counted as regular expressions). It holds no
number. It is what a writer is taught with; nothing of it is printed without being verified.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .facts import ABSENT, PRESENT
from .readings import SYNONYMS

TABLES: Mapping[str, Mapping[str, float]] = {
    "seen": {"seen": 445, "identified": 311, "visualized": 270, "noted": 268, "present": 182, "demonstrated": 86},
    "prior": {"earlier": 300, "prior": 227, "previous": 102},  # "earlier" is this report's own word
    "status": {"unchanged": 167, "stable": 693},
}
_ON = "[of|measuring] {diameter}"
_LEADS = (
    f"Finding {{number}} is a {{noun}} {_ON} {{place}}", "Finding {number}: {diameter} {noun} {place}",
    f"Finding {{number}} represents a {{noun}} {_ON} {{place}}",
    f"There is a {{noun}} {_ON} {{place}} (finding {{number}})",
    f"A {{noun}} {_ON} is <seen> {{place}} (finding {{number}})",
    "A {noun} is <seen> {place}, measuring {diameter} (finding {number})",
    "Finding {number}, a {noun} {place}, measures {diameter}[ in mean diameter|]",
)  # fmt: skip
_SINCE = "[since|compared with|in comparison with] the <prior> CT"
_GROWN = ("{ratio_value} times what it was ({ratio_low} to {ratio_high})",
          "{ratio_value} (interval {ratio_low} to {ratio_high})")  # fmt: skip
_SHARE = "[candidates that look like this|candidates like this|such candidates|similar candidates]"
_RATED = "with a probability of {value} (interval {low} to {high})"
PATTERNS: Mapping[str, tuple[str, ...]] = {
    "lead": (
        *(f"{each}." for each in _LEADS), f"Finding {{number}} [lies|is located] {{place}}; it is a {{noun}} {_ON}.",
    ),
    "described": (
        *(f"{each}, <list>." for each in _LEADS[:-1]), *(f"{each}; it [is|appears] <list>." for each in _LEADS),
        "Finding {number}, a {noun} {place}, measures {diameter} and [is|appears] <list>.",
    ),
    "present": ("It [is|appears] <list>.", "The [finding|lesion] [is|appears] <list>."),
    "absent": (
        "There is no <list>.", "There is no <list>.", "No <list> is <seen>.", "No <list> is <seen>.",
        "There is no evidence of <list>.", "No evidence of <list>.", "It shows no <list>.",
    ),
    "sizes": (
        "Its axes on slice {slice} are {long} and {short}; its volume is {volume}, its median density {density}.",
        "On slice {slice} it is {long} long and {short} wide, with a volume of {volume} and a median density of "
        "{density}.",
        "It extends {long} by {short} on slice {slice} and [fills|occupies] {volume} at a median density of {density}.",
        "[It measures|It extends|Axial dimensions are|The lesion measures] {long} by {short} on slice {slice}, with a "
        "volume of {volume} and a median density of {density}.",
        "On slice {slice} [it|the finding|the lesion] measures {long} by {short}; [the|its] volume is {volume} and "
        "[the|its] median density is {density}.",
        "[The|Its] median density is {density}, [the|its] volume {volume}; on slice {slice} it [extends|measures] "
        "{long} by {short}.",
        "On slice {slice} it has a long axis of {long} and a short axis of {short}; [the|its] volume is {volume}, "
        "[the|its] median density {density}.",
    ),
    "bounds": (
        "With {coverage} coverage [its|the] true mean diameter [is|lies] [{low} to {high}|between {low} and {high}].",
        "[Its|The] true mean diameter [is|lies|is expected|is estimated to lie] between {low} and {high} ({coverage} "
        "coverage).",
        "[Its|The] true mean diameter runs from {low} to {high} ({coverage} [coverage|interval]).",
    ),
    "center": (
        "[Its|The] center [lies|is located] at x {x}, y {y}, z {z} mm.", "It is [centered|located] at x {x}, y {y}, z "
        "{z} mm.", "The [finding|lesion] is centered at x {x}, y {y}, z {z} mm.",
    ),
    "score": (
        f"Of {_SHARE}, a share of {{score}} were nodules in the validation scans.",
        f"In the validation scans, a share of {{score}} of {_SHARE} were nodules.",
    ),
    "suspicion": (
        f"[Readers|A reader] would [call|rate] it suspicious {_RATED}, which is no probability of cancer.",
        f"[It|The finding|The lesion] would be [called|rated] suspicious by readers {_RATED}[, which|; this] is no "
        "probability of cancer.",
    ),
    "new": ("It is {status} since the <prior> CT.", "[Compared|In comparison] with the <prior> CT it is {status}.",
            f"[It|The finding|The lesion] is {{status}} {_SINCE}."),
    "unchanged": (
        "Since the <prior> CT it [is|remains] {status} within the error of measurement (volume ratio {ratio_value}, "
        "{ratio_low} to {ratio_high}).",
        f"[It|The finding|The lesion] [is|remains] {{status}} within the error of measurement {_SINCE}, with a volume "
        f"ratio of {_GROWN[1]}.",
        "[Compared|In comparison] with the <prior> CT it [is|remains] {status} within the error of measurement, at a "
        f"volume ratio of {_GROWN[1]}.",
    ),
    "changed": (
        f"[It|The finding|The lesion] has {{status}} {_SINCE}[: its|; its|; the] volume is [now |]{_GROWN[0]}.",
        f"[Compared|In comparison] with the <prior> CT it has {{status}}, with a volume ratio of {_GROWN[1]}.",
        f"[It|The finding|The lesion] has {{status}} {_SINCE}, with a volume ratio of {_GROWN[1]}.",
    ),
    "doubling": (
        "At this pace [its|the] volume doubles in {doubling_value} days ({doubling_low} to {doubling_high} days).",
        "[Its|The] volume doubling time is {doubling_value} days ({doubling_low} to {doubling_high} days).",
    ),
    "doubling open": (
        "At this pace [its|the] volume doubles in {doubling_value} days (at least {doubling_low} days).",
        "[Its|The] volume doubling time is {doubling_value} days (at least {doubling_low} days).",
    ),
    "one": (
        "There is {count} at the operating point, of {diameter}, {place}.",
        "At the operating point there is {count}, [of|measuring] {diameter}, {place}.",
        "There is {count} at the operating point; it [measures|is] {diameter} and lies {place}.",
    ),
    "several": (
        "There are {count} at the operating point; the largest, finding {largest}, [is|measures] {diameter} and lies "
        "{place}.",
        "At the operating point there are {count}; the largest is finding {largest}, [of|measuring] {diameter}, "
        "{place}.",
        "There are {count} at the operating point, of which finding {largest} is the largest, at {diameter}, {place}.",
    ),
    "suspicious": (
        "The most suspicious to readers [would be|is] finding {number} (probability {value}).",
        "Finding {number} [would be|is] the most suspicious to readers (probability {value}).",
    ),
    "list of new": (f"{{which}} <be> new {_SINCE}.",),
    "list of grown": (f"{{which}} <have> [grown|enlarged|increased in size] {_SINCE}.",),
    "list of shrunk": (f"{{which}} <have> [shrunk|decreased in size] {_SINCE}.",),
    "list of unchanged": (f"{{which}} <be> <status> {_SINCE}.", f"{{which}} <remain> <status> {_SINCE}."),
}  # fmt: skip
VERBS = {"be": ("is", "are"), "have": ("has", "have"), "remain": ("remains", "remain")}
USUAL = 0.7  # of lists begin with the texture, as reports do; the others are in any order
_CHOICE, _TABLE = re.compile(r"\[([^\[\]]*)\]"), re.compile(r"<(\w+)>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a sentence is asked to say: its kind of content, and its slots with the words that each will show (empty
    where the words do not matter: a number)."""

    content: str
    slots: Mapping[str, str]

    def facts(self) -> tuple[str, ...]:
        """As the writer reads it: the content, each slot, and what a slot's words are where wording depends on them."""
        told = [f"{name}={words}" if words else name for name, words in self.slots.items()]
        return (self.content, *sorted(told))


def worded(asked: Asked, draw: np.random.Generator) -> str:
    """One way to say it: a template whose places are slots, some with another word than the fact's own (`{margin=well-
    defined}`)."""
    pattern = str(draw.choice(PATTERNS[asked.content]))
    while found := _CHOICE.search(pattern):
        pattern = pattern[: found.start()] + str(draw.choice(found[1].split("|"))) + pattern[found.end() :]
    while found := _TABLE.search(pattern):
        pattern = pattern[: found.start()] + _drawn(found[1], asked, draw) + pattern[found.end() :]
    return re.sub(r"\{(\w+)\}", lambda slot: _spelt(slot[1], asked, draw), pattern)


def _drawn(name: str, asked: Asked, draw: np.random.Generator) -> str:
    if name == "list":
        return _list(asked, draw)
    if name in VERBS:
        return VERBS[name][asked.slots["which"] == "several"]
    table = TABLES[name]
    return str(draw.choice(list(table), p=np.array(list(table.values())) / sum(table.values())))


def _list(asked: Asked, draw: np.random.Generator) -> str:
    names = [name for name in asked.slots if name in LISTED]
    if draw.random() > USUAL:
        names = [names[each] for each in draw.permutation(len(names))]
    word = "or" if asked.content == "absent" else "and"
    parts = [f"{{{name}}}" for name in names]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def _spelt(name: str, asked: Asked, draw: np.random.Generator) -> str:
    """The slot, at times with another word for the same."""
    words = asked.slots[name]
    others = SYNONYMS.get(words, ())
    if words == "unchanged":
        return f"{{{name}}}" if _drawn("status", asked, draw) == words else f"{{{name}={others[0]}}}"
    if not others or draw.random() < 0.5:
        return f"{{{name}}}"
    return f"{{{name}={draw.choice(others)}}}"


LISTED = ("texture", "margin", "spiculation", "lobulation", "calcification")
VALUES: Mapping[str, tuple[str, ...]] = {
    name: tuple(words for (own, _), words in PRESENT.items() if own == name) for name in LISTED
}


def drawn_asked(draw: np.random.Generator) -> Asked:
    """What any sentence may be asked to say, every content as likely as another."""
    content = str(draw.choice(list(PATTERNS)))
    return Asked(content=content, slots=_slots(content, draw))


def _slots(content: str, draw: np.random.Generator) -> dict[str, str]:
    if content.startswith("list of "):
        return {"which": str(draw.choice(["one", "several"]))}
    named = dict.fromkeys(re.findall(r"\{(\w+)\}", " ".join(PATTERNS[content])), "")
    if content in ("new", "unchanged"):
        named["status"] = content
    elif content == "changed":
        named["status"] = str(draw.choice(["grown", "shrunk"]))
    if content in ("present", "described"):
        for name in _some(LISTED, draw):
            named[name] = str(draw.choice(VALUES[name]))
    elif content == "absent":
        named |= dict.fromkeys(_some(ABSENT, draw), "none")
    return named


def _some(names: Sequence[str], draw: np.random.Generator) -> list[str]:
    """At least one, in their order."""
    chosen = draw.random(len(names)) < draw.uniform(0.2, 0.9)
    chosen[int(draw.integers(len(names)))] = True
    return [name for name, each in zip(names, chosen, strict=True) if each]
