"""Slips of a writer, to try the verifier on: a generated template made false in one place.

Every slip changes what the sentence says: a slot in another's place, one that is missing or doubled, a number of its
own, a word turned round, another finding's value, a caveat left out. One that does not apply gives None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ....knowledge.claims import Claim, Fact
from .readings import IN_ERROR, NO_CANCER

Draw = np.random.Generator
QUALITIES = {"texture", "margin", "spiculation", "lobulation", "calcification"}
_PLACE = re.compile(r"\{(\w+)\}")
_TURNED = (
    (" is ", " is not "), (" are ", " are not "), (" has ", " has not "), (" no ", " "), ("No ", ""),
    (" grown ", " shrunk "), (" shrunk ", " grown "), (" new ", " unchanged "), (" stable ", " enlarged "),
    (" largest", " smallest"), (" most ", " least "), ("long", "short"), (" within ", " beyond "),
    (" between ", " outside "), ("doubles", "halves"), (" validation ", " "), ("measures", "never measures"),
    ("measuring", "less than"), ("Finding ", "No finding "),
)  # fmt: skip
_ADDED = (
    "benign", "malignant", "spiculated", "multiple", "cavitating", "not", "without", "hilar", "large", "bilateral",
    "probably", "calcified", "suspicious", "in the lingula", "new",
)  # fmt: skip


def turned(claim: Claim, others: Sequence[Claim], draw: Draw) -> Claim | None:
    """A word that turns what the sentence says."""
    found = [(old, new) for old, new in _TURNED if old in claim.template]
    if not found:
        return None
    old, new = found[int(draw.integers(len(found)))]
    return replace(claim, template=claim.template.replace(old, new, 1))


def added(claim: Claim, others: Sequence[Claim], draw: Draw) -> Claim | None:
    """A word that no fact carries, before the last sign; one that the sentence says anyway does not count."""
    words = [each for each in _ADDED if each not in claim.sentence()]
    return replace(claim, template=f"{claim.template[:-1]}, {draw.choice(words)}.")


def swapped(claim: Claim, others: Sequence[Claim], draw: Draw) -> Claim | None:
    """Two slots whose facts differ trade places."""
    names = _PLACE.findall(claim.template)
    pairs = [
        (one, other) for at, one in enumerate(names) for other in names[at + 1 :]
        if claim.facts[one].written() != claim.facts[other].written() and _ordered(claim, one, other)
    ]  # fmt: skip
    if not pairs:
        return None
    one, other = pairs[int(draw.integers(len(pairs)))]
    trade = {one: other, other: one}
    return replace(claim, template=_PLACE.sub(lambda each: f"{{{trade.get(each[1], each[1])}}}", claim.template))


def _ordered(claim: Claim, one: str, other: str) -> bool:
    """Whether the order of two slots says something: a quality is true of the finding wherever it stands."""
    return not {(claim.facts[name].about or ("", ""))[1] for name in (one, other)} & QUALITIES


def dropped(claim: Claim, others: Sequence[Claim], draw: Draw) -> Claim | None:
    """A slot is not written."""
    name = str(draw.choice(_PLACE.findall(claim.template)))
    return replace(claim, template=claim.template.replace(f"{{{name}}}", "", 1))


def doubled(claim: Claim, others: Sequence[Claim], draw: Draw) -> Claim | None:
    """A slot is written in place of another one too."""
    names = _PLACE.findall(claim.template)
    if len(names) < 2:
        return None
    one, other = (str(each) for each in draw.choice(names, 2, replace=False))
    return replace(claim, template=claim.template.replace(f"{{{other}}}", f"{{{one}}}", 1))


def numbered(claim: Claim, others: Sequence[Claim], draw: Draw) -> Claim | None:
    """A number of the writer's own in place of a slot."""
    names = [name for name in _PLACE.findall(claim.template) if isinstance(claim.facts[name].value, float)]
    if not names:
        return None
    name = str(draw.choice(names))
    fact = claim.facts[name]
    other = replace(fact, value=float(fact.value) + float(draw.choice([1, 2, 7, 30])) * 10.0**-fact.digits)
    template = claim.template.replace(f"{{{name}}}", other.written(), 1)
    return replace(claim, template=template, facts={key: each for key, each in claim.facts.items() if key != name})


def borrowed(claim: Claim, others: Sequence[Claim], draw: Draw) -> Claim | None:
    """A slot is filled with another finding's fact, in whose evidence it holds."""
    found: list[tuple[str, Fact]] = [
        (name, each.facts[name]) for each in others for name in claim.facts
        if name in each.facts and each.facts[name].about != claim.facts[name].about
        and each.facts[name].written() != claim.facts[name].written()
    ]  # fmt: skip
    if not found:
        return None
    name, fact = found[int(draw.integers(len(found)))]
    return replace(claim, facts={**claim.facts, name: fact})


def unhedged(claim: Claim, others: Sequence[Claim], draw: Draw) -> Claim | None:
    """What is only probable is said without the hedge, as the model never said it."""
    names = [name for name, fact in claim.facts.items() if str(fact.value).startswith("probably ")]
    if not names:
        return None
    name = str(draw.choice(names))
    words = str(claim.facts[name].value).removeprefix("probably ")
    return replace(claim, facts={**claim.facts, name: replace(claim.facts[name], value=words, measure=lambda: words)})


def uncaveated(claim: Claim, others: Sequence[Claim], draw: Draw) -> Claim | None:
    """What must be said beside a value is left out."""
    pattern = rf"(?:,? (?:which|and this) is|; this is) {NO_CANCER}| {IN_ERROR}"
    made = re.sub(pattern, "", claim.template)
    return replace(claim, template=made) if made != claim.template else None


SLIPS: Mapping[str, Callable[[Claim, Sequence[Claim], Draw], Claim | None]] = {
    "slots swapped": swapped, "slot left out": dropped, "slot doubled": doubled, "own number": numbered,
    "another finding's value": borrowed, "word turned": turned, "word added": added, "hedge left out": unhedged,
    "caveat left out": uncaveated,
}  # fmt: skip
