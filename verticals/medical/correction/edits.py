"""What a reader changed: one record an edit, the answer that says so, and the report's section about it.

It draws nothing and measures nothing of its own: sizes before and after are those of the outlines it is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Report, Rows, Section
from ..records import Nodules
from .outline import Outline

Kind = Literal["click", "box", "add", "delete"]
PLACE = 2  # in the report, after technique and findings


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """One act of a reader on one finding: what, where (RAS mm), and the outline before and after by its digest."""

    number: int
    kind: Kind
    finding: int
    says: str
    positive: bool | None = None
    at_mm: tuple[float, ...] = ()  # a point, or the low and the high corner of a box
    before: str  # SHA-256 of the outline's voxels in the canonical scan
    after: str
    voxels_before: int
    voxels_after: int
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Corrected(Nodules):
    """An answer that a person changed."""

    edits: tuple[Edit, ...] = ()
    changed: Mapping[int, str] = field(default_factory=dict)  # by finding, in what way; deleted ones too

    def to_dict(self) -> dict[str, Any]:
        told = {"edited_by_human": True, "findings": dict(self.changed), "edits": list(self.edits)}
        return {**super().to_dict(), "corrections": told}


def digest_of(outline: Outline) -> str:
    """Of the voxels of an outline, wherever its box begins."""
    return hashlib.sha256(np.ascontiguousarray(outline.where, "<i4").tobytes()).hexdigest()


def changed_by(edits: Sequence[Edit]) -> dict[int, str]:
    """In words, what became of each finding that was touched."""
    told = {}
    for finding in dict.fromkeys(each.finding for each in edits):
        own = [each.kind for each in edits if each.finding == finding]
        clicks = sum(kind == "click" for kind in own)
        parts = ["added by hand"] if "add" in own else []
        parts += ["drawn in a box by hand"] if "box" in own else []
        parts += [f"outline corrected by {clicks} click{'s' if clicks > 1 else ''}"] if clicks else []
        told[finding] = ", ".join([*parts, "deleted by hand"] if "delete" in own else parts)
    return told


def told_in(report: Report, answer: Corrected, voxel_mm3: float, counts: Mapping[int, tuple[int, ...]]) -> Report:
    """The report with a section about the corrections, and a warning at its head. `counts` are the voxels of each
    changed finding before any edit and now."""
    evidence = {f"edit {each.number}": _evidence(each) for each in answer.edits}
    claims = [_claim(finding, answer, voxel_mm3, counts) for finding in answer.changed]
    rows = tuple(
        (str(each.number), str(each.finding), each.says, ", ".join(f"{mm:.1f}" for mm in each.at_mm),
         f"{each.voxels_before * voxel_mm3:.0f}", f"{each.voxels_after * voxel_mm3:.0f}")
        for each in answer.edits
    )  # fmt: skip
    header = ("Edit", "Finding", "What", "Where, RAS mm", "Volume before mm3", "after mm3")
    notes = ("Scores are the model's, given before the correction; sizes are measured on the corrected outline.",)
    table = Rows(header=header, rows=rows, caption="Every edit that stands, in order.")
    section = Section(heading="Corrections by a person", claims=tuple(claims), tables=(table,), notes=notes)
    numbers = ", ".join(str(finding) for finding in sorted(answer.changed))
    warning = f"a person corrected this answer (finding {numbers}): it is no longer the program's alone"
    return replace(
        report,
        evidence={**report.evidence, **evidence},
        warnings=(warning, *report.warnings),
        sections=(*report.sections[:PLACE], section, *report.sections[PLACE:]),
    )


def _evidence(edit: Edit) -> Evidence:
    return Evidence(
        kind="row",
        shows=f"edit {edit.number}: {edit.says}; outline {edit.before[:12]} before, {edit.after[:12]} after (sha256)",
    )


def _claim(finding: int, answer: Corrected, voxel_mm3: float, counts: Mapping[int, tuple[int, ...]]) -> Claim:
    """One sentence a changed finding; its volumes are counted again."""
    own = [each for each in answer.edits if each.finding == finding]
    key, last = f"edit {own[0].number}", f"edit {own[-1].number}"
    before, after = own[0].voxels_before * voxel_mm3, own[-1].voxels_after * voxel_mm3
    how = answer.changed[finding]
    facts = {
        "number": Fact(value=float(finding), evidence=key, measure=lambda: float(own[0].finding), digits=0),
        "how": Fact(value=how, evidence=last, measure=lambda: changed_by(answer.edits)[finding]),
        "before": Fact(value=before, evidence=key, measure=partial(_volume, counts, finding, 0, voxel_mm3),
                       digits=0, unit="mm3"),
        "after": Fact(value=after, evidence=last, measure=partial(_volume, counts, finding, 1, voxel_mm3),
                      digits=0, unit="mm3"),
    }  # fmt: skip
    return Claim(template="Finding {number}: {how}; volume {before} before, {after} after.", facts=facts)


def _volume(counts: Mapping[int, tuple[int, ...]], finding: int, which: int, voxel_mm3: float) -> float:
    return float(counts[finding][which]) * voxel_mm3
