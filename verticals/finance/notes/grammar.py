"""The sentences of a note: one form a kind, written from facts and read back from words. There are no others.

`claim_of` writes; `read_back` parses a sentence of these forms into its places, so that a note that was changed by hand
can be held against its filing again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from ....knowledge.claims import Claim, Fact
from .amounts import again, amount, amount_of, label_of, period_of, share
from .findings import Finding, Kind
from .records import Cell, Filing, Grid

FORMS: Mapping[Kind, str] = {
    "level": "{label} stood at {new} in {period}.",
    "change": "{label} {direction} by {percent} in {period}, to {new} from {old} in {before}.",
    "points": "{label} {direction} by {points} percentage points in {period}, to {new} from {old} in {before}.",
    "share": "{label} made up {percent} of {whole} in {period}.",
    "parts": "The {count} parts of {whole} add up to {new} in {period}.",
}
_AMOUNT = r"-?(?:[A-Z]{0,3}[$€£¥]|[A-Z]{3})?[\d,]*\.?\d+(?: (?:thousand|million|billion|%))?"
_PLACES = {
    "label": r".+?", "whole": r".+?", "period": r".+?", "before": r".+?", "direction": r"rose|fell|did not change",
    "percent": r"-?[\d.]+ %", "points": r"[\d.]+", "new": _AMOUNT, "old": _AMOUNT, "count": r"\d+",
}  # fmt: skip


def _pattern(form: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", form)
    return re.compile(
        "".join(f"(?P<{part}>{_PLACES[part]})" if at % 2 else re.escape(part) for at, part in enumerate(parts)) + "$"
    )


PATTERNS = {kind: _pattern(form) for kind, form in FORMS.items()}
ORDER: tuple[Kind, ...] = ("points", "change", "share", "parts", "level")


def read_back(sentence: str) -> tuple[Kind, dict[str, str]] | None:
    """The kind and the places of a sentence, or None where it has none of the forms."""
    for kind in ORDER:
        match = PATTERNS[kind].match(sentence.strip())
        if match:
            return kind, match.groupdict()
    return None


def places(finding: Finding, filing: Filing) -> dict[str, str]:
    """Every place of a finding's form, computed from the print of its cells."""
    cells = tuple(again(filing, cell.key) for cell in finding.cells)
    grid = next(each for each in filing.tables if each.number == cells[0].table)
    first = cells[0]
    found = {"label": label_of(first, grid), "new": amount_of(first), "period": period_of(first, grid)}
    match finding.kind:
        case "change":
            rate = 100 * (cells[0].value - cells[1].value) / abs(cells[1].value)
            size = rate if cells[1].value > 0 else -rate
            found |= _against(cells[1], grid, size) | {"percent": share(abs(size))}
        case "points":
            points = cells[0].value - cells[1].value
            digits = max(cells[0].decimals, cells[1].decimals)
            found |= _against(cells[1], grid, points) | {"points": f"{abs(points):.{digits}f}"}
        case "share":
            found |= {"whole": label_of(cells[1], grid), "percent": share(100 * cells[0].value / cells[1].value)}
        case "parts":
            added = sum(cell.value for cell in cells[1:])
            found |= {"whole": label_of(first, grid), "count": str(len(cells) - 1), "new": amount(added, first)}
    return found


def _against(old: Cell, grid: Grid, change: float) -> dict[str, str]:
    direction = "rose" if change > 0 else "fell" if change < 0 else "did not change"
    return {"old": amount_of(old), "before": period_of(old, grid), "direction": direction}


def claim_of(finding: Finding, filing: Filing) -> Claim:
    """The sentence of a finding; each place cites the cell it was read from, and is computed again to be verified.

    A sum and its total may differ by the rounding of their print: the sentence says the sum.
    """
    said = places(finding, filing)
    template = FORMS[finding.kind]
    cites = _cited(finding)
    facts = {}
    for name in re.findall(r"\{(\w+)\}", template):
        facts[name] = Fact(
            value=said[name],
            evidence=cites.get(name, finding.cells[0].key),
            measure=partial(_place, finding, filing, name),
        )
    return Claim(template=template, facts=facts, kind=finding.kind)


def cited(finding: Finding) -> tuple[str, ...]:
    """The keys of all cells that a finding rests on."""
    return tuple(dict.fromkeys(cell.key for cell in finding.cells))


def _cited(finding: Finding) -> dict[str, str]:
    if finding.kind in ("change", "points"):
        old = finding.cells[1].key
        return {"old": old, "before": old}
    if finding.kind == "share":
        return {"whole": finding.cells[1].key}
    if finding.kind == "parts":
        return {"count": finding.cells[1].key, "new": finding.cells[-1].key}
    return {}


def _place(finding: Finding, filing: Filing, name: str) -> str:
    return places(finding, filing)[name]
