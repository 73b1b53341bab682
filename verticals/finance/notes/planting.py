"""A note's sentence with one thing changed, so that it is false: a digit, a year, a sign, a unit, the row it speaks of.

What is planted is known to contradict the filing: a change that happens to be true is not planted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from .amounts import label_of
from .findings import Finding
from .grammar import FORMS, places
from .records import Filing

KINDS = ("number", "year", "sign", "unit", "entity")
_TURNED = {"rose": "fell", "fell": "rose", "did not change": "rose"}
_OTHER = {"thousand": "million", "million": "billion", "billion": "million"}


def plant(
    finding: Finding, filing: Filing, findings: Sequence[Finding], generator: np.random.Generator
) -> Iterator[tuple[str, str]]:
    """The kind of each change and the changed sentence."""
    true = places(finding, filing)
    names = re.findall(r"\{(\w+)\}", FORMS[finding.kind])
    for kind in KINDS:
        changed = _changed(kind, true, names, finding, filing, generator)
        if changed is None or changed == {name: true[name] for name in names}:
            continue
        if kind == "entity" and _holds(changed, filing, findings):
            continue
        yield kind, FORMS[finding.kind].format(**{**true, **changed})


def _changed(
    kind: str, true: dict[str, str], names: Sequence[str], finding: Finding, filing: Filing,
    generator: np.random.Generator,
) -> dict[str, str] | None:  # fmt: skip
    own = {name: true[name] for name in names}
    match kind:
        case "number":
            name = str(
                generator.choice([each for each in names if each in ("new", "old", "percent", "points", "count")])
            )
            return own | {name: _digit(own[name], generator)}
        case "year":
            name = str(generator.choice([each for each in names if each in ("period", "before")]))
            return own | {name: _year(own[name], generator)} if re.search(r"\d", own[name]) else None
        case "sign":
            if "direction" in own:
                return own | {"direction": _TURNED[own["direction"]]}
            name = "new" if "new" in own else "percent"
            return own | {name: own[name][1:] if own[name].startswith("-") else f"-{own[name]}"}
        case "unit":
            return (
                own | {"new": _unit(own["new"])}
                if "new" in own
                else own | {"percent": own["percent"].replace(" %", "0 %")}
            )
        case _:
            name = "whole" if finding.kind == "parts" else "label"
            grid = next(each for each in filing.tables if each.number == finding.cells[0].table)
            rows = sorted(
                {label_of(cell, grid) for cell in grid.cells if cell.label} - {own.get("label"), own.get("whole")}
            )
            return own | {name: str(generator.choice(rows))} if rows else None


def _digit(text: str, generator: np.random.Generator) -> str:
    """One digit made another."""
    at = [place for place, letter in enumerate(text) if letter.isdigit()]
    place = int(generator.choice(at))
    other = (int(text[place]) + int(generator.integers(1, 10))) % 10
    return f"{text[:place]}{other}{text[place + 1 :]}"


def _year(text: str, generator: np.random.Generator) -> str:
    match = re.search(r"(?:19|20)\d\d", text)
    if match is None:
        return _digit(text, generator)
    return f"{text[: match.start()]}{int(match.group()) + int(generator.choice([-2, -1, 1, 2]))}{text[match.end() :]}"


def _unit(text: str) -> str:
    for scale, other in _OTHER.items():
        if text.endswith(scale):
            return text.removesuffix(scale) + other
    return text.removesuffix(" %") + " million" if text.endswith(" %") else f"{text} %"


def _holds(changed: dict[str, str], filing: Filing, findings: Sequence[Finding]) -> bool:
    """Whether the numbers hold for the other row too: then nothing false was planted."""
    name = "whole" if "label" not in changed else "label"
    numbers = {each for key, each in changed.items() if key in ("new", "old", "percent", "points")}
    for grid in filing.tables:
        for cell in grid.cells:
            if label_of(cell, grid) == changed[name]:
                from .amounts import amount_of

                if amount_of(cell) in numbers:
                    return True
    return False
