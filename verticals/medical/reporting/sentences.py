"""The grammar of the report: facts become sentences, always the same ones for the same facts.

Templates hold no number and no value: those are facts with their evidence. Several wordings of one content take turns,
so that a report of many findings is no list of one sentence. What no fact carries is not said. It measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from ....knowledge.claims import Claim, Fact

Wordings = Literal["grammar", "generated"]  # whose words a report has; those that are generated come from generated.py
LEADS = (
    "Finding {number} is a {noun} of {diameter} {place}.",
    "Finding {number} lies {place}; it is a {noun} of {diameter}.",
    "Finding {number}, a {noun} {place}, measures {diameter}.",
)
SIZES = (
    "Its axes on slice {slice} are {long} and {short}; its volume is {volume}, its median density {density}.",
    "On slice {slice} it is {long} long and {short} wide, with a volume of {volume} and a median density of {density}.",
    "It extends {long} by {short} on slice {slice} and fills {volume} at a median density of {density}.",
)
BOUNDS = (
    "With {coverage} coverage its true mean diameter is {low} to {high}.",
    "Its true mean diameter lies between {low} and {high} ({coverage} coverage).",
)
SCORE = "Of candidates that look like this, a share of {score} were nodules in the validation scans."
CENTER = "Its center lies at x {x}, y {y}, z {z} mm."
SUSPICION = (
    "Readers would call it suspicious with a probability of {value} (interval {low} to {high}), which is no "
    "probability of cancer."
)
CHANGES: Mapping[str, tuple[str, ...]] = {
    "new": ("It is {status} since the earlier CT.", "Compared with the earlier CT it is {status}."),
    "unchanged": (
        "Since the earlier CT it is {status} within the error of measurement (volume ratio {ratio_value}, "
        "{ratio_low} to {ratio_high}).",
    ),
    "grown": ("It has {status} since the earlier CT: its volume is {ratio_value} times what it was "
              "({ratio_low} to {ratio_high}).",),
    "shrunk": ("It has {status} since the earlier CT: its volume is {ratio_value} times what it was "
               "({ratio_low} to {ratio_high}).",),
}  # fmt: skip
DOUBLING = "At this pace its volume doubles in {doubling_value} days ({doubling_low} to {doubling_high} days)."
DOUBLING_OPEN = "At this pace its volume doubles in {doubling_value} days (at least {doubling_low} days)."


def lead(facts: Mapping[str, Fact], turn: int) -> Claim:
    """What, where and how large; `facts` has number, noun, place and diameter."""
    return _claim(LEADS, facts, turn, "finding")


def sizes(facts: Mapping[str, Fact], turn: int) -> Claim:
    return _claim(SIZES, facts, turn, "measurement")


def bounds(facts: Mapping[str, Fact], turn: int) -> Claim:
    return _claim(BOUNDS, facts, turn, "measurement")


def score(fact: Fact) -> Claim:
    return Claim(template=SCORE, facts={"score": fact}, kind="model")


def center(facts: Mapping[str, Fact]) -> Claim:
    return _claim((CENTER,), facts, 0, "measurement")


def appearance(present: Mapping[str, Fact], absent: Mapping[str, Fact]) -> tuple[Claim, ...]:
    """Which attributes are there, and which surely are not: nothing where nothing is known."""
    claims = []
    if present:
        claims.append(Claim(template=f"It is {series(present, 'and')}.", facts=present, kind="attribute"))
    if absent:
        claims.append(Claim(template=f"There is no {series(absent, 'or')}.", facts=absent, kind="attribute"))
    return tuple(claims)


def suspicion(facts: Mapping[str, Fact]) -> tuple[Claim, ...]:
    return (Claim(template=SUSPICION, facts=facts, kind="model"),) if facts else ()


def change(facts: Mapping[str, Fact], turn: int) -> tuple[Claim, ...]:
    """What became of it, and in how many days it doubles where it has grown."""
    if not facts:
        return ()
    status = str(facts["status"].value)
    claims = [_claim(CHANGES[status], facts, turn, "comparison")]
    if status == "grown" and "doubling_value" in facts and "doubling_low" in facts:
        claims.append(_claim((DOUBLING if "doubling_high" in facts else DOUBLING_OPEN,), facts, 0, "comparison"))
    return tuple(claims)


def series(names: Sequence[str] | Mapping[str, Fact], word: str) -> str:
    """Places in a row: `{a}`, `{a} and {b}`, `{a}, {b} and {c}`."""
    return listed([f"{{{name}}}" for name in names], word)


def listed(parts: Sequence[str], word: str = "and") -> str:
    """Words in a row: a; a and b; a, b and c."""
    parts = list(parts)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def findings(labels: Sequence[int]) -> str:
    """Findings by their numbers, one or several: finding 4; findings 1, 3 and 5 to 9."""
    return f"{'finding' if len(labels) == 1 else 'findings'} {listed(_runs(sorted(labels)))}"


def _runs(labels: Sequence[int]) -> list[str]:
    """Three and more in a row are a run."""
    runs: list[list[int]] = []
    for label in labels:
        if runs and label == runs[-1][-1] + 1:
            runs[-1].append(label)
        else:
            runs.append([label])
    return [
        word for run in runs for word in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(each) for each in run])
    ]


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _claim(templates: Sequence[str], facts: Mapping[str, Fact], turn: int, kind: str) -> Claim:
    template = templates[turn % len(templates)]
    return Claim(
        template=template, facts={name: fact for name, fact in facts.items() if f"{{{name}}}" in template}, kind=kind
    )
