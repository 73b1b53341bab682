"""What a guideline may use of a finding: what is measured, sure enough, or added by a reader, each with its source.

An attribute that is not sure enough is not known; where only some values are possible, these are. It applies no table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias, cast, get_args

from ....knowledge.rules import Predicate, Statement, Value
from ..followup.growth import LEAST, Change
from ..records import Attribute, Finding
from .bts import Compared
from .lung_rads import Airway, Category, Comparison, Cyst, Texture
from .patient import Patient

GROWTH, YEAR = 1.5, 366.0  # more mm of mean diameter within so many days: growing (Lung-RADS v2022)
TEXTURES = get_args(Texture)
WIDER = 2.0  # mm of diameter of a subsolid nodule (BTS 2015)
Known: TypeAlias = dict[str, tuple[Value | frozenset[Value], str]]
SURE = 0.8  # probability from which an attribute counts as known
TISSUE = "premise: a nodule of the lung's tissue, neither in an airway nor a cyst"
TRUTHS = (
    "multiple", "high_risk", "high_risk_smoking", "ever_smoked", "family_history", "emphysema", "fibrosis",
    "upper_lobe", "spiculated", "benign", "juxtapleural", "suspicious", "proven_benign", "concerning",
)  # fmt: skip
NUMBERS = (
    "whole_mm", "whole_solid_part_mm", "size_mm", "solid_part_mm", "long_axis_mm", "volume_mm3", "brock", "nodules",
    "doubling_days", "volume_change", "days",
)  # fmt: skip
WORDS = (
    "texture", "comparison", "airway", "cyst", "earlier_category", "row", "category", "management", "size",
    "compared", "incomplete",
)  # fmt: skip
PREDICATES = (
    *(Predicate(name=name, type="truth") for name in TRUTHS),
    *(Predicate(name=name, type="number") for name in NUMBERS),
    *(Predicate(name=name, type="word") for name in WORDS),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """What a reader says of one finding that its mask and attributes do not. None: not known.

    `benign`: calcified throughout, centrally, like popcorn or in rings, or with fat. `juxtapleural`: on the pleura,
    smooth, and oval, lentiform or triangular. `suspicious`: spiculation, enlarged nodes or another sign of cancer
    beside size (Lung-RADS 4X). `concerning`: the same of a subsolid nodule (BTS). `earlier_category`: Lung-RADS of the
    earlier scan.
    """

    solid_part_mm: float | None = None
    benign: bool | None = None
    juxtapleural: bool | None = None
    airway: Airway | None = None
    cyst: Cyst | None = None
    comparison: Comparison | None = None
    suspicious: bool | None = None
    earlier_category: Category | None = None
    proven_benign: bool | None = None
    concerning: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a reader adds: details by the label of a finding, and what concerns the whole study (Lung-RADS 0 and S)."""

    details: Mapping[int, Detail] = field(default_factory=dict)
    waiting_for_earlier: bool = False  # an earlier chest CT is being located
    not_evaluable: bool = False  # part or all of the lungs
    infection: bool = False  # signs of infection or inflammation
    other_finding: bool = False  # significant, and not of lung cancer: modifier S

    @property
    def incomplete(self) -> str:
        """Why Lung-RADS is 0, or "no"."""
        reasons = {
            "an earlier CT is being located": self.waiting_for_earlier,
            "lung not evaluable": self.not_evaluable,
            "infection or inflammation": self.infection,
        }
        return next((reason for reason, holds in reasons.items() if holds), "no")


NOTHING_ADDED = Reading()


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One finding with all that is known of it: `known` by name with the source of each; absent is not known."""

    label: int
    diameter_mm: float
    known: Known
    change: Change | None = None

    @property
    def subject(self) -> str:
        return f"finding {self.label}"

    def value(self, name: str) -> Any:
        """What is known under that name: a value, several that are possible, or None."""
        return self.known[name][0] if name in self.known else None

    def only(self, name: str) -> Any:
        """The value, None where it is not the only one that is possible."""
        value = self.value(name)
        return None if isinstance(value, frozenset) else value

    def statements(self, *names: str) -> dict[Statement, str]:
        """What is known for certain under these names, with its source."""
        return {Statement(self.subject, name, self.only(name)): self.known[name][1]
                for name in names if self.only(name) is not None}  # fmt: skip


def of_patient(patient: Patient, names: Sequence[str]) -> dict[Statement, str]:
    """What is known of the patient under these names."""
    known = {name: getattr(patient, name) for name in names}
    return {Statement("patient", n, value): "the patient's history" for n, value in known.items() if value is not None}


def seen_of(
    finding: Finding, findings: Sequence[Finding], changes: Sequence[Change], *, days: float | None, reading: Reading,
    sure: float,
) -> Seen:  # fmt: skip
    """A finding among those of its study, against the earlier scan if there is one."""
    detail = reading.details.get(finding.label, Detail())
    change = next((each for each in changes if each.label == finding.label), None)
    mask = f"measured on mask {finding.label}"
    known: Known = {
        "diameter_mm": (finding.diameter_mm, mask),
        "long_axis_mm": (finding.long_axis_mm, mask),
        "volume_mm3": (finding.volume_mm3, mask),
        "airway": ("no", TISSUE),
        "cyst": ("no", TISSUE),
        **_attributes(finding, sure),
        **_others(finding, findings, sure),
        **_since(change, bool(changes) or days is not None, days),
    }
    told = {each.name: getattr(detail, each.name) for each in fields(detail)}
    known |= {name: (value, "a reader's word") for name, value in told.items() if value is not None}
    return Seen(label=finding.label, diameter_mm=finding.diameter_mm, known=known, change=change)


def _attributes(finding: Finding, sure: float) -> Known:
    sources = {
        name: (each.value, f"{name} {each.value}, probability {each.probability:.2f}")
        for name, each in finding.attributes.items()
        if each.probability >= sure
    }
    known: Known = {}
    if "texture" in finding.attributes and (texture := _possible(finding.attributes["texture"], sure)) is not None:
        known["texture"] = texture
    if "spiculation" in sources:
        known["spiculated"] = (sources["spiculation"][0] == "marked", sources["spiculation"][1])
        if sources["spiculation"][0] == "marked":
            known["suspicious"] = known["concerning"] = (True, sources["spiculation"][1])
    if "calcification" in sources and sources["calcification"][0] == "none":
        known["benign"] = (False, sources["calcification"][1])
    if "location" in sources and sources["location"][0].endswith(" lobe"):  # a zone is no lobe
        known["upper_lobe"] = ("upper lobe" in sources["location"][0], sources["location"][1])
    return known


def _possible(attribute: Attribute, sure: float) -> tuple[Value | frozenset[Value], str] | None:
    """The fewest values that hold together with probability `sure`; None where these are all."""
    chances = {**attribute.probabilities, attribute.value: attribute.probability}
    kept: list[str] = []
    for value in sorted(chances, key=lambda each: -chances[each]):
        kept.append(value)
        together = sum(chances[each] for each in kept)
        if together >= sure - 1e-9:
            source = f"texture {' or '.join(kept)}, probability {together:.2f}"
            return (kept[0] if len(kept) == 1 else frozenset(kept), source) if len(kept) < len(TEXTURES) else None
    return None


def _others(finding: Finding, findings: Sequence[Finding], sure: float) -> Known:
    """Whether there are more nodules, by the calibrated scores of the others."""
    others = [each.score for each in findings if each.label != finding.label]
    more = 1 - math.prod(1 - score for score in others)
    source = f"{len(others)} other findings, at least one of them a nodule with probability {more:.2f}"
    if max(more, 1 - more) < sure:
        return {}
    return {"multiple": (more >= sure, source if others else "no other finding")}


def _since(change: Change | None, compared: bool, days: float | None) -> Known:
    """How the finding stands to the earlier scan: of growth, all that size and volume leave possible."""
    if not compared:
        return {
            "comparison": ("baseline", "no earlier scan was given"),
            "compared": ("first", "no earlier scan was given"),
        }
    if change is None:
        return {}
    source = f"compared with the scan {days:g} days before" if days else "compared with the earlier scan"
    known: Known = {} if days is None else {"days": (days, source)}
    if change.status == "new":
        return {**known, "comparison": ("new", source), "compared": ("new", source)}
    grown, wider = change.status == "grown", change.diameter_change_mm or 0.0
    told = f"{source}: {wider:+.1f} mm, volume {change.status}"
    if change.ratio is not None:
        told += f" ({change.ratio.value - 1:+.0%})"
    comparison = _growth(grown, wider, days)
    return {**known, "comparison": (comparison, told), "change_mm": (wider, told)}


def _growth(grown: bool, wider: float, days: float | None) -> Value | frozenset[Value]:
    """Lung-RADS: what a change of the mean diameter may be called; a single interval cannot show slow growth."""
    within = days is not None and days <= YEAR
    if wider > GROWTH:
        possible = {"growing"} if within else {"growing", "growing slowly"}
        possible |= set() if grown else {"stable"}
    else:
        possible = {"stable"} if within or not grown else {"stable", "growing slowly"}
    return frozenset(possible) if len(possible) > 1 else possible.pop()


def compared_of(seen: Seen) -> Compared | frozenset[Compared] | None:
    """BTS: 25 % of the volume of a solid nodule, 2 mm of a subsolid one; either where the texture is not known."""
    change = seen.change
    if change is None or change.ratio is None:
        return cast("Compared | None", seen.value("compared"))
    by_volume: set[Compared] = {"grown"} if change.ratio.value >= 1 + LEAST else {"stable"}
    if change.ratio.value >= 1 + LEAST and change.status != "grown":
        by_volume.add("stable")
    by_width: set[Compared] = {"grown"} if (change.diameter_change_mm or 0.0) >= WIDER else {"stable"}
    texture = seen.value("texture")
    subsolid = texture in ("part-solid", "ground-glass") or texture == frozenset(("part-solid", "ground-glass"))
    possible = by_volume if texture == "solid" else by_width if subsolid else by_volume | by_width
    return frozenset(possible) if len(possible) > 1 else possible.pop()
