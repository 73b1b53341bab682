"""Each guideline asked about each finding: from what is seen of it to advice and to the facts that carry a proof.

It chooses nothing between findings and knows no report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from ....knowledge.rules import Rule, Statement, Value
from . import bts, fleischner, lung_rads
from .facts import Seen, compared_of, of_patient
from .patient import Patient
from .risk import Chance, brock
from .tables import Advice

Facts = Mapping[Statement, str]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One finding: what the guideline says of it, the facts it used with their sources, and rules beside its rows."""

    seen: Seen
    advice: Advice
    facts: Facts
    rules: tuple[Rule, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)  # of what several values are possible of
    chance: Chance | None = None

    @property
    def told(self) -> dict[str, str]:
        """Where each input is from, also one of which several values are possible."""
        return {name: source for name, (_, source) in self.seen.known.items()} | dict(self.sources)


def ask_fleischner(seen: Seen, patient: Patient) -> Asked:
    nodule = fleischner.Nodule(
        diameter_mm=seen.diameter_mm,
        texture=seen.value("texture"),
        solid_part_mm=seen.only("solid_part_mm"),
        multiple=seen.only("multiple"),
        upper_lobe=seen.only("upper_lobe"),
        spiculated=seen.only("spiculated"),
    )
    values = fleischner.attributes(nodule, patient)
    facts = _facts(
        seen, values, {"whole_mm": "diameter_mm", "whole_solid_part_mm": "solid_part_mm"}, skip=("high_risk",)
    )
    facts |= seen.statements(*fleischner.FEATURES)
    facts |= of_patient(patient, fleischner.FACTORS)
    return Asked(seen=seen, advice=fleischner.advise(nodule, patient), facts=facts, rules=fleischner.risk_rules())


def ask_lung_rads(seen: Seen) -> Asked:
    nodule = lung_rads.Nodule(
        diameter_mm=seen.diameter_mm,
        texture=seen.value("texture"),
        comparison=seen.value("comparison"),
        solid_part_mm=seen.only("solid_part_mm"),
        benign=seen.only("benign"),
        juxtapleural=seen.only("juxtapleural"),
        airway=seen.only("airway"),
        cyst=seen.only("cyst"),
        earlier_category=seen.only("earlier_category"),
        proven_benign=seen.only("proven_benign"),
        suspicious=seen.only("suspicious"),
    )
    values = lung_rads.attributes(nodule)
    return Asked(seen=seen, advice=lung_rads.advise(nodule), facts=_facts(seen, values, {"size_mm": "diameter_mm"}))


def ask_bts(seen: Seen, patient: Patient, count: int) -> Asked:
    """`count` of findings: the nodules are at least one and at most so many."""
    chance = _brock(seen, patient, count)
    nodule = bts.Nodule(
        long_axis_mm=cast("float", seen.only("long_axis_mm")),
        volume_mm3=seen.only("volume_mm3"),
        texture=seen.value("texture"),
        benign=seen.only("benign"),
        juxtapleural=seen.only("juxtapleural"),
        compared=compared_of(seen),
        doubling=seen.change.doubling_days if seen.change is not None else None,
        days=seen.only("days"),
        brock=chance,
        concerning=seen.only("concerning"),
    )
    values = bts.attributes(nodule)
    facts = _facts(seen, {**values, "volume_mm3": nodule.volume_mm3}, {"compared": "comparison"}, skip=("size",))
    sources = {"compared": seen.known["comparison"][1]} if "comparison" in seen.known else {}
    if chance is not None:
        sources["brock"] = f"{chance.low:.1%} to {chance.high:.1%} by {chance.source}"
    if nodule.doubling is not None:
        sources["doubling_days"] = f"{nodule.doubling.low:.0f} to {nodule.doubling.high:.0f} days by both volumes"
    facts |= {each: sources[each.predicate] for each in facts if each.predicate in sources}
    return Asked(
        seen=seen, advice=bts.advise(nodule), facts=facts, rules=bts.size_rules("volume_mm3"), sources=sources,
        chance=chance,
    )  # fmt: skip


def _brock(seen: Seen, patient: Patient, count: int) -> Chance | None:
    """The chance of cancer over all that is not known; None where the age is not."""
    if patient.age is None:
        return None
    texture = seen.value("texture")
    both = [
        brock(
            age=patient.age, diameter_mm=cast("float", seen.only("long_axis_mm")), female=patient.female,
            family_history=patient.family_history, emphysema=patient.emphysema, texture=each,
            upper_lobe=seen.only("upper_lobe"), count=nodules, spiculated=seen.only("spiculated"),
        )
        for nodules in sorted({1, count})
        for each in (sorted(texture) if isinstance(texture, frozenset) else (texture,))
    ]  # fmt: skip
    missing = both[0].missing + (("texture",) if isinstance(texture, frozenset) else ())
    return replace(both[0], low=min(e.low for e in both), high=max(e.high for e in both), missing=missing)


def _facts(
    seen: Seen, values: Mapping[str, Value | frozenset[Value] | None], named: Mapping[str, str],
    skip: Sequence[str] = (),
) -> dict[Statement, str]:  # fmt: skip
    """What is certain, as statements; the source is that of the finding's own value, under the name in `named`."""
    facts = {}
    for name, value in values.items():
        if value is None or name in skip or (isinstance(value, frozenset) and len(value) > 1):
            continue
        (single,) = value if isinstance(value, frozenset) else (value,)
        own = named.get(name, name)
        source = seen.known[own][1] if own in seen.known else "follows from its size"
        if own != name and isinstance(seen.only(own), float):
            source = f"{own} = {seen.only(own):.2f}, {source}"
        facts[Statement(seen.subject, name, single)] = source
    return facts
