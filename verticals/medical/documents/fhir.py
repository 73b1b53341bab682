"""A FHIR R4 bundle of an answer: a preliminary DiagnosticReport with an Observation a finding, in plain JSON.

The patient is a pseudonym; of the source only the study's UID is written, by which a hospital finds it again.
It asserts nothing that the answer does not hold.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ....core.result import Result
from ..records import Finding, Nodules
from .algorithm import MAKER, NAME, NOTICE, Algorithm
from .segmentation import LUNG, SIDES

SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
DICOM_CODES = "http://dicom.nema.org/resources/ontology/DCM"
UNITS = "http://unitsofmeasure.org"
OWN = "urn:colonnade"


def pseudonym(identity: str, key: bytes | None) -> str:
    """The same letters for the same identity and key; without the key nobody can try out identities."""
    digest = hmac.new(key, identity.encode(), "sha256") if key else hashlib.sha256(identity.encode())
    return f"P-{digest.hexdigest()[:20]}"


def bundle(result: Result, *, patient: str, study: str = "", now: datetime | None = None) -> dict[str, Any]:
    """The bundle; `patient` is a pseudonym, `study` a StudyInstanceUID (empty where the source had none)."""
    answer: Nodules = result.answer
    algorithm = Algorithm.of(result)
    scan = next((each.sha256 for each in result.inputs if each.modality == "ct"), "")
    seed = f"{scan} {algorithm.weights} {patient}"
    names = ("patient", "study", "device", "report", *(str(each.label) for each in answer.findings))
    links = {name: f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, f'{seed} {name}')}" for name in names}
    resources = {
        "patient": _patient(patient),
        "study": _study(links, scan, study),
        "device": _device(algorithm),
        **{str(each.label): _observation(each, links) for each in answer.findings},
        "report": _report(answer, links, result, now or datetime.now(UTC)),
    }
    entries = [{"fullUrl": links[name], "resource": _tagged(each)} for name, each in resources.items()]
    return _tagged({"resourceType": "Bundle", "type": "collection", "entry": entries})


def _tagged(resource: dict[str, Any]) -> dict[str, Any]:
    """The notice on every resource."""
    tag = {"system": f"{OWN}:use", "code": "research-only", "display": NOTICE}
    return {"resourceType": resource["resourceType"], "meta": {"tag": [tag]}, **resource}


def _patient(name: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": f"{OWN}:pseudonym", "value": name}]}


def _study(links: Mapping[str, str], scan: str, study: str) -> dict[str, Any]:
    uid = {"system": "urn:dicom:uid", "value": f"urn:oid:{study}"}
    return {
        "resourceType": "ImagingStudy",
        "identifier": [*([uid] if study else []), {"system": f"{OWN}:sha256", "value": scan or "unknown"}],
        "status": "available",
        "subject": {"reference": links["patient"]},
        "modality": [{"system": DICOM_CODES, "code": "CT", "display": "Computed Tomography"}],
    }


def _device(algorithm: Algorithm) -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "identifier": [{"system": f"{OWN}:weights-sha256", "value": algorithm.weights or "unknown"}],
        "manufacturer": MAKER,
        "deviceName": [{"name": NAME, "type": "model-name"}],
        "version": [{"value": algorithm.version}],
        "note": [{"text": each} for each in algorithm.parameters],
    }


def _observation(finding: Finding, links: Mapping[str, str]) -> dict[str, Any]:
    site, words = SIDES.get(finding.side, LUNG)
    interval = finding.diameter_interval
    bounds = {"low": _quantity(interval.low, "mm"), "high": _quantity(interval.high, "mm")}
    x, y, z = finding.center_mm
    return {
        "resourceType": "Observation",
        "status": "preliminary",
        "identifier": [{"system": f"{OWN}:finding", "value": str(finding.label)}],
        "code": _concept(SNOMED, "27925004", "Nodule", "Possible pulmonary nodule"),
        "bodySite": _concept(SNOMED, site, words, words),
        "subject": {"reference": links["patient"]},
        "device": {"reference": links["device"]},
        "derivedFrom": [{"reference": links["study"]}],
        "note": [{"text": f"Center {x:.1f}, {y:.1f}, {z:.1f} mm (RAS), axial slice {finding.slice_index} from the "
                          f"feet; label {finding.label} of the masks. {NOTICE}."}],
        "component": [
            _part(SNOMED, "81827009", "Diameter", "Mean axial diameter", _quantity(finding.diameter_mm, "mm")),
            {"code": {"text": f"Mean axial diameter, {interval.coverage:.0%} interval"}, "valueRange": bounds},
            _part(SNOMED, "103339001", "Long axis", "Long axis", _quantity(finding.long_axis_mm, "mm")),
            _part(SNOMED, "103340004", "Short axis", "Short axis", _quantity(finding.short_axis_mm, "mm")),
            _part(SNOMED, "118565006", "Volume", "Volume", _quantity(finding.volume_mm3, "mm3")),
            _part(DICOM_CODES, "112031", "Attenuation Coefficient", "Median attenuation",
                  _quantity(finding.median_hu, "[hnsf'U]")),
            _part(DICOM_CODES, "111012", "Certainty of Finding", "Calibrated score",
                  _quantity(100 * finding.score, "%")),
        ],
    }  # fmt: skip


def _report(answer: Nodules, links: Mapping[str, str], result: Result, now: datetime) -> dict[str, Any]:
    count = len(answer.findings)
    said = "; ".join(answer.reasons) if answer.reasons else f"{count} possible nodule{'' if count == 1 else 's'}"
    findings = [{"reference": links[str(each.label)]} for each in answer.findings]
    return {
        "resourceType": "DiagnosticReport",
        "status": "preliminary",
        "category": [_concept("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology", "Radiology")],
        "code": _concept(LOINC, "24627-2", "CT Chest", "CT chest, pulmonary nodules"),
        "subject": {"reference": links["patient"]},
        "issued": now.astimezone(UTC).isoformat(timespec="seconds"),
        "imagingStudy": [{"reference": links["study"]}],
        **({"result": findings} if findings else {}),
        "conclusion": f"{'Not evaluable: ' if answer.reasons else ''}{said}. {answer.banner}",
    }


def _part(system: str, code: str, display: str, text: str, quantity: dict[str, Any]) -> dict[str, Any]:
    return {"code": _concept(system, code, display, text), "valueQuantity": quantity}


def _concept(system: str, code: str, display: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": text}


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": round(float(value), 3), "unit": unit, "system": UNITS, "code": unit}
