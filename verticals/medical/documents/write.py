"""An answer and its source study become documents for other systems, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ....core import digest
from ....core.errors import FormatError, UnknownName
from ....core.pipeline import Documents
from ....core.result import Result, whole_folder
from ..studies.dicom import Stack, read_stack
from ..studies.read import is_dicom
from .algorithm import Algorithm
from .fhir import bundle, pseudonym

FILES = {"seg": "nodules.seg.dcm", "sr": "nodules.sr.dcm", "fhir": "nodules.fhir.json"}
NO_DICOM = (
    "a DICOM segmentation and structured report must refer to the DICOM images they are about, "
    "and {source} is no DICOM series: give the scan as DICOM"
)
NO_FINDING = "there is no finding, so there is no segment and no measurement to write as DICOM"


def write_documents(
    result: Result, source: str | Path, folder: str | Path, *, formats: Sequence[str] | None = None,
    series: str | None = None, key: bytes | None = None,
) -> Documents:  # fmt: skip
    """Write `nodules.seg.dcm`, `nodules.sr.dcm` and `nodules.fhir.json` of an answer of medical/nodules.

    `source` is the scan that was given to `predict` and `series` the SeriesInstanceUID read from it, where one was
    named. Without `formats` everything that the source allows is written, and what it does not allow is told in
    `left_out`. `key` keeps pseudonyms from being guessed.

    Raises:
        FormatError: a format asked for by name that this source does not allow, or a source that has changed.
        GeometryError: the masks are of another scan.
        MissingExtra: highdicom is not installed.
    """
    wanted = tuple(FILES) if formats is None else tuple(dict.fromkeys(formats))
    for each in wanted:
        if each not in FILES:
            raise UnknownName("format", each, FILES)
    source = Path(source)
    _same_bytes(result, source)
    stack = read_stack(source, series=series) if is_dicom(source) else None
    reason = NO_DICOM.format(source=source) if stack is None else ("" if result.findings else NO_FINDING)
    if reason and formats is not None and {"seg", "sr"} & set(wanted):
        raise FormatError(reason)
    written = [each for each in wanted if each == "fhir" or not reason]
    with whole_folder(folder) as aside:
        if stack is not None and {"seg", "sr"} & set(written):
            _write_dicom(result, stack, aside, written)
        if "fhir" in written:
            made = json.dumps(_bundle(result, stack, key), indent=2, ensure_ascii=False, allow_nan=False)
            (aside / FILES["fhir"]).write_text(made + "\n", encoding="utf-8")
    told = (reason,) if reason and {"seg", "sr"} & set(wanted) else ()
    return Documents(files=tuple(Path(folder) / FILES[each] for each in written), left_out=told)


def _write_dicom(result: Result, stack: Stack, folder: Path, written: Sequence[str]) -> None:
    from .segmentation import segmentation
    from .structured_report import structured_report

    algorithm = Algorithm.of(result)
    segmented = segmentation(result.answer, stack, algorithm)
    if "seg" in written:
        segmented.save_as(folder / FILES["seg"])
    if "sr" in written:
        structured_report(result.answer, stack, segmented, algorithm).save_as(folder / FILES["sr"])


def _bundle(result: Result, stack: Stack | None, key: bytes | None) -> dict[str, object]:
    scan = next((each.sha256 for each in result.inputs if each.modality == "ct"), "")
    identity = str(stack.slices[0].get("PatientID") or "") if stack is not None and key else ""
    study = str(stack.slices[0].get("StudyInstanceUID") or "") if stack is not None else ""
    return bundle(result, patient=pseudonym(identity or scan, key), study=study)


def _same_bytes(result: Result, source: Path) -> None:
    """Refuse a source that is not the one the answer was made from."""
    given = next((each for each in result.inputs if each.modality == "ct"), None)
    found = digest.of_file(source)
    if given is not None and given.path is not None and given.sha256 != found:
        raise FormatError(
            f"{source} has changed since, or is not the scan of this answer (sha256 {found[:12]}, not "
            f"{given.sha256[:12]}): predict again"
        )
