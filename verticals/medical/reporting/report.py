"""The report of `medical/nodules`: the page with its verdict, keys, sections and table, verified before it exists.

The plan says what is claimed (plan.py), the grammar how (sentences.py), the facts how each value is measured again
(facts.py), the checks what cannot all be true (consistency.py). It asserts nothing that no evidence carries.
"""

from __future__ import annotations

from dataclasses import replace

from ....knowledge.claims import Evidence
from ....knowledge.reports import Key, Report, Rows, Section
from ..ontology.graph import nodule_graph
from ..records import BANNER, Finding, Nodules
from .consistency import checks
from .drawings import closeups, overview
from .facts import Again
from .plan import DRAWN, Context, planned

HEADER = (
    "No.", "Score", "Gates: CT, words", "Diameter mm", "90 % interval", "Long x short mm", "Volume mm3",
    "90 % interval", "Suspicion ± networks", "Density HU", "Side", "Center RAS mm", "Slice",
)  # fmt: skip
CAPTION = (
    "Diameter is the mean of the axial axes; slices count from the feet, from 0. Gates say how much the second look "
    "trusted the CT and the words of the indication, 0 where there were none. Behind ± is by how much (one standard "
    "deviation) networks that learnt from other patients differ about the suspicion: what more data could settle."
)


def report_of(answer: Nodules, context: Context) -> Report:
    """The page.

    Raises:
        UnsupportedClaim: something that would be said is not carried by its evidence, or contradicts something else.
    """
    evidence: dict[str, Evidence] = {}
    again = Again(answer, context.volume, context.operating)
    said, wording = _worded(planned(answer, context, again, evidence), context, evidence)
    sections = [_drawn(each, answer, context, again) for each in said]
    verdict, tone = _verdict(answer)
    return Report(
        title="Chest CT: pulmonary nodules",
        verdict=verdict,
        tone=tone,  # type: ignore[arg-type]
        banner=BANNER,
        keys=_keys(answer),
        sections=tuple(sections),
        evidence=evidence,
        warnings=context.warnings,
        provenance={
            "model": f"{context.model.get('name', 'not saved')} (sha256 {str(context.model.get('sha256', ''))[:16]})",
            "operating point": f"score of at least {answer.threshold:.3f}",
            "scan": context.scan.origin,
            "wording": wording,
            "knowledge graph": f"sha256 {nodule_graph().digest[:16]}",
            **{f"used: {name}": ", ".join(purposes) or "nothing" for name, purposes in answer.used.items()},
            "reviewed by": "nobody (unsigned)",
        },
        checks=checks(answer.lung_middle_mm),
    )


def _worded(sections: list[Section], context: Context, evidence: dict[str, Evidence]) -> tuple[list[Section], str]:
    """The sections in the words that were asked for, and what the page says of them."""
    if context.wording == "grammar":
        return sections, "grammar"
    from .generated import reworded, shipped

    wording = shipped()
    sections, tally = reworded(sections, evidence, wording)
    return sections, f"generated (sha256 {wording.digest[:16]}), each verified: {tally.told()}"


def _verdict(answer: Nodules) -> tuple[str, str]:
    if answer.reasons:
        return "Not evaluable: " + answer.reasons[0], "warn"
    if not answer.findings:
        return "No candidate reached the operating point", "plain"
    largest = max(answer.findings, key=lambda each: each.diameter_mm)
    count = len(answer.findings)
    return f"{count} possible nodule{'s' if count > 1 else ''}, the largest {largest.diameter_mm:.1f} mm", "warn"


def _keys(answer: Nodules) -> tuple[Key, ...]:
    lung = Key(label="Lung in the scan", value=f"{answer.lung_volume_ml / 1000:.2f} L")
    voxel = Key(label="Voxel", value=" x ".join(f"{each:.2f}" for each in answer.spacing_mm), note="mm")
    if not answer.findings:
        return Key(label="Findings", value="0" if not answer.reasons else "not evaluable"), lung, voxel
    first = answer.findings[0]
    sure = Key(label="Highest score", value=f"{first.score:.2f}", note=f"finding {first.label}, calibrated")
    largest = max(answer.findings, key=lambda each: each.diameter_mm)
    size = Key(
        label="Largest diameter",
        value=f"{largest.diameter_mm:.1f} mm",
        note=f"{largest.diameter_interval.low:.1f} to {largest.diameter_interval.high:.1f} mm (90 %)",
    )
    return (
        Key(label="Findings", value=str(len(answer.findings)), tone="warn"),
        sure,
        size,
        *_advised(answer),
        lung,
        voxel,
    )


def _advised(answer: Nodules) -> tuple[Key, ...]:
    """A card a guideline: its one row, or how many stay open."""
    cards = []
    for each in answer.management:
        rows = each.categories or each.rows
        value = rows[0] if len(rows) == 1 else f"{len(rows)} rows open" if rows else "no advice"
        cards.append(Key(label=each.guideline, value=value, note="" if len(rows) == 1 else "see Recommendation"))
    return tuple(cards)


def _drawn(section: Section, answer: Nodules, context: Context, again: Again) -> Section:
    """The section of findings with its table, the picture of where they lie, and each finding's own."""
    if section.heading != "Findings" or not answer.findings:
        return section
    rows = Rows(header=HEADER, rows=tuple(_row(each) for each in answer.findings), caption=CAPTION)
    places = {each.label: again.place(each.label) for each in answer.findings}
    where = replace(overview(answer, places, context.volume), key="overview")
    parts = [Section(heading="All findings", tables=(rows,), figures=(where,))]
    for number, (part, finding) in enumerate(zip(section.parts, answer.findings, strict=True)):
        if number < DRAWN:
            shown = closeups(finding, again.labels, places[finding.label], context.volume)
            part = replace(part, figures=(replace(shown, key=part.heading),))
        parts.append(part)
    return replace(section, parts=tuple(parts))


def _row(finding: Finding) -> tuple[str, ...]:
    interval, volume = finding.diameter_interval, finding.volume_interval
    rated, spread = finding.malignancy, finding.disagreement
    return (
        str(finding.label),
        f"{finding.score:.2f}",
        ", ".join(f"{gate:.2f}" for gate in finding.gates.values()),
        f"{finding.diameter_mm:.1f}",
        f"{interval.low:.1f} to {interval.high:.1f}",
        f"{finding.long_axis_mm:.1f} x {finding.short_axis_mm:.1f}",
        f"{finding.volume_mm3:.0f}",
        f"{volume.low:.0f} to {volume.high:.0f}" if volume is not None else "",
        (f"{rated.value:.2f}" if rated is not None else "") + (f" ± {spread:.2f}" if spread is not None else ""),
        f"{finding.median_hu:.0f}",
        finding.side, ", ".join(f"{each:.1f}" for each in finding.center_mm), str(finding.slice_index),
    )  # fmt: skip
