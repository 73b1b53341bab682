"""One inspected unit as the page shows it: the verdict with what it rests on, the senses, the regions, the dimensions.

It adds nothing to what `predict` said but how good units scored beside it and which causes the regions point at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ....core.result import Result, plain
from ....core.trust.subsets import subset_name
from ....knowledge.reports import Report
from ..causes.likely import likely, signs_of
from ..inspection.decision import Threshold
from ..inspection.pipeline import InspectionPipeline
from ..inspection.report import UNITS
from ..records import SENSES, Sound
from .hearing import heard
from .pictures import haze, photograph, spectrogram
from .surfaces import drawn, listed

SHOWN = 400  # good scores that are drawn
COVERAGE = 0.95
KINDS, LEAST = 3, 0.05  # kinds of defect that are named, and the least probability of one


@dataclass(frozen=True, kw_only=True, eq=False)
class Inspection:
    """What is kept of a unit: the answer, what the page is told, and the drawings by name as bytes."""

    name: str
    at: str
    result: Result
    told: dict[str, Any]
    drawings: Mapping[str, bytes]

    @cached_property
    def certificate(self) -> Report:
        """Verified once, when it is first asked for."""
        from .certificate import certificate

        return certificate(self)


def inspect(
    pipeline: InspectionPipeline, given: Mapping[str, Any], names: Mapping[str, str], *, name: str, sample: bool
) -> Inspection:
    """What `predict` says of the files, with the names that they had where they came from, and its drawings."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    result = pipeline.predict(**given)
    sources = tuple(
        replace(each, path=names.get(each.modality, Path(each.path).name if each.path else None))
        for each in result.inputs
    )
    result = replace(result, inputs=sources)
    answer = result.answer
    told: dict[str, Any] = {
        "name": name, "at": at, "sample": sample, "files": [plain(each) for each in sources], "status": result.status,
        "verdict": answer.verdict, "score": answer.score, "threshold": answer.threshold, "p_value": answer.p_value,
        "promised": answer.promised_false_rejects, "judged": list(answer.judged), "reasons": list(answer.reasons),
        "warnings": list(result.warnings), "tolerance_mm": answer.tolerance_mm, "registration": answer.registration,
        "good": good_units(pipeline.inspector.thresholds.get(subset_name(answer.judged)), answer.score),
        "senses": _senses(pipeline, result), "regions": listed(answer.defects, answer.places, answer.surface),
        "dimensions": _dimensions(answer), "causes": _causes(result), "kinds": _kinds(answer.kinds),
        "model": dict(result.model), "seconds": result.seconds, "surface": None, "picture": None, "sound": None,
    }  # fmt: skip
    drawings: dict[str, bytes] = {}
    if answer.surface is not None:
        told["surface"], drawings["surface.bin"] = drawn(answer.surface)
    if answer.anomaly is not None:
        photo, anomaly = answer.anomaly
        limit = pipeline.pixel_limit
        told["picture"] = {"width": photo.pixels.shape[1], "height": photo.pixels.shape[0],
                           "beyond": float((anomaly > limit).mean()), "limit": limit}  # fmt: skip
        drawings |= {"photo.png": photograph(photo), "map.png": haze(anomaly, limit)}
    if "sound" in given:
        sound: Sound = pipeline.read("sound", given["sound"])
        told["sound"] = heard(sound, pipeline.inspector.experts.sounds, answer.lines)
        drawings["spectrogram.png"] = spectrogram(sound)
    return Inspection(name=name, at=at, result=result, told=plain(told), drawings=drawings)


def summary(made: Inspection, number: int) -> dict[str, Any]:
    """The little that a list of units shows."""
    keys = ("name", "at", "verdict", "score", "sample")
    return {"number": number, **{key: made.told[key] for key in keys}}


def good_units(threshold: Threshold | None, score: float) -> dict[str, Any] | None:
    """Scores of the good units that set the threshold, how many are as high as this one, and between which shares of
    all good units that lies (Clopper and Pearson 1934)."""
    if threshold is None or not len(threshold.scores):
        return None
    from scipy.stats import beta

    count, beyond = len(threshold.scores), int((threshold.scores >= score).sum())
    tail = (1 - COVERAGE) / 2
    low = 0.0 if beyond == 0 else float(beta.ppf(tail, beyond, count - beyond + 1))
    high = 1.0 if beyond == count else float(beta.ppf(1 - tail, beyond + 1, count - beyond))
    step = max(-(-count // SHOWN), 1)
    return {
        "count": count, "beyond": beyond, "low": low, "high": high, "coverage": COVERAGE,
        "scores": np.round(threshold.scores[::-1][::step][::-1], 4).tolist(),
    }  # fmt: skip


def _senses(pipeline: InspectionPipeline, result: Result) -> list[dict[str, Any]]:
    """Each sense that was given: raw score, spreads, gate, its own p-value, or why it gave nothing."""
    answer = result.answer
    given = {each.modality for each in result.inputs}
    why = dict(each.split(": ", 1) for each in answer.reasons if ": " in each)
    return [
        {"sense": sense, "raw": answer.scores.get(sense), "unit": UNITS[sense], "spreads": answer.spreads.get(sense),
         "gate": result.gates.get(sense), "p_value": answer.p_values.get(sense), "judged": sense in answer.judged,
         "why": "" if sense in answer.judged else why.get(sense, "not judged"),
         "learned": sense in pipeline.inspector.scale.centre}
        for sense in SENSES
        if sense in given
    ]  # fmt: skip


def _dimensions(answer: Any) -> list[dict[str, Any]]:
    """The lines of the inspection plan, where the scan gave any."""
    keys = ("name", "kind", "value", "nominal", "lower", "upper", "uncertainty", "verdict", "reason")
    return [{key: getattr(each, key) for key in keys} for each in answer.dimensions]


def _kinds(kinds: Mapping[str, float]) -> list[dict[str, Any]]:
    """What the defect is taken for, the likeliest first."""
    first = sorted(kinds.items(), key=lambda each: -each[1])[:KINDS]
    return [{"kind": kind, "probability": share} for kind, share in first if share >= LEAST]


def _causes(result: Result) -> list[dict[str, Any]]:
    """What may lie behind a reject, by the graph of failure modes."""
    return likely(signs_of(result.to_dict())) if result.answer.verdict == "reject" else []
