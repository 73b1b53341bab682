"""One unit judged: its files read one sense at a time, and what the inspector says of those that could be read.

A unit with a file that cannot be read is unmeasurable; where the sense is known to be lost, it is judged by the others
instead, and the line says so. It knows nothing of where units come from and of where results go.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....core import digest
from ....core.errors import ColonnadeError, FileError
from ....core.pipeline import Answered
from ....core.result import plain
from .arrivals import Arrived, Gathered

if TYPE_CHECKING:
    from ..inspection.pipeline import InspectionPipeline


@dataclass(frozen=True, kw_only=True)
class Part:
    """The part as designed, read once, and where from."""

    path: Path
    sha256: str
    noun: Any


@dataclass(kw_only=True)
class Opinion:
    """What came out for one unit: the fields of its result line, the answer behind them, and seconds by stage."""

    fields: dict[str, Any]
    answered: Answered | None
    seconds: dict[str, float]
    broken: dict[str, str] = field(default_factory=dict)  # why a sense's file could not be read


def judge(
    pipeline: InspectionPipeline, unit: Gathered, part: Part | None, *, lost: frozenset[str] = frozenset()
) -> Opinion:
    """The inspector's opinion. No fault of a unit, and none of the inspector, stops the line."""
    started = time.perf_counter()
    record, files, broken = _read(pipeline, unit)
    if part is not None and "scan" in record:
        record["nominal"] = part.noun
    read = time.perf_counter()
    answered, why = None, unit.clash
    refused: dict[str, str] = {}
    excused = {sense for sense in broken if sense in lost}
    notes = [f"{sense} is lost and was left out: {broken[sense]}" for sense in excused]
    if not why and set(broken) - excused:
        why = "; ".join(f"{sense}: {said}" for sense, said in broken.items() if sense not in excused)
    if not why and not pipeline.task.answers(record):
        have = " and ".join(record) or "nothing"
        why = f"{have} alone cannot be judged" + ("" if part is not None or "scan" not in record else
              ": a scan needs the nominal part, give the line one with --nominal")  # fmt: skip
    if not why:
        answered, why, refused = _answer(pipeline, record, lost)
        notes += [f"{sense} is lost and was left out: {said}" for sense, said in refused.items() if not why]
    fields = _fields(answered, why) | {"files": files}
    fields["unusable"] = sorted({*broken, *refused, *_refused(answered, record)})
    fields["warnings"] = [*notes, *fields["warnings"]]
    done = time.perf_counter()
    return Opinion(
        fields=fields, answered=answered, broken=broken, seconds={"read": read - started, "judge": done - read}
    )


def unjudged(unit: Gathered, why: str) -> Opinion:
    """A unit that is not judged, for a reason that lies with the line."""
    files = {sense: _told(file, None) for sense, file in unit.files.items()}
    fields = _fields(None, why) | {"files": files, "unusable": []}
    return Opinion(fields=fields, answered=None, seconds={"read": 0.0, "judge": 0.0})


def _read(
    pipeline: InspectionPipeline, unit: Gathered
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], dict[str, str]]:
    """What each file holds, the files by sense as they are told, and why one could not be read."""
    record: dict[str, Any] = {}
    files, broken = {}, {}
    for sense in pipeline.task.modality_names:
        file = unit.files.get(sense)
        if file is None:
            continue
        sha256 = None
        try:
            sha256 = digest.of_file(file.path)
            record[sense] = pipeline.read(sense, file.path)
            stat = file.path.stat()
            if (stat.st_size, stat.st_mtime_ns) != file.identity:
                raise FileError(f"{file.path.name} was changed while it was read")
        except (ColonnadeError, OSError) as error:
            record.pop(sense, None)
            broken[sense] = str(error)
        except Exception as error:  # a reader's own fault must not stop the line
            traceback.print_exc(file=sys.stderr)
            record.pop(sense, None)
            broken[sense] = f"a fault of the program ({type(error).__name__}: {error})"
        files[sense] = _told(file, sha256)
    return record, files, broken


def _answer(
    pipeline: InspectionPipeline, record: dict[str, Any], lost: frozenset[str]
) -> tuple[Answered | None, str, dict[str, str]]:
    """The answer, or why there is none; and the senses that are lost, still deliver nothing usable, and were therefore
    left out of a second look."""
    try:
        answered = pipeline.answer(record)
        refused = _refused(answered, record)
        left = {name: value for name, value in record.items() if name not in refused}
        if refused and set(refused) <= lost and pipeline.task.answers(left):
            return pipeline.answer(left), "", refused
        return answered, "", {}
    except ColonnadeError as error:
        return None, str(error), {}
    except Exception as error:  # the inspector's own fault must not stop the line
        traceback.print_exc(file=sys.stderr)
        return None, f"a fault of the program ({type(error).__name__}: {error})", {}


def _refused(answered: Answered | None, record: Mapping[str, Any]) -> dict[str, str]:
    """Senses that were read and could still not be judged, with the reason: black, silent, not of this part."""
    if answered is None or answered.answer.verdict != "unmeasurable":
        return {}
    said = dict(each.split(": ", 1) for each in answered.answer.reasons if ": " in each)
    return {name: said[name] for name in record if name in said and name not in answered.answer.judged}


def _fields(answered: Answered | None, why: str) -> dict[str, Any]:
    """What a result line says of the judgement; the same names whether there is one or not."""
    if answered is None:
        return {
            "judged": [], "scores": {}, "p_values": {}, "spreads": {}, "score": None, "p_value": None,
            "decision": "unmeasurable", "threshold": None, "promised_false_rejects": None, "reasons": [why],
            "warnings": [], "defects": [], "registration": None, "gates": {},
        }  # fmt: skip
    answer = answered.answer
    registration = plain(answer.registration)
    if registration is not None:
        registration.pop("matrix", None)
    return plain({
        "judged": list(answer.judged), "scores": answer.scores, "p_values": getattr(answer, "p_values", {}),
        "spreads": answer.spreads, "score": answer.score, "p_value": answer.p_value, "decision": answer.verdict,
        "threshold": answer.threshold, "promised_false_rejects": answer.promised_false_rejects,
        "reasons": list(answer.reasons), "warnings": list(answered.warnings), "defects": list(answer.defects),
        "registration": registration, "gates": dict(answered.gates),
    })  # fmt: skip


def _told(file: Arrived, sha256: str | None) -> dict[str, Any]:
    return {"path": str(file.path), "sha256": sha256, "bytes": file.size, "mtime_ns": file.mtime_ns}
