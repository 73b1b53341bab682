"""Lung-RADS v2022: the category of a nodule on a screening scan (ACR 2022; Christensen et al., Chest 2024;165:738).

Diameters are means of the axes to 0.1 mm. `comparison` is of the solid part where a nodule is part-solid; growth is
more than 1.5 mm within 12 months. A new part-solid nodule under 6 mm is category 3 whatever its solid part, since its
own row says so. Cases that no row names (a fast-growing ground-glass nodule of 30 mm) are rows that say that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from ....core.errors import InputError
from ....knowledge.rules import Condition, Value
from .tables import Advice, Row, Table, between, rounded, when

GUIDELINE, SOURCE = "lung-rads-2022", "ACR Lung-RADS v2022; Christensen et al., Chest 2024;165:738"
Texture = Literal["solid", "part-solid", "ground-glass"]
Comparison = Literal["baseline", "new", "growing", "growing slowly", "stable"]  # stable: or smaller
Airway = Literal["no", "subsegmental", "segmental or more proximal"]
Cyst = Literal[
    "no", "thick wall", "thick wall, cystic part growing", "thick wall, wall growing", "multilocular",
    "became multilocular", "multilocular, growing",
]  # fmt: skip
Category = Literal["1", "2", "3", "4A", "4B", "4X"]
MANAGEMENT = {
    "1": "Screening LDCT at 12 months.",
    "2": "Screening LDCT at 12 months.",
    "3": "LDCT at 6 months.",
    "4A": "LDCT at 3 months; PET/CT may be considered if a solid nodule or solid part is 8 mm or more.",
    "4B": "Referral for further clinical evaluation: diagnostic chest CT, tissue sampling, or PET/CT if a solid nodule "
    "or solid part is 8 mm or more.",
}
MANAGEMENT["4X"] = MANAGEMENT["4B"]
SILENT = "The table names no category for this case: it is the physician's."
_RANK = {category: 10 * place for place, category in enumerate(MANAGEMENT)}
_TISSUE, _CYST, _AIRWAY = (
    when(benign=False, airway="no", cyst="no"),
    when(benign=False, airway="no"),
    when(benign=False),
)
_AT_FIRST, _LATER = ("baseline", "new"), ("growing", "growing slowly", "stable")
_UNDER_30, _FROM_30 = between(0, 30), between(30, inf)


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodule:
    """One nodule, None where not known; a reader's words are those of `facts.Detail`. `diameter_mm` is the mean."""

    diameter_mm: float
    texture: Texture | frozenset[Texture] | None = None
    comparison: Comparison | frozenset[Comparison] | None = None
    solid_part_mm: float | None = None
    benign: bool | None = None
    juxtapleural: bool | None = None
    airway: Airway | None = None
    cyst: Cyst | None = None
    earlier_category: Category | None = None
    proven_benign: bool | None = None
    suspicious: bool | None = None


def _row(name: str, conditions: Mapping[str, Condition]) -> Row:
    category = name.split("-")[0]
    if category == "silent":
        return Row(id=name, says=SILENT, rank=_RANK["4B"], when=conditions, silent=True)
    return Row(id=name, says=MANAGEMENT[category], rank=_RANK[category], category=category, when=conditions)


def _tissue(name: str, texture: str, comparison: str | tuple[str, ...], **more: bool | Condition) -> Row:
    return _row(name, _TISSUE | when(texture=texture, comparison=comparison, **more))


def _solid() -> Iterable[Row]:
    away = {"juxtapleural": False}
    yield _tissue("2-solid-baseline", "solid", "baseline", size_mm=between(0, 6))
    yield _tissue("2-juxtapleural-baseline", "solid", "baseline", size_mm=between(6, 10), juxtapleural=True)
    yield _tissue("3-solid-baseline", "solid", "baseline", size_mm=between(6, 8), **away)
    yield _tissue("4A-solid-baseline", "solid", "baseline", size_mm=between(8, 15), **away)
    yield _tissue("4B-solid-baseline", "solid", "baseline", size_mm=between(15, inf))
    yield _tissue("2-solid-new", "solid", "new", size_mm=between(0, 4))
    yield _tissue("2-juxtapleural-new", "solid", "new", size_mm=between(4, 10), juxtapleural=True)
    yield _tissue("3-solid-new", "solid", "new", size_mm=between(4, 6), **away)
    yield _tissue("4A-solid-new", "solid", "new", size_mm=between(6, 8), **away)
    yield _tissue("4B-solid-new", "solid", "new", size_mm=between(8, inf), **away)
    yield _tissue("4A-solid-growing", "solid", "growing", size_mm=between(0, 8))
    yield _tissue("4B-solid-growing", "solid", "growing", size_mm=between(8, inf))
    yield _tissue("4B-solid-growing-slowly", "solid", "growing slowly")


def _subsolid() -> Iterable[Row]:
    small, large = {"size_mm": between(0, 6)}, {"size_mm": between(6, inf)}
    yield _tissue("2-part-solid-baseline", "part-solid", "baseline", **small)
    yield _tissue("3-part-solid-baseline", "part-solid", "baseline", **large, solid_part_mm=between(0, 6))
    yield _tissue("4A-part-solid-baseline", "part-solid", "baseline", **large, solid_part_mm=between(6, 8))
    yield _tissue("4B-part-solid-baseline", "part-solid", "baseline", **large, solid_part_mm=between(8, inf))
    yield _tissue("3-part-solid-new", "part-solid", "new", **small)
    yield _tissue("4A-part-solid-new", "part-solid", "new", **large, solid_part_mm=between(0, 4))
    yield _tissue("4B-part-solid-new", "part-solid", "new", **large, solid_part_mm=between(4, inf))
    yield _tissue("4A-part-solid-growing", "part-solid", "growing", solid_part_mm=between(0, 4))
    yield _tissue("4B-part-solid-growing", "part-solid", "growing", solid_part_mm=between(4, inf))
    yield _tissue("4B-part-solid-growing-slowly", "part-solid", "growing slowly")
    glass = "ground-glass"
    yield _row("2-ground-glass", _TISSUE | when(texture=glass, size_mm=_UNDER_30))
    yield _tissue("2-ground-glass-large-stable", glass, ("stable", "growing slowly"), size_mm=_FROM_30)
    yield _tissue("3-ground-glass-large", glass, _AT_FIRST, size_mm=_FROM_30)
    yield _tissue("silent-ground-glass-large-growing", glass, "growing", size_mm=_FROM_30)


def _stepped() -> Iterable[Row]:
    """A nodule that has not grown: the earlier category decides."""
    solid = _TISSUE | when(texture=("solid", "part-solid"), comparison="stable")
    cyst = _CYST | when(cyst=("thick wall", "multilocular"), comparison="stable")
    for name, kind in (("stable", solid), ("stable-cyst", cyst)):
        yield _row(f"2-{name}", kind | when(earlier_category=("1", "2")))
        yield _row(f"2-{name}-after-3", kind | when(earlier_category="3"))
        yield _row(f"3-{name}-after-4A", kind | when(earlier_category="4A"))
        last = kind | when(earlier_category=("4B", "4X"))
        yield _row(f"2-{name}-proven-benign", last | when(proven_benign=True))
        yield _row(f"silent-{name}-after-4B", last | when(proven_benign=False))


def _others() -> Iterable[Row]:
    yield _row("1-benign", when(benign=True))
    small, large = _AIRWAY | when(airway="subsegmental"), _AIRWAY | when(airway="segmental or more proximal")
    yield _row("2-airway-subsegmental", small | when(comparison=(*_AT_FIRST, "stable")))
    yield _row("silent-airway-subsegmental-growing", small | when(comparison=("growing", "growing slowly")))
    yield _row("4A-airway", large | when(comparison=_AT_FIRST))
    yield _row("4B-airway", large | when(comparison=_LATER))
    yield _row("3-cyst-growing", _CYST | when(cyst="thick wall, cystic part growing"))
    yield _row("4A-cyst", _CYST | when(
        cyst=("thick wall", "multilocular"), comparison=(*_AT_FIRST, "growing", "growing slowly")))  # fmt: skip
    yield _row("4A-cyst-became-multilocular", _CYST | when(cyst="became multilocular"))
    yield _row("4B-cyst", _CYST | when(cyst=("thick wall, wall growing", "multilocular, growing")))


def _with_suspicion(row: Row) -> tuple[Row, ...]:
    """A row of category 3 or 4 as it is, and as 4X where something beside size raises suspicion."""
    if row.category not in ("3", "4A", "4B"):
        return (row,)
    as_4x = replace(row, id=f"4X-{row.id}", says=MANAGEMENT["4X"], rank=_RANK["4X"], category="4X")
    return (
        replace(row, when={**row.when, **when(suspicious=False)}),
        replace(as_4x, when={**row.when, **when(suspicious=True)}),
    )


TABLE = Table(
    guideline=GUIDELINE,
    source=SOURCE,
    rows=tuple(each for row in (*_others(), *_solid(), *_subsolid(), *_stepped()) for each in _with_suspicion(row)),
)
EXAM = Table(
    guideline=GUIDELINE,
    source=SOURCE,
    rows=(
        *(Row(id=f"0-{name}", says=says, rank=0, category="0", when=when(incomplete=incomplete))
          for name, says, incomplete in (
              ("earlier", "Comparison with the earlier chest CT.", "an earlier CT is being located"),
              ("not-evaluable", "Additional lung cancer screening CT images are needed.", "lung not evaluable"),
              ("infection", "LDCT at 1 to 3 months.", "infection or inflammation"))),
        Row(id="1-none", says=MANAGEMENT["1"], rank=0, category="1",
            when=when(incomplete="no", nodules=between(0, 1))),
    ),
)  # fmt: skip


def advise(nodule: Nodule) -> Advice:
    """The rows for a nodule on a screening scan.

    Raises:
        InputError: a diameter that is not a positive number, or a solid part wider than its nodule.
    """
    read = TABLE.read(attributes(nodule))
    return Advice(
        guideline=GUIDELINE,
        rows=tuple(each.row.id for each in read.rows),
        decided_by=read.decided_by,
        missing=read.missing,
        open=read.rows,
    )


def attributes(nodule: Nodule) -> dict[str, Value | frozenset[Value] | None]:
    """What the table asks: sizes to 0.1 mm; the row of juxtapleural nodules ends below 10 mm.

    Raises:
        InputError: as `advise`.
    """
    size, part = rounded(nodule.diameter_mm, 1), nodule.solid_part_mm
    if part is not None and not 0 <= part <= nodule.diameter_mm:
        raise InputError(f"a solid part of {part} mm does not fit into {nodule.diameter_mm} mm")
    possible = frozenset(each for each in (0.0, 4.0, 6.0, 8.0) if each <= size)  # one of each row
    return {
        **{n: getattr(nodule, n) for n in ("texture", "comparison", "benign", "airway", "cyst", "earlier_category")},
        "proven_benign": nodule.proven_benign,
        "suspicious": nodule.suspicious,
        "size_mm": size,
        "solid_part_mm": possible if part is None else rounded(part, 1) if part else 0.0,
        "juxtapleural": False if size >= 10 else nodule.juxtapleural,
    }
