"""BTS 2015: nodules by volume and Brock risk, found by chance or by screening (Callister et al., Thorax 2015;70:ii1).

Solid nodules go by volume where it is known, else by the longest axis; subsolid ones by the longest axis. Change is
25 % of volume (solid) or 2 mm (subsolid). After PET-CT, where that was advised, it goes by Herder's risk (`after_pet`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nextafter
from typing import Literal, TypeAlias

from ....core.errors import InputError
from ....core.result import Interval
from ....knowledge.rules import Condition, Rule, Statement, Value
from .risk import HERDER, Chance
from .tables import Advice, Row, Table, between, rounded, when

GUIDELINE, SOURCE = "bts-2015", "Callister et al., Thorax 2015;70:ii1"
Texture = Literal["solid", "part-solid", "ground-glass"]
Compared = Literal["first", "new", "stable", "grown"]  # stable: or smaller
LIMIT = 0.10  # Brock risk from which more than surveillance is advised
FROM_AGE = 50.0  # years, from which Brock's model is asked for whether or not one smoked
FAST, SLOW = 400.0, 600.0  # days of doubling
A_YEAR = 300.0  # days from which two scans count as a year apart
_NONE, _WATCH = "No follow-up.", "CT at 3 months, then CT at 1 year."
_SUBSOLID = ("part-solid", "ground-glass")
Conditions: TypeAlias = dict[str, str | bool | tuple[str, ...] | Condition]
_SIZED = ("five", "middle", "large")


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodule:
    """One nodule, None where not known. `days` is the time since the earlier scan, `concerning` its morphology."""

    long_axis_mm: float
    volume_mm3: float | None = None
    texture: Texture | frozenset[Texture] | None = None
    benign: bool | None = None
    juxtapleural: bool | None = None
    compared: Compared | frozenset[Compared] | None = None
    doubling: Interval | None = None
    days: float | None = None
    brock: Chance | None = None
    concerning: bool | None = None


def _solid(name: str, rank: int, says: str, **more: str | bool | tuple[str, ...] | Condition) -> Row:
    return Row(id=f"solid-{name}", rank=rank, says=says, when=when(benign=False, texture="solid", **more))


def _subsolid(name: str, rank: int, says: str, **more: str | bool | tuple[str, ...] | Condition) -> Row:
    return Row(id=f"subsolid-{name}", rank=rank, says=says, when=when(benign=False, texture=_SUBSOLID, **more))


_FIRST = ("first", "new")
_AWAY: Conditions = {"juxtapleural": False}
_LOW, _HIGH = between(0, LIMIT), between(LIMIT, inf)
_GROWN: Conditions = {"size": _SIZED, "compared": "grown"}
_LASTING: Conditions = {"long_axis_mm": between(5, inf), "compared": "stable"}
TABLE = Table(
    guideline=GUIDELINE,
    source=SOURCE,
    rows=(
        Row(id="benign", rank=0, says=_NONE, when=when(benign=True)),
        _solid("small", 0, _NONE, size="small", compared=("first", "stable", "grown")),
        _solid("small-new", 1, "Below the size for follow-up, but new: follow-up is merited.", size="small",
               compared="new"),
        _solid("juxtapleural", 0, _NONE, size=_SIZED, compared=_FIRST, juxtapleural=True),
        _solid("five", 2, "CT at 1 year.", size="five", compared=_FIRST, **_AWAY),
        _solid("middle", 3, _WATCH, size="middle", compared=_FIRST, **_AWAY),
        _solid("large-low-risk", 4, _WATCH, size="large", compared=_FIRST, **_AWAY, brock=_LOW),
        _solid("large-high-risk", 7, "PET-CT, then risk by Herder: below 10 % CT surveillance, 10 to 70 % consider "
               "biopsy, above 70 % consider excision or non-surgical treatment.", size="large", compared=_FIRST,
               **_AWAY, brock=_HIGH),
        _solid("stable", 2, "CT at 1 year from the first.", size=_SIZED, compared="stable", days=between(0, A_YEAR)),
        _solid("stable-a-year", 0, "No follow-up, since the volume is stable over a year (by diameter only: CT at 2 "
               "years).", size=_SIZED, compared="stable", days=between(A_YEAR, inf)),
        _solid("fast", 8, "Further work-up (biopsy, imaging or resection).", **_GROWN,
               doubling_days=between(0, nextafter(FAST, inf))),
        _solid("grown-early", 5, "CT at 1 year from the first.", **_GROWN,
               doubling_days=between(nextafter(FAST, inf), inf), days=between(0, A_YEAR)),
        _solid("grown", 6, "Consider biopsy or further CT surveillance.", **_GROWN,
               doubling_days=between(nextafter(FAST, inf), nextafter(SLOW, inf)), days=between(A_YEAR, inf)),
        _solid("slow", 3, "Consider no further follow-up, or CT surveillance.", **_GROWN,
               doubling_days=between(nextafter(SLOW, inf), inf), days=between(A_YEAR, inf)),
        _subsolid("small", 0, _NONE, long_axis_mm=between(0, 5)),
        _subsolid("first", 3, "CT at 3 months.", long_axis_mm=between(5, inf), compared=_FIRST),
        _subsolid("stable-low-risk", 4, "CT at 1, 2 and 4 years from the first.", **_LASTING, concerning=False,
                  brock=_LOW),
        _subsolid("stable-high-risk", 7, "Discuss CT surveillance, biopsy, or resection or non-surgical treatment.",
                  **_LASTING, concerning=False, brock=_HIGH),
        _subsolid("stable-concerning", 7, "Discuss CT surveillance, biopsy, or resection or non-surgical treatment.",
                  **_LASTING, concerning=True),
        _subsolid("grown", 8, "Resection or non-surgical treatment is favoured.", long_axis_mm=between(5, inf),
                  compared="grown"),
    ),
)  # fmt: skip
CONSIDER, LIKELY = 0.10, 0.70  # Herder's risk from which a biopsy is considered, and above which treatment
_WORK_UP = (
    Row(id="pet-low-risk", rank=4, says="CT surveillance.", when=when(herder=between(0, CONSIDER))),
    Row(id="pet-middle-risk", rank=7, says="Consider image-guided biopsy; others: excision biopsy or CT surveillance.",
        when=when(herder=between(CONSIDER, nextafter(LIKELY, inf)))),
    Row(id="pet-high-risk", rank=8, says="Consider excision or non-surgical treatment, with or without a biopsy.",
        when=when(herder=between(nextafter(LIKELY, inf), inf))),
)  # fmt: skip
AFTER_PET = Table(guideline=GUIDELINE, source=SOURCE, rows=_WORK_UP)
_SIZES = {
    "volume_mm3": {"small": (0, 80), "middle": (80, 300), "large": (300, inf)},
    "long_axis_mm": {"small": (0, 5), "five": (5, 6), "middle": (6, 8), "large": (8, inf)},
}


def size_rules(by: Literal["volume_mm3", "long_axis_mm"]) -> tuple[Rule, ...]:
    """From volume (or longest axis, where no volume is known) to the size that the table asks."""
    return tuple(
        Rule(id=f"{GUIDELINE}/size-{name}-by-{by}", then=Statement("?it", "size", name), source=SOURCE,
             when=(Condition(predicate=by, low=low, high=high),))
        for name, (low, high) in _SIZES[by].items()
    )  # fmt: skip


def advise(nodule: Nodule) -> Advice:
    """The rows for a nodule.

    Raises:
        InputError: an axis or volume that is not a positive number.
    """
    read = TABLE.read(attributes(nodule))
    sized = "long_axis_mm" if nodule.volume_mm3 is None else "volume_mm3"
    risk = nodule.brock.missing if nodule.brock is not None else ("age",)
    named = {"size": (sized,), "brock": risk, "doubling_days": ("a longer interval",)}
    return Advice(
        guideline=GUIDELINE,
        rows=tuple(each.row.id for each in read.rows),
        decided_by=tuple(
            dict.fromkeys(n for name in read.decided_by for n in (named[name] if name == "size" else (name,)))
        ),
        missing=tuple(dict.fromkeys(n for name in read.missing for n in named.get(name, (name,)))),
        open=read.rows,
    )


def after_pet(risk: Chance) -> Advice:
    """The rows for a solid nodule whose PET-CT has been made, by Herder's risk (risk.herder).

    Raises:
        InputError: the risk is of another model.
    """
    if risk.source != HERDER:
        raise InputError(f"after PET-CT the guideline goes by {HERDER}, not by {risk.source or 'an unnamed model'}")
    between_ends = (each for each in (CONSIDER, nextafter(LIKELY, inf)) if risk.low < each < risk.high)
    read = AFTER_PET.read({"herder": frozenset((risk.low, risk.high, *between_ends))})
    return Advice(
        guideline=GUIDELINE, rows=tuple(each.row.id for each in read.rows), decided_by=read.decided_by,
        missing=risk.missing if len(read.rows) > 1 else (), open=read.rows,
    )  # fmt: skip


def attributes(nodule: Nodule) -> dict[str, Value | frozenset[Value] | None]:
    """What the table asks, with every value that the risk and the doubling time may have.

    Raises:
        InputError: as `advise`.
    """
    axis, volume = rounded(nodule.long_axis_mm, 1), nodule.volume_mm3
    if volume is not None and not (isfinite(volume) and volume > 0):
        raise InputError(f"a volume is a positive number of cubic millimetres, got {volume}")
    by, value = ("long_axis_mm", axis) if volume is None else ("volume_mm3", volume)
    size = next(name for name, (low, high) in _SIZES[by].items() if low <= value < high)
    brock, doubling = nodule.brock, nodule.doubling
    return {
        **{n: getattr(nodule, n) for n in ("texture", "benign", "compared", "days", "concerning")},
        "long_axis_mm": axis,
        "size": size,
        "juxtapleural": False if axis >= 10 else nodule.juxtapleural,
        "brock": frozenset((brock.low, brock.high)) if brock is not None else None,
        "doubling_days": None if doubling is None else frozenset(
            (doubling.low, min(doubling.high, 1e6),
             *(each for each in (FAST + 1, SLOW + 1) if doubling.low < each < doubling.high))),
    }  # fmt: skip
