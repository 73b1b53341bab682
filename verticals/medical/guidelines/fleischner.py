"""Fleischner 2017: what to do about a nodule found by chance on CT (MacMahon et al., Radiology 2017;284:228).

The guideline's own measure is the mean of long and short axis to the nearest whole millimetre. Growth between scans is
outside its table. Its risk group is the reader's: here it is high where a factor that it names is present, and open
where one is not known. It gives no age from which risk is high, so age alone decides nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ....core.errors import InputError
from ....knowledge.rules import Condition, Rule, Statement, Value
from .patient import Patient
from .tables import Advice, Row, Table, between, rounded, when

__all__ = ["GUIDELINE", "ROWS", "TABLE", "Advice", "Nodule", "Patient", "Texture", "advise", "whole"]

Texture = Literal["solid", "part-solid", "ground-glass"]
GUIDELINE = "fleischner-2017"
_NAMES = {"whole_mm": "diameter_mm", "high_risk": "risk", "whole_solid_part_mm": "solid_part_mm"}

_SMALL, _SIX, _MIDDLE, _OVER = between(0, 6), between(6, math.inf), between(6, 9), between(9, math.inf)
_LOW, _HIGH = {"high_risk": False}, {"high_risk": True}


def _row(name: str, rank: int, says: str, **conditions: str | bool | tuple[str, ...] | Condition) -> Row:
    return Row(id=name, rank=rank, says=says, when=when(**conditions))


def _solid(name: str, rank: int, says: str, many: bool, whole_mm: Condition, **risk: bool) -> Row:
    return _row(name, rank, says, texture="solid", multiple=many, whole_mm=whole_mm, **risk)


def _part_solid(name: str, rank: int, says: str, solid_part: Condition) -> Row:
    return _row(name, rank, says, texture="part-solid", multiple=False, whole_mm=_SIX, whole_solid_part_mm=solid_part)


TABLE = Table(
    guideline=GUIDELINE,
    source="MacMahon et al., Radiology 2017;284:228",
    rows=(
        _solid("solid-single-small-low", 0, "No routine follow-up.", False, _SMALL, **_LOW),
        _solid("solid-single-small-high", 1, "CT at 12 months is optional.", False, _SMALL, **_HIGH),
        _solid("solid-single-middle-low", 2, "CT at 6 to 12 months, then consider CT at 18 to 24 months.", False,
               _MIDDLE, **_LOW),
        _solid("solid-single-middle-high", 3, "CT at 6 to 12 months, then CT at 18 to 24 months.", False, _MIDDLE,
               **_HIGH),
        _solid("solid-single-large", 8, "Consider CT at 3 months, PET/CT or tissue sampling.", False, _OVER),
        _solid("solid-multiple-small-low", 0, "No routine follow-up.", True, _SMALL, **_LOW),
        _solid("solid-multiple-small-high", 1, "CT at 12 months is optional.", True, _SMALL, **_HIGH),
        _solid("solid-multiple-large-low", 5, "CT at 3 to 6 months, then consider CT at 18 to 24 months.", True, _SIX,
               **_LOW),
        _solid("solid-multiple-large-high", 6, "CT at 3 to 6 months, then CT at 18 to 24 months.", True, _SIX, **_HIGH),
        _row("ground-glass-single-small", 0, "No routine follow-up.", texture="ground-glass", multiple=False,
             whole_mm=_SMALL),
        _row("ground-glass-single-large", 3,
             "CT at 6 to 12 months to confirm persistence, then every 2 years until 5 years.",
             texture="ground-glass", multiple=False, whole_mm=_SIX),
        _row("part-solid-single-small", 0, "No routine follow-up.", texture="part-solid", multiple=False,
             whole_mm=_SMALL),
        _part_solid("part-solid-single-large", 6, "CT at 3 to 6 months; if it persists and its solid part stays under "
                    "6 mm, CT every year for 5 years.", between(0, 6)),
        _part_solid("part-solid-single-solid-part", 7,
                    "CT at 3 to 6 months to confirm persistence; if it persists, highly suspicious.", between(6, 9)),
        _part_solid("part-solid-single-suspicious", 9, "PET/CT, biopsy or resection.", _OVER),
        _row("subsolid-multiple-small", 4, "CT at 3 to 6 months; if stable, consider CT at 2 and 4 years.",
             texture=("part-solid", "ground-glass"), multiple=True, whole_mm=_SMALL),
        _row("subsolid-multiple-large", 6, "CT at 3 to 6 months, then by the most suspicious nodule.",
             texture=("part-solid", "ground-glass"), multiple=True, whole_mm=_SIX),
    ),
)  # fmt: skip
SCOPE = ("age", "screening", "cancer", "immunosuppressed")
FACTORS = ("high_risk_smoking", "family_history", "emphysema", "fibrosis")  # of a patient
FEATURES = ("upper_lobe", "spiculated")  # of a nodule
ROWS: Mapping[str, str] = {row.id: row.says for row in TABLE.rows}


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodule:
    """The nodule that decides: mean diameters in mm; None where not known, several textures where one of these."""

    diameter_mm: float
    texture: Texture | frozenset[Texture] | None = None
    solid_part_mm: float | None = None
    multiple: bool | None = None
    upper_lobe: bool | None = None
    spiculated: bool | None = None


def advise(nodule: Nodule, patient: Patient) -> Advice:
    """The rows for a nodule.

    Raises:
        InputError: a diameter that is not a positive number, or a solid part wider than its nodule.
    """
    known = attributes(nodule, patient)
    silent = _outside(nodule, patient)
    if silent:
        return Advice(guideline=GUIDELINE, rows=(), decided_by=(), missing=(), silent_because=silent)
    read = TABLE.read(known)
    unknown = tuple(n for n in SCOPE if getattr(patient, n) is None)
    asked: dict[str, tuple[str, ...]] = {"high_risk": _unknown_factors(nodule, patient)}
    missing = (each for name in read.missing for each in asked.get(name, (_NAMES.get(name, name),)))
    return Advice(
        guideline=GUIDELINE,
        rows=tuple(each.row.id for each in read.rows),
        decided_by=tuple(_NAMES.get(name, name) for name in read.decided_by),
        missing=(*missing, *unknown),
        open=read.rows,
    )


def attributes(nodule: Nodule, patient: Patient) -> dict[str, Value | frozenset[Value] | None]:
    """What the table asks: sizes to the whole millimetre, the risk group by the factors.

    Raises:
        InputError: as `advise`.
    """
    millimetres = whole(nodule.diameter_mm)
    if nodule.solid_part_mm is not None and not 0 <= nodule.solid_part_mm <= nodule.diameter_mm:
        raise InputError(f"a solid part of {nodule.solid_part_mm} mm does not fit into {nodule.diameter_mm} mm")
    factors = factors_of(nodule, patient).values()
    possible = frozenset(each for each in (0.0, 6.0, 9.0) if each <= millimetres)  # one of each row
    part = nodule.solid_part_mm
    return {
        "whole_mm": float(millimetres),
        "texture": nodule.texture,
        "multiple": nodule.multiple,
        "high_risk": True if any(factors) else None if None in factors else False,
        "whole_solid_part_mm": possible if part is None else float(math.floor(round(part, 6) + 0.5)),
    }


def factors_of(nodule: Nodule, patient: Patient) -> dict[str, bool | None]:
    """The risk factors that the guideline names; one that is present makes the risk high."""
    return {n: getattr(patient, n) for n in FACTORS} | {n: getattr(nodule, n) for n in FEATURES}


def risk_rules() -> tuple[Rule, ...]:
    """From a factor to high risk, and from none of them to low risk."""
    nodule = Condition(predicate="whole_mm")
    asked = {**dict.fromkeys(FACTORS, "patient"), **dict.fromkeys(FEATURES, "?it")}
    high, low = Statement("?it", "high_risk", True), Statement("?it", "high_risk", False)
    absent = tuple(Condition(predicate=n, subject=of, among=frozenset((False,))) for n, of in asked.items())
    return (
        Rule(id=f"{GUIDELINE}/low-risk", when=(nodule, *absent), then=low, source=TABLE.source),
        *(
            Rule(id=f"{GUIDELINE}/high-risk-{name.replace('_', '-')}", then=high, source=TABLE.source,
                 when=(nodule, Condition(predicate=name, subject=of, among=frozenset((True,)))))
            for name, of in asked.items()
        ),
    )  # fmt: skip


def whole(millimetres: float) -> int:
    """To the nearest whole millimetre, halves up: 5.5 mm counts as 6."""
    return int(rounded(millimetres, 0))


def _outside(nodule: Nodule, patient: Patient) -> tuple[str, ...]:
    reasons = (
        (patient.age is not None and patient.age < 35, "the patient is younger than 35 years"),
        (patient.screening is True, "the scan is a screening scan"),
        (patient.cancer is True, "the patient has or had a cancer"),
        (patient.immunosuppressed is True, "the patient is immunosuppressed"),
        (nodule.diameter_mm > 30, "it is wider than 30 mm: a mass, not a nodule"),
    )
    return tuple(reason for holds, reason in reasons if holds)


def _unknown_factors(nodule: Nodule, patient: Patient) -> tuple[str, ...]:
    return tuple(name for name, value in factors_of(nodule, patient).items() if value is None)
