"""What follows from findings, however they came about (the detector, or a reader's correction): changes since the
earlier CT, the guidelines' management, the report.

It looks at no voxel but to measure again what is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ....core.pipeline import Answered
from ....core.types import Volume
from ..detection.findings import Operating
from ..followup.comparison import again
from ..patient import Clinical
from ..records import Nodules
from .advice import managed
from .plan import Context
from .report import report_of
from .sentences import Wordings

PURPOSES: Mapping[str, tuple[str, ...]] = {
    "ct": ("detection", "judge", "measurement"),
    "indication": ("judge",),
    "patient": ("management",),
    "earlier": ("comparison", "management"),
}


def conclude(
    answer: Nodules, record: Mapping[str, Any], volume: Volume, *, operating: Operating, model: Mapping[str, Any],
    card: Mapping[str, Any], wording: Wordings = "grammar",
) -> Answered:  # fmt: skip
    """The whole answer for these findings, reported in the words of `wording`. `record` is what was given, `volume` its
    CT in canonical axes."""
    patient: Clinical | None = record.get("patient")
    comparison = answer.comparison
    if comparison is not None:
        comparison = again(comparison, answer.findings, shown=volume)
    answer = replace(answer, comparison=comparison)
    answer = replace(answer, management=managed(answer, patient), used=used(answer, record))
    warnings = (*record["ct"].flags, *answer.reasons, *_doubts(answer), *_warnings(answer, record))
    context = Context(
        scan=record["ct"], volume=volume, indication=record.get("indication"), patient=patient, operating=operating,
        model=model, card=card, warnings=warnings, wording=wording,
    )  # fmt: skip
    return Answered(answer=answer, status=_status(answer), warnings=warnings, report=report_of(answer, context))


def _status(answer: Nodules) -> str:
    """`refer`: there is an answer, and it should not be relied on."""
    if answer.reasons:
        return "not_evaluable"
    return "refer" if any(each.refer for each in answer.doubts) else "ok"


def _doubts(answer: Nodules) -> tuple[str, ...]:
    return tuple(f"do not rely on this answer: {each.says}" if each.refer else each.says for each in answer.doubts)


def used(answer: Nodules, record: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """By modality given, what it was used for: the judge reads the CT and the words, nothing else."""
    told = {name: PURPOSES[name] for name in PURPOSES if name in record}
    if answer.reasons:
        return {name: ("detection",) if name == "ct" else () for name in told}
    if "earlier" in told and (answer.comparison is None or answer.comparison.reasons):
        told["earlier"] = ()
    if not answer.findings:
        told = {name: tuple(each for each in purposes if each != "management") for name, purposes in told.items()}
    return told


def _warnings(answer: Nodules, record: Mapping[str, Any]) -> tuple[str, ...]:
    patient: Clinical | None = record.get("patient")
    told: tuple[str, ...] = ()
    if "earlier" in record and answer.reasons:
        told += ("the earlier CT was not compared: this CT is not evaluable",)
    if answer.comparison is not None:
        told += tuple(f"the earlier CT was not compared: {reason}" for reason in answer.comparison.reasons)
        told += answer.comparison.warnings
    if patient is not None and patient.days_since_earlier is not None and "earlier" not in record:
        told += ("the patient table tells days_since_earlier, but no earlier CT was given",)
    return told
