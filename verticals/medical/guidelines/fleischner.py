"""Fleischner 2017: what to do about a nodule found by chance on CT (MacMahon et al., Radiology 2017;284:228).

The guideline's own measure is the mean of long and short axis to the nearest whole millimetre. Growth between scans is
outside its table. Its risk group is the reader's: here it is high where a factor that it names is present, and open
where one is not known. It gives no age from which risk is high, so age alone decides nothing here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ....core.errors import InputError

Texture = Literal["solid", "part-solid", "ground-glass"]
GUIDELINE = "fleischner-2017"

ROWS: Mapping[str, str] = {
    "solid-single-small-low": "No routine follow-up.",
    "solid-single-small-high": "CT at 12 months is optional.",
    "solid-single-middle-low": "CT at 6 to 12 months, then consider CT at 18 to 24 months.",
    "solid-single-middle-high": "CT at 6 to 12 months, then CT at 18 to 24 months.",
    "solid-single-large": "Consider CT at 3 months, PET/CT or tissue sampling.",
    "solid-multiple-small-low": "No routine follow-up.",
    "solid-multiple-small-high": "CT at 12 months is optional.",
    "solid-multiple-large-low": "CT at 3 to 6 months, then consider CT at 18 to 24 months.",
    "solid-multiple-large-high": "CT at 3 to 6 months, then CT at 18 to 24 months.",
    "ground-glass-single-small": "No routine follow-up.",
    "ground-glass-single-large": "CT at 6 to 12 months to confirm persistence, then every 2 years until 5 years.",
    "part-solid-single-small": "No routine follow-up.",
    "part-solid-single-large": "CT at 3 to 6 months; if it persists and its solid part stays under 6 mm, CT every year "
    "for 5 years.",
    "part-solid-single-solid-part": "CT at 3 to 6 months to confirm persistence; if it persists, highly suspicious.",
    "part-solid-single-suspicious": "PET/CT, biopsy or resection.",
    "subsolid-multiple-small": "CT at 3 to 6 months; if stable, consider CT at 2 and 4 years.",
    "subsolid-multiple-large": "CT at 3 to 6 months, then by the most suspicious nodule.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Patient:
    """What the guideline asks about a patient. None: not known. `high_risk_smoking`: 30 pack-years or more, and
    smoking within the last 15 years."""

    age: float | None = None
    screening: bool | None = None
    cancer: bool | None = None
    immunosuppressed: bool | None = None
    high_risk_smoking: bool | None = None
    family_history: bool | None = None
    emphysema: bool | None = None
    fibrosis: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodule:
    """The nodule that decides: mean diameters in mm, None where not known."""

    diameter_mm: float
    texture: Texture | None = None
    solid_part_mm: float | None = None
    multiple: bool | None = None
    upper_lobe: bool | None = None
    spiculated: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """Rows that the known inputs leave open (one where all that matters is known), or why the guideline is silent."""

    rows: tuple[str, ...]
    decided_by: tuple[str, ...]
    missing: tuple[str, ...]
    silent_because: tuple[str, ...] = ()
    guideline: str = GUIDELINE

    def sentences(self) -> tuple[str, ...]:
        return tuple(ROWS[row] for row in self.rows)


def advise(nodule: Nodule, patient: Patient) -> Advice:
    """The rows for a nodule.

    Raises:
        InputError: a diameter that is not a positive number, or a solid part wider than its nodule.
    """
    millimetres = whole(nodule.diameter_mm)
    if nodule.solid_part_mm is not None and not 0 <= nodule.solid_part_mm <= nodule.diameter_mm:
        raise InputError(f"a solid part of {nodule.solid_part_mm} mm does not fit into {nodule.diameter_mm} mm")
    silent = _outside(nodule, patient)
    if silent:
        return Advice(rows=(), decided_by=(), missing=(), silent_because=silent)
    unknown = tuple(n for n in ("age", "screening", "cancer", "immunosuppressed") if getattr(patient, n) is None)
    textures = (nodule.texture,) if nodule.texture else ("solid", "part-solid", "ground-glass")
    counts = (nodule.multiple,) if nodule.multiple is not None else (False, True)
    risks, factors = _risks(nodule, patient)
    parts = _solid_parts(nodule, millimetres)
    found = {
        _row(texture, many, millimetres, high, part): None
        for texture, many, high, part in itertools.product(textures, counts, risks, parts)
    }
    rows = tuple(found)
    solid = any(row.startswith("solid") for row in rows)
    part_matters = any(row.startswith("part-solid-single") and not row.endswith("small") for row in rows)
    missing = [n for n, known in (("texture", nodule.texture), ("multiple", nodule.multiple)) if known is None]
    missing += factors if solid and len(risks) > 1 and len(rows) > 1 else []
    missing += ["solid_part_mm"] if part_matters and len(parts) > 1 else []
    decided = ["diameter_mm", *(n for n in ("texture", "multiple") if n not in missing)]
    decided += ["risk"] if solid and len(risks) == 1 else []
    decided += ["solid_part_mm"] if part_matters and len(parts) == 1 else []
    return Advice(rows=rows, decided_by=tuple(decided), missing=(*missing, *unknown))


def whole(millimetres: float) -> int:
    """To the nearest whole millimetre, halves up: 5.5 mm counts as 6."""
    if not (math.isfinite(millimetres) and millimetres > 0):
        raise InputError(f"a diameter is a positive number of millimetres, got {millimetres}")
    return math.floor(round(millimetres, 6) + 0.5)


def _outside(nodule: Nodule, patient: Patient) -> tuple[str, ...]:
    reasons = (
        (patient.age is not None and patient.age < 35, "the patient is younger than 35 years"),
        (patient.screening is True, "the scan is a screening scan"),
        (patient.cancer is True, "the patient has or had a cancer"),
        (patient.immunosuppressed is True, "the patient is immunosuppressed"),
        (nodule.diameter_mm > 30, "it is wider than 30 mm: a mass, not a nodule"),
    )
    return tuple(reason for holds, reason in reasons if holds)


def _risks(nodule: Nodule, patient: Patient) -> tuple[tuple[bool, ...], list[str]]:
    """Risk groups that are open (True is high), and the factors that are not known."""
    factors = {n: getattr(patient, n) for n in ("high_risk_smoking", "family_history", "emphysema", "fibrosis")}
    factors |= {"upper_lobe": nodule.upper_lobe, "spiculated": nodule.spiculated}
    if any(factors.values()):
        return (True,), []
    unknown = [name for name, value in factors.items() if value is None]
    return ((False, True) if unknown else (False,)), unknown


def _solid_parts(nodule: Nodule, millimetres: int) -> tuple[int, ...]:
    if nodule.solid_part_mm is not None:
        return (math.floor(round(nodule.solid_part_mm, 6) + 0.5),)
    return tuple(part for part in (0, 6, 9) if part <= millimetres)


def _row(texture: str, many: bool, millimetres: int, high: bool, part: int) -> str:
    if texture == "solid":
        risk = "high" if high else "low"
        if many:
            return f"solid-multiple-{'small' if millimetres < 6 else 'large'}-{risk}"
        if millimetres > 8:
            return "solid-single-large"
        return f"solid-single-{'small' if millimetres < 6 else 'middle'}-{risk}"
    size = "small" if millimetres < 6 else "large"
    if many:
        return f"subsolid-multiple-{size}"
    if texture == "part-solid" and size == "large" and part >= 6:
        return "part-solid-single-suspicious" if part > 8 else "part-solid-single-solid-part"
    return f"{texture}-single-{size}"
