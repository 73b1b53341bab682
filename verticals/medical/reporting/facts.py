"""The facts of a report: each value, the evidence that carries it, and how it is measured again from that evidence.

Sizes and places are measured again on the saved masks, changes computed again from both scans' masks, words about
attributes read again from their probabilities. It writes no sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from ....core.types import Array, Volume
from ....knowledge.claims import Fact
from ..detection.findings import Operating
from ..followup.comparison import Comparison
from ..followup.growth import REACH, changed, doubling, ratio_of
from ..measure import Measured, measure
from ..records import Attribute, Finding, Nodules, side_of
from ..studies.geometry import places_of, to_world
from .drawings import labels_of

SAID, SURE = 0.6, 0.9  # probability from which an attribute is said at all, and from which without "probably"
LIKELY, CERTAIN = 0.5, 0.9  # score from which a nodule is probable, and from which it is said without a hedge
MASS = 30.0  # mm: larger is a mass (Fleischner Society glossary)
PRESENT: Mapping[tuple[str, str], str] = {
    ("texture", "solid"): "solid",
    ("texture", "part-solid"): "part-solid",
    ("texture", "ground-glass"): "of ground-glass density",
    ("margin", "sharp"): "sharply marginated",
    ("margin", "ill-defined"): "ill-defined",
    ("spiculation", "marked"): "spiculated",
    ("lobulation", "marked"): "lobulated",
    ("calcification", "present"): "calcified",
}
ABSENT = ("spiculation", "lobulation", "calcification")


@dataclass(frozen=True, eq=False)
class Again:
    """Measures the findings of an answer again on the label map that is saved. `volume` is the scan in its axes."""

    answer: Nodules
    volume: Volume
    operating: Operating | None = None

    @cached_property
    def labels(self) -> Array:
        return labels_of(self.answer)

    @cached_property
    def places(self) -> dict[int, Array]:
        """The voxels `[voxel, 3]` by label."""
        return places_of(self.labels)

    def place(self, label: int) -> Array:
        """Of one finding; a single corner where the map has none, for which the report is refused."""
        return self.places.get(label, np.zeros((1, 3), int))

    @cached_property
    def sizes(self) -> dict[int, tuple[Measured, Array]]:
        """Size and centre in mm by label."""
        found = {}
        for label, where in self.places.items():
            low, high = where.min(axis=0), where.max(axis=0) + 1
            box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            mask, bottom = self.labels[box] == label, int(low[2])
            size = measure(mask, self.volume.spacing, self.volume.voxels[box], bottom=bottom)
            found[label] = size, to_world(self.volume.affine, where.mean(axis=0))
        return found

    def size(self, label: int) -> Measured:
        nothing = Measured(long_mm=0, short_mm=0, volume_mm3=0, median_hu=float("nan"), slice_index=-1)
        return self.sizes[label][0] if label in self.sizes else nothing

    def centre(self, label: int) -> Array:
        return self.sizes[label][1] if label in self.sizes else np.full(3, np.nan)

    def coordinate(self, label: int, axis: int) -> float:
        return float(self.centre(label)[axis])

    def side(self, label: int) -> str:
        return side_of(float(self.centre(label)[0]), self.answer.lung_middle_mm)

    def bounds(self, label: int) -> tuple[float, float]:
        """Those of the true diameter in mm, by the operating point's ratios."""
        diameter = self.size(label).diameter_mm
        few, many = (self.operating or Operating()).ratios(diameter)
        return few * diameter, many * diameter

    def largest(self) -> int:
        return max(self.sizes, key=lambda label: self.sizes[label][0].diameter_mm, default=0)


def mask_key(finding: Finding) -> str:
    return f"mask {finding.label}"


def subject(label: int) -> str:
    return f"finding {label}"


def size_facts(finding: Finding, again: Again) -> dict[str, Fact]:
    """Number, diameters, bounds, volume, density, slice, side and centre."""
    n, key = finding.label, mask_key(finding)
    low, high, share = finding.diameter_interval.low, finding.diameter_interval.high, finding.diameter_interval.coverage

    def fact(name: str, value: float, measured: Callable[[], float], digits: int = 1, unit: str = "mm") -> Fact:
        return Fact(value=value, evidence=key, measure=measured, digits=digits, unit=unit, about=(subject(n), name))

    facts = {
        "number": fact("number", float(n), lambda: float(n if n in again.sizes else -1), 0, ""),
        "diameter": fact("diameter_mm", finding.diameter_mm, lambda: again.size(n).diameter_mm),
        "long": fact("long_axis_mm", finding.long_axis_mm, lambda: again.size(n).long_mm),
        "short": fact("short_axis_mm", finding.short_axis_mm, lambda: again.size(n).short_mm),
        "volume": fact("volume_mm3", finding.volume_mm3, lambda: again.size(n).volume_mm3, 0, "mm3"),
        "density": fact("median_hu", finding.median_hu, lambda: again.size(n).median_hu, 0, "HU"),
        "slice": fact("slice_index", float(finding.slice_index), lambda: float(again.size(n).slice_index), 0, ""),
        "coverage": fact("diameter_coverage", 100 * share, lambda: 100 * finding.diameter_interval.coverage, 0, "%"),
        "low": fact("diameter_low_mm", low, lambda: low if again.operating is None else again.bounds(n)[0]),
        "high": fact("diameter_high_mm", high, lambda: high if again.operating is None else again.bounds(n)[1]),
        "side": Fact(value=finding.side, evidence=key, measure=lambda: again.side(n), about=(subject(n), "side")),
    }
    for axis, name in enumerate("xyz"):
        measured = partial(again.coordinate, n, axis)
        facts[name] = fact(f"center_{name}_mm", finding.center_mm[axis], measured, unit="")
    return facts


def noun_fact(finding: Finding, again: Again) -> Fact:
    """What it is called: by its score and by its size."""
    return Fact(
        value=noun(finding.score, finding.diameter_mm), evidence="scores", about=(subject(finding.label), "noun"),
        measure=lambda: noun(finding.score, again.size(finding.label).diameter_mm),
    )  # fmt: skip


def noun(score: float, diameter_mm: float) -> str:
    thing = "mass" if diameter_mm > MASS else "nodule"
    return thing if score >= CERTAIN else f"{'probable' if score >= LIKELY else 'possible'} {thing}"


def score_fact(finding: Finding) -> Fact:
    return Fact(value=finding.score, evidence="scores", measure=lambda: finding.score, digits=2,
                about=(subject(finding.label), "score"))  # fmt: skip


def place_fact(finding: Finding, again: Again) -> Fact:
    """Where it lies, "in the ...": the lobe or zone where the model is sure enough of it and it is on the side that was
    measured, else the side."""
    located = finding.attributes.get("location")
    if located is not None and located.probability >= SAID and _on(located.value, finding.side):
        return Fact(
            value=_hedged(located, f"in the {located.value}"), states=located.value, evidence=attribute_key(finding),
            measure=lambda: _hedged(located, f"in the {likeliest(located)}"),
            about=(subject(finding.label), "location"),
        )  # fmt: skip
    n = finding.label
    return Fact(value=f"in the {finding.side} lung", evidence=mask_key(finding),
                measure=lambda: f"in the {again.side(n)} lung",
                states=finding.side, about=(subject(n), "side"))  # fmt: skip


def attribute_key(finding: Finding) -> str:
    return f"attributes {finding.label}"


def present_facts(finding: Finding) -> dict[str, Fact]:
    """Attributes that are there, as words that can follow "it is": "probably part-solid"; the unsure ones left out."""
    found = {}
    for name, attribute in finding.attributes.items():
        words = PRESENT.get((name, attribute.value))
        if words is not None and attribute.probability >= SAID:
            found[name] = _attribute(finding, name, attribute, _hedged(attribute, words), partial(_present, name))
    return found


def absent_facts(finding: Finding) -> dict[str, Fact]:
    """Attributes that are surely not there, as words that can follow "no"."""
    found = {}
    for name in ABSENT:
        attribute = finding.attributes.get(name)
        if attribute is not None and attribute.value == "none" and attribute.probability >= SURE:
            found[name] = _attribute(finding, name, attribute, name, partial(_absent, name))
    return found


def _present(name: str, attribute: Attribute) -> str:
    return _hedged(attribute, PRESENT.get((name, likeliest(attribute)), likeliest(attribute)))


def _absent(name: str, attribute: Attribute) -> str:
    sure = likeliest(attribute) == "none" and attribute.probabilities["none"] >= SURE
    return name if sure else likeliest(attribute)


def likeliest(attribute: Attribute) -> str:
    return max(attribute.probabilities, key=lambda each: attribute.probabilities[each])


def suspicion_facts(finding: Finding) -> dict[str, Fact]:
    """How suspicious the readers of LIDC would find it, with its interval."""
    rated = finding.malignancy
    if rated is None:
        return {}
    return {
        name: Fact(value=value, evidence=attribute_key(finding), measure=lambda name=name: float(getattr(rated, name)),  # type: ignore[misc]
                   digits=2, about=(subject(finding.label), f"malignancy_{name}"))
        for name, value in (("value", rated.value), ("low", rated.low), ("high", rated.high))
    }  # fmt: skip


def change_facts(answer: Nodules, again: Again, label: int) -> dict[str, Fact]:
    """What became of a finding since the earlier scan: status, ratio of volumes and doubling time with their bounds.

    A bound that is infinite (it may not grow at all) has no fact.
    """
    comparison = answer.comparison
    change = next((each for each in answer.changes if each.label == label), None)
    if comparison is None or change is None:
        return {}
    key, about = f"change {label}", subject(label)
    facts = {"status": Fact(value=change.status, evidence=key, about=(about, "change"),
                            measure=lambda: _status(comparison, again, label))}  # fmt: skip
    told = {"ratio": (change.ratio, 2, "volume_ratio"), "doubling": (change.doubling_days, 0, "doubling_days")}
    for what, (interval, digits, attribute) in told.items():
        for name in ("value", "low", "high") if interval is not None else ():
            value = float(getattr(interval, name))
            if math.isfinite(value):
                facts[f"{what}_{name}"] = Fact(
                    value=value, evidence=key, digits=digits, about=(about, f"{attribute}_{name}"),
                    measure=lambda what=what, name=name: _recomputed(comparison, again, label, what, name),  # type: ignore[misc]
                )  # fmt: skip
    return facts


def earlier_volume(comparison: Comparison, label: int) -> float:
    """Of the earlier finding that this one was matched with, counted again from its voxels."""
    change = next(each for each in comparison.changes if each.label == label)
    before = next(each for each in comparison.earlier if each.label == change.earlier)
    assert comparison.field_mm is not None
    return float(len(before.mask) * abs(np.linalg.det(comparison.field_mm[0][:3, :3])))


def _recomputed(comparison: Comparison, again: Again, label: int, what: str, name: str) -> float:
    ratio = ratio_of(again.size(label).volume_mm3, earlier_volume(comparison, label))
    found = ratio if what == "ratio" else doubling(ratio, comparison.days)
    return float(getattr(found, name)) if found is not None else math.nan


def _status(comparison: Comparison, again: Again, label: int) -> str:
    """From both masks, and from where they lie."""
    change = next(each for each in comparison.changes if each.label == label)
    if change.earlier is None:
        return "new"
    before = next(each for each in comparison.earlier if each.label == change.earlier)
    assert comparison.alignment is not None
    away = np.linalg.norm(comparison.alignment(np.array(before.center_mm)) - again.centre(label))
    if away > REACH + 0.1:
        return f"{away:.0f} mm from the earlier finding"
    return changed(ratio_of(again.size(label).volume_mm3, earlier_volume(comparison, label)))


def _attribute(finding: Finding, name: str, attribute: Attribute, words: str, read: Callable[[Attribute], str]) -> Fact:
    return Fact(value=words, states=attribute.value, evidence=attribute_key(finding),
                measure=lambda: read(attribute), about=(subject(finding.label), name))  # fmt: skip


def _hedged(attribute: Attribute, words: str) -> str:
    likely = max(attribute.probabilities.values())
    return words if likely >= SURE else f"probably {words}"


def _on(location: str, side: str) -> bool:
    """Whether a place by its name can lie on that side."""
    other = "left" if side == "right" else "right"
    return other not in location.split()
