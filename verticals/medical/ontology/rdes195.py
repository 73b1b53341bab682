"""RadElement set RDES195, "Pulmonary Nodule" (RSNA and ACR, of 2024-04-23): the JSON schema of a finding, filled.

Values carry the set's own codes: the element's id and the place of the value in the set. What is not sure is "unknown"
where the set has that word, and left out where it has not. It knows no guideline and reads no scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..followup.growth import Change
from ..guidelines.facts import SURE
from ..records import Finding

SET, VERSION = "RDES195", "2024-04-23"
A_MONTH = 30.4375  # days


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """One element: words to choose from in the set's order, or a number with its bounds and unit."""

    id: str
    name: str
    words: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    unit: str = ""


_LOBES = (
    "indeterminate", "left lung", "left upper lobe", "lingula", "left lower lobe", "right lung", "right upper lobe",
    "right middle lobe", "right lower lobe", "unknown",
)  # fmt: skip
_TEXTURES = (
    "solid", "ground glass", "part-solid", "fat density", "calcification", "cavitation", "cystic lucencies",
    "air bronchograms", "indeterminate", "unknown",
)  # fmt: skip
_CHANGES = (
    "no priors", "unchanged for less than 6 months", "unchanged for 6-12 months", "unchanged for 12-24 months",
    "unchanged more than 24 months", "larger since prior", "smaller since prior",
)  # fmt: skip
ELEMENTS: tuple[Element, ...] = (
    Element(id="RDE1717", name="Presence", words=("absent", "present", "unknown")),
    Element(id="RDE1301", name="Composition", words=_TEXTURES),
    Element(id="RDE1302", name="Size", low=2, high=100, unit="mm"),
    Element(id="RDE1303", name="Solid component size", low=2, high=100, unit="mm"),
    Element(id="RDE1304", name="Location", words=_LOBES),
    Element(
        id="RDE1305", name="Morphology",
        words=("smooth", "lobulated", "ill-defined", "spiculated", "perifissural", "indeterminate", "unknown"),
    ),
    Element(id="RDE1306", name="Plurality", words=("single", "multiple")),
    Element(id="RDE1307", name="Microcystic component", words=("present", "absent", "indeterminate", "unknown")),
    Element(id="RDE1705", name="Volume", low=1, high=150_000, unit="mm3"),
    Element(id="RDE1706", name="Change from priors", words=_CHANGES),
    Element(id="RDE1707", name="Suspicious appearance", words=("yes", "no", "indeterminate")),
)  # fmt: skip
_BY_ID = {each.id: each for each in ELEMENTS}


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of one finding."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Pulmonary nodule, RadElement {SET} of {VERSION}",
        "type": "object",
        "properties": {
            "set": {"const": SET},
            "version": {"const": VERSION},
            "label": {"type": "integer", "minimum": 1},
            "elements": {
                "type": "object",
                "properties": {each.id: _schema_of(each) for each in ELEMENTS},
                "required": ["RDE1717"],
                "additionalProperties": False,
            },
        },
        "required": ["set", "version", "label", "elements"],
        "additionalProperties": False,
    }


def to_rdes(
    finding: Finding, *, multiple: bool | None = None, change: Change | None = None, days: float | None = None,
    solid_part_mm: float | None = None, first: bool = False, sure: float = SURE,
) -> dict[str, Any]:  # fmt: skip
    """A finding as the schema has it. An attribute counts from probability `sure`; `first`: there is no earlier scan.

    A size outside the set's bounds (2 to 100 mm, 1 to 150,000 mm3) is left out, since the set has no way to say it.
    """
    filled = {
        "RDE1717": "unknown" if finding.score < sure else "present",
        "RDE1301": _texture(finding, sure),
        "RDE1302": round(finding.diameter_mm, 1),
        "RDE1303": None if solid_part_mm is None else round(solid_part_mm, 1),
        "RDE1304": _location(finding, sure),
        "RDE1305": _morphology(finding, sure),
        "RDE1306": None if multiple is None else "multiple" if multiple else "single",
        "RDE1705": round(finding.volume_mm3, 1),
        "RDE1706": "no priors" if first else _since(change, days),
    }
    elements = {name: _value(_BY_ID[name], value) for name, value in filled.items() if value is not None}
    kept = {name: value for name, value in elements.items() if value is not None}
    return {"set": SET, "version": VERSION, "label": finding.label, "elements": kept}


def _schema_of(element: Element) -> dict[str, Any]:
    if not element.words:
        value: Mapping[str, Any] = {"type": "number", "minimum": element.low, "maximum": element.high}
        return _object(element.name, {"value": value, "unit": {"const": element.unit}})
    options = [
        _object(element.name, {"code": {"const": f"{element.id}.{place}"}, "value": {"const": word}})
        for place, word in enumerate(element.words)
    ]
    return {"oneOf": options}


def _object(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    whole = {"name": {"const": name}, **properties}
    return {"type": "object", "properties": whole, "required": sorted(whole), "additionalProperties": False}


def _value(element: Element, value: str | float) -> dict[str, Any] | None:
    if isinstance(value, str):
        return {"name": element.name, "code": f"{element.id}.{element.words.index(value)}", "value": value}
    if not element.low <= value <= element.high:
        return None
    return {"name": element.name, "value": value, "unit": element.unit}


def _said(finding: Finding, name: str, sure: float) -> str | None:
    attribute = finding.attributes.get(name)
    return attribute.value if attribute is not None and attribute.probability >= sure else None


def _texture(finding: Finding, sure: float) -> str:
    said = _said(finding, "texture", sure)
    return "unknown" if said is None else {"ground-glass": "ground glass"}.get(said, said)


def _location(finding: Finding, sure: float) -> str:
    said = _said(finding, "location", sure)
    return said if said in _LOBES else f"{finding.side} lung"


def _morphology(finding: Finding, sure: float) -> str:
    """The most suspicious word that is sure; smooth only where every other is surely not so."""
    said = {name: _said(finding, name, sure) for name in ("spiculation", "lobulation", "margin")}
    told = {"spiculated": said["spiculation"] == "marked", "lobulated": said["lobulation"] == "marked",
            "ill-defined": said["margin"] == "ill-defined"}  # fmt: skip
    first = next((word for word, holds in told.items() if holds), None)
    smooth = said == {"spiculation": "none", "lobulation": "none", "margin": "sharp"}
    return first or ("smooth" if smooth else "unknown")


def _since(change: Change | None, days: float | None) -> str | None:
    """The set has no word for a new nodule, none without an earlier scan, and none without the time between them."""
    if change is None or change.status in ("new", "not found again"):
        return None
    if change.status != "unchanged":
        return "larger since prior" if change.status == "grown" else "smaller since prior"
    if days is None:
        return None
    months = days / A_MONTH
    return _CHANGES[1 if months < 6 else 2 if months < 12 else 3 if months <= 24 else 4]
