"""What the page is told of a note: the filing as printed with a key for every cell, and claims whose numbers cite keys.

Sentences are the report's own claims; sums are executed again by the programs that answer questions. It finds nothing.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from ....core.result import Result, plain
from ....knowledge.claims import Claim
from ....knowledge.reports import Report
from ..notes.amounts import again
from ..notes.findings import Finding
from ..notes.grammar import cited
from ..notes.programs import Operation, Program, execute
from ..notes.records import Filing, Grid, Note
from ..notes.report import BANNER, spoken

SUMS: Mapping[str, Operation] = {"change": "change", "points": "difference", "share": "ratio", "parts": "sum"}
UNITS = {"points": "percentage points", "change": "%", "share": "%"}


def told_note(result: Result, *, name: str) -> dict[str, Any]:
    """Plain JSON."""
    note: Note = result.answer
    filing, findings = result.basis
    report = result.report
    assert isinstance(report, Report), "a note has a report"
    groups = [_group(section.heading, section.claims, filing, findings, note) for section in report.sections]
    return plain(
        {
            "name": name, "banner": BANNER, "verdict": report.verdict,
            "tables": [_table(grid) for grid in filing.tables],
            "paragraphs": [{"key": each.key, "text": each.text} for each in filing.paragraphs],
            "groups": [each for each in groups if each["claims"]],
            "checked": note.checked, "warnings": list(result.warnings), "model": dict(result.model),
            "seconds": result.seconds,
        }
    )  # fmt: skip


def formula(finding: Finding, filing: Filing) -> str:
    """How a finding's number is computed from its cells as printed, or "" where it is only read."""
    if finding.kind not in SUMS:
        return ""
    cells = tuple(again(filing, cell.key) for cell in finding.cells)
    given = cells[1:] if finding.kind == "parts" else cells
    done = execute(Program(operation=SUMS[finding.kind], cells=given, percent=finding.kind == "share"))
    if done is None:
        return ""
    unit = UNITS.get(finding.kind, done.scale)
    return f"{done.derivation} = {done.values[0]} {unit}".strip()


def _group(
    heading: str, claims: tuple[Claim, ...], filing: Filing, findings: tuple[Finding, ...], note: Note
) -> dict[str, Any]:
    told = [_claim(claim) for claim in claims]
    kinds = {claim.kind for claim in claims}
    if kinds == {"answer"}:
        for each, answer in zip(told, note.answers, strict=True):
            each |= {
                "formula": f"{answer.derivation} = {spoken(answer)}" if answer.derivation and answer.cells else "",
                "cites": [*answer.cells, *(f"paragraph {order}" for order in answer.paragraphs)],
                "words": list(answer.values) if answer.paragraphs else [],
                "confidence": answer.confidence, "operation": answer.operation,
            }  # fmt: skip
    elif kinds and kinds <= {"level", *SUMS}:
        for each, finding in zip(told, findings, strict=True):
            each |= {"formula": formula(finding, filing), "cites": list(cited(finding))}
    elif kinds == {"contradiction"}:
        for each, claim in zip(told, claims, strict=True):
            each["words"] = [str(claim.facts["sentence"].value)]
    return {"heading": heading, "claims": told}


def _claim(claim: Claim) -> dict[str, Any]:
    """A sentence in parts: words, and facts with the key of what carries them."""
    parts: list[dict[str, Any]] = []
    for words, place, _, _ in string.Formatter().parse(claim.template):
        if words:
            parts.append({"text": words})
        if place:
            fact = claim.facts[place]
            parts.append({"text": fact.written(), "cite": fact.evidence})
    return {
        "kind": claim.kind, "sentence": claim.sentence(), "parts": parts, "formula": "", "words": [],
        "cites": list(claim.evidence()),
    }  # fmt: skip


def _table(grid: Grid) -> dict[str, Any]:
    keys = {(cell.row, cell.column): cell.key for cell in grid.cells}
    return {
        "number": grid.number, "title": grid.title, "scale": grid.scale,
        "lines": [
            {"head": row in grid.heads, "cells": [
                {"text": text, "key": keys.get((row, column), "")} for column, text in enumerate(line)
            ]}
            for row, line in enumerate(grid.lines)
        ],
    }  # fmt: skip
