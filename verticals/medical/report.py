"""The report of `medical/nodules`: what was found, drawn on the slices, each number measured again from its mask.

It plans sections and claims; knowledge/reports realises and verifies them. It asserts nothing that no mask carries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ...core.types import Array, Text, Volume
from ...knowledge.claims import Claim, Evidence, Fact
from ...knowledge.reports import Figure, Key, Report, Rows, Section
from .drawings import closeups, labels_of, overview
from .geometry import Scan, to_world
from .measure import Measured, measure
from .records import BANNER, MASKS, Finding, Nodules, side_of

DRAWN = 6  # findings that are shown large


def report_of(
    answer: Nodules,
    scan: Scan,
    volume: Volume,
    indication: Text | None,
    *,
    model: Mapping[str, Any],
    card: Mapping[str, Any],
) -> Report:
    """The page. `volume` is the canonical scan that `answer` was measured on."""
    evidence: dict[str, Evidence] = {"scan": Evidence(kind="image", shows=_scan_line(scan))}
    sections = [_technique(answer, scan, indication, evidence)]
    if not answer.reasons:
        sections += [_findings(answer, volume, evidence), *_drawn(answer, volume)]
    sections.append(Section(heading="Limits", notes=_limits(card)))
    verdict, tone = _verdict(answer)
    return Report(
        title="Chest CT: pulmonary nodules",
        verdict=verdict,
        tone=tone,  # type: ignore[arg-type]
        banner=BANNER,
        keys=_keys(answer),
        sections=tuple(sections),
        evidence=evidence,
        warnings=scan.flags + answer.reasons,
        provenance={
            "model": f"{model.get('name', 'not saved')} (sha256 {str(model.get('sha256', ''))[:16]})",
            "operating point": f"score of at least {answer.threshold:.3f}",
            "scan": scan.origin,
            "reviewed by": "nobody (unsigned)",
        },
    )


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
    return Key(label="Findings", value=str(len(answer.findings)), tone="warn"), sure, size, lung, voxel


def _technique(answer: Nodules, scan: Scan, indication: Text | None, evidence: dict[str, Evidence]) -> Section:
    spacing = scan.volume.spacing
    facts = {
        name: Fact(value=value, evidence="scan", measure=partial(_spacing, scan, axis), digits=2, unit="mm")
        for axis, (name, value) in enumerate(zip("ijk", spacing, strict=True))
    }
    claims = [Claim(template="The scan has voxels of {i} by {j} by {k}.", facts=facts)]
    if indication is not None:
        evidence["indication"] = Evidence(kind="text", shows="the indication as it was given")
        words = Fact(value=indication.text, evidence="indication", measure=lambda: indication.text)
        claims.append(Claim(template="Indication as given: {words}", facts={"words": words}))
    return Section(heading="Indication and technique", claims=tuple(claims))


def _findings(answer: Nodules, volume: Volume, evidence: dict[str, Evidence]) -> Section:
    claims, rows = [], []
    again = _remeasured(answer, volume)
    for finding in answer.findings:
        key = f"mask {finding.label}"
        evidence[key] = Evidence(
            kind="mask", shows=f"finding {finding.label}: {len(finding.mask)} voxels, label {finding.label} in {MASKS}"
        )
        claims.append(_claim(finding, key, partial(again, finding.label), answer.lung_middle_mm))
        rows.append(_row(finding))
    if not claims:
        evidence["scores"] = Evidence(kind="model", shows="scores of all candidates, below the operating point")
        bar = Fact(value=answer.threshold, evidence="scores", measure=lambda: answer.threshold, digits=3)
        claims.append(
            Claim(template="No candidate scored {bar} or more; a nodule may still be there.", facts={"bar": bar})
        )
    header = (
        "No.",
        "Score",
        "Gates: CT, words",
        "Diameter mm",
        "90 % interval",
        "Long x short mm",
        "Volume mm3",
        "Density HU",
        "Side",
        "Center RAS mm",
        "Slice",
    )
    caption = (
        "Diameter is the mean of the axial axes; slices count from the feet, from 0. Gates say how much the second "
        "look trusted the CT and the words of the indication, 0 where there were none."
    )
    tables = (Rows(header=header, rows=tuple(rows), caption=caption),) if rows else ()
    return Section(heading="Findings", claims=tuple(claims), tables=tables)


def _claim(finding: Finding, key: str, again: Callable[[], tuple[Measured, Array]], middle: float) -> Claim:
    """The sentence of one finding; `middle` is the x of the middle of the lungs."""
    facts = {
        "number": Fact(value=float(finding.label), evidence=key, measure=lambda: float(finding.label), digits=0),
        "diameter": Fact(value=finding.diameter_mm, evidence=key, measure=lambda: again()[0].diameter_mm, unit="mm"),
        "volume": Fact(
            value=finding.volume_mm3, evidence=key, measure=lambda: again()[0].volume_mm3, digits=0, unit="mm3"
        ),
        "slice": Fact(
            value=float(finding.slice_index), evidence=key, measure=lambda: float(again()[0].slice_index), digits=0
        ),
        "density": Fact(
            value=finding.median_hu, evidence=key, measure=lambda: again()[0].median_hu, digits=0, unit="HU"
        ),
        "side": Fact(value=finding.side, evidence=key, measure=lambda: side_of(float(again()[1][0]), middle)),
        "x": Fact(value=finding.center_mm[0], evidence=key, measure=lambda: float(again()[1][0])),
        "y": Fact(value=finding.center_mm[1], evidence=key, measure=lambda: float(again()[1][1])),
        "z": Fact(value=finding.center_mm[2], evidence=key, measure=lambda: float(again()[1][2])),
    }
    return Claim(
        template="Finding {number}: possible nodule of {diameter} ({volume}, {density}) in the {side} lung, "
        "slice {slice}, center {x}, {y}, {z} mm.",
        facts=facts,
    )


def _remeasured(answer: Nodules, volume: Volume) -> Callable[[int], tuple[Measured, Array]]:
    """Measures a label again from the label map that is saved, turned to canonical axes."""
    labels = labels_of(answer)

    def again(label: int) -> tuple[Measured, Array]:
        where = np.argwhere(labels == label)
        low, high = where.min(axis=0), where.max(axis=0) + 1
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        sizes = measure(labels[box] == label, volume.spacing, volume.voxels[box], bottom=int(low[2]))
        return sizes, to_world(volume.affine, where.mean(axis=0))

    return again


def _row(finding: Finding) -> tuple[str, ...]:
    interval = finding.diameter_interval
    return (
        str(finding.label),
        f"{finding.score:.2f}",
        ", ".join(f"{gate:.2f}" for gate in finding.gates.values()),
        f"{finding.diameter_mm:.1f}",
        f"{interval.low:.1f} to {interval.high:.1f}",
        f"{finding.long_axis_mm:.1f} x {finding.short_axis_mm:.1f}",
        f"{finding.volume_mm3:.0f}",
        f"{finding.median_hu:.0f}",
        finding.side, ", ".join(f"{each:.1f}" for each in finding.center_mm), str(finding.slice_index),
    )  # fmt: skip


def _drawn(answer: Nodules, volume: Volume) -> list[Section]:
    labels = labels_of(answer)
    figures: list[Figure] = [overview(answer, labels, volume)]
    figures += [closeups(each, labels, volume) for each in answer.findings[:DRAWN]]
    return [Section(heading="Pictures", figures=tuple(figures))]


def _spacing(scan: Scan, axis: int) -> float:
    return scan.volume.spacing[axis]


def _scan_line(scan: Scan) -> str:
    return f"the scan as given: {' x '.join(map(str, scan.volume.voxels.shape))} voxels, {scan.origin}"


def _limits(card: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = card.get("validation", {})
    told = ", ".join(f"{name} {value}" for name, value in numbers.items()) if numbers else "none on the card"
    return (
        "The detector learnt from real nodule shapes put into CT backgrounds and phantoms, not from patients with "
        "proven nodules; it misses small and faint nodules and marks vessels, scars and pleura. "
        "Nothing here says benign or malignant.",
        f"Validation numbers of these weights (semi-synthetic): {told}.",
    )
