"""The certificate of an inspection: claims that are measured again from the unit's data, and pictures.

It plans the sections; knowledge/reports verifies and renders them. A guess at the cause of a defect is not made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.trust.subsets import subset_name
from ....core.version import __version__
from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Figure, Key, Report, Rows, Section, Tone
from ..records import Defect
from .answers import Inspected
from .drawings import Later, deviations, histogram, spectra, strangeness
from .experts import LEAST_TOP, TOP, Seen, Surface

if TYPE_CHECKING:
    from .pipeline import InspectionPipeline

TONES: dict[str, Tone] = {"pass": "good", "review": "warn", "reject": "bad", "unmeasurable": "warn"}
HEADLINES = {
    "pass": "Pass: within what good units show",
    "review": "Review: close to the threshold, a second look is due",
    "reject": "Reject",
    "unmeasurable": "Unmeasurable: no verdict can be given",
}
UNITS = {"scan": "mm", "image": "log-odds", "sound": "spreads"}
LISTED = 8  # regions in the table


def write(
    answer: Inspected,
    observed: Mapping[str, Seen],
    record: Mapping[str, Any],
    pipeline: InspectionPipeline,
    *,
    gates: Mapping[str, float],
    warnings: Sequence[str],
) -> Report:
    """The report of one inspection."""
    evidence: dict[str, Evidence] = {}
    sections = [_verdict(answer, observed, pipeline, gates=gates, evidence=evidence)]
    if answer.surface is not None:
        sections.append(_surface(answer, answer.surface, evidence))
    if answer.anomaly is not None:
        sections.append(_appearance(answer, pipeline, evidence))
    if "sound" in observed and observed["sound"].usable:
        sections.append(_sound(observed["sound"], pipeline, evidence))
    return Report(
        title="Inspection of a part",
        verdict=HEADLINES[answer.verdict] + (f": {answer.reasons[0]}" if answer.verdict == "unmeasurable" else ""),
        tone=TONES[answer.verdict],
        banner=_banner(pipeline),
        keys=_keys(answer),
        sections=tuple(section for section in sections if section is not None),
        evidence=evidence,
        warnings=tuple(warnings),
        provenance={
            "task": "industrial/inspection",
            "colonnade": __version__,
            "weights": str(pipeline.model.get("sha256", "not saved yet")),
            "learned from": str(pipeline.card.get("made of", "good units")),
            "seed": str(pipeline.card.get("seed", "")),
        },
    )


def _banner(pipeline: InspectionPipeline) -> str:
    if pipeline.card.get("recipe") == "demonstration":
        return (
            "Demonstration: memories and thresholds come from generated units of the sample's nut. For a part of your "
            "own run: colonnade fit industrial/inspection my_parts/ --out my_inspector"
        )
    return ""


def _keys(answer: Inspected) -> tuple[Key, ...]:
    keys = [Key(label="Verdict", value=answer.verdict, tone=TONES[answer.verdict])]
    if answer.judged:
        note = f"passes up to {answer.threshold:.2f}"
        keys.append(Key(label="Score (log-odds)", value=f"{answer.score:.2f}", note=note))
    if answer.promised_false_rejects is not None:
        note = "of good units, by the score"
        keys.append(Key(label="False rejects", value=f"≤ {answer.promised_false_rejects:.1%}", note=note))
    if "scan" in answer.scores and np.isfinite(answer.scores["scan"]):
        tone: Tone = "bad" if answer.scores["scan"] > answer.tolerance_mm else "good"
        note = f"tolerance {answer.tolerance_mm:g} mm"
        keys.append(Key(label="Largest deviation", value=f"{answer.scores['scan']:.2f} mm", note=note, tone=tone))
    if answer.registration is not None:
        note = f"limit {answer.registration.limit_mm:.3f} mm"
        keys.append(Key(label="Registration", value=f"{answer.registration.residual_mm:.3f} mm", note=note))
    return tuple(keys)


def _verdict(
    answer: Inspected,
    observed: Mapping[str, Seen],
    pipeline: InspectionPipeline,
    *,
    gates: Mapping[str, float],
    evidence: dict[str, Evidence],
) -> Section:
    claims = []
    judged = {sense: observed[sense] for sense in answer.judged}
    threshold = pipeline.inspector.thresholds.get(subset_name(judged)) if judged else None
    if threshold is not None:
        evidence["score"] = Evidence(kind="model", shows=f"fused score of {', '.join(judged)}")
        evidence["threshold"] = Evidence(
            kind="measurement", shows=f"{len(threshold.scores)} good units of the calibration"
        )
        facts = {
            "score": Fact(
                value=answer.score, evidence="score", measure=lambda: pipeline.inspector.score(judged), digits=2
            ),
            "beyond": Fact(
                value=float((threshold.scores >= answer.score).sum()),
                evidence="threshold",
                measure=lambda: float((threshold.scores >= answer.score).sum()),
                digits=0,
            ),
            "count": Fact(
                value=float(len(threshold.scores)),
                evidence="threshold",
                measure=lambda: float(len(threshold.scores)),
                digits=0,
            ),
        }
        claims.append(
            Claim(template="The score is {score}; {beyond} of {count} good units scored as high.", facts=facts)
        )
    rows = []
    for sense, seen in observed.items():
        spread = answer.spreads.get(sense)
        rows.append(
            (
                sense,
                f"{seen.score:.3f} {UNITS[sense]}" if seen.usable else "not measured",
                f"{spread:.1f}" if spread is not None else "-",
                f"{gates.get(sense, 0.0):.2f}",
                seen.refused,
            )
        )
    table = Rows(
        header=("sense", "raw score", "spreads above good", "gate", "remark"),
        rows=tuple(rows),
        caption="Raw scores are as measured. The gate says how far the fused score listens to a sense.",
    )
    return Section(heading="Verdict", claims=tuple(claims), tables=(table,), notes=answer.reasons)


def _surface(answer: Inspected, surface: Surface, evidence: dict[str, Evidence]) -> Section:
    found = surface.deviation
    evidence["scan"] = Evidence(kind="measurement", shows="deviation.ply: scanned points on the nominal part, in mm")
    evidence["pose"] = Evidence(kind="measurement", shows="registration of the scan to the nominal part")
    claims = [
        Claim(
            template="The scan lies on the nominal part with a residual of {residual}, after {starts} starts.",
            facts={
                "residual": Fact(
                    value=surface.registration.residual_mm,
                    evidence="pose",
                    measure=lambda: surface.pose.residual,
                    digits=3,
                    unit="mm",
                ),
                "starts": Fact(
                    value=float(surface.pose.starts),
                    evidence="pose",
                    measure=lambda: float(surface.pose.starts),
                    digits=0,
                ),
            },
        )
    ]
    if surface.registration.ok:
        claims.append(_extremes(surface))
        claims += _regions(answer)
    figures: Sequence[Figure] = ()
    if surface.registration.ok:
        figures = Later(lambda: deviations(surface, answer), lambda: histogram(surface, answer))
    listed = [each for each in answer.defects if each.modality == "scan"]
    tables = (_listed(listed),) if listed else ()
    if surface.dimensions:
        tables = (*tables, _plan(surface))
    notes = (f"{len(found.points)} points, about {found.spacing:.2f} mm apart.",)
    return Section(heading="Surface", claims=tuple(claims), figures=figures, tables=tables, notes=notes)


def _plan(surface: Surface) -> Rows:
    """Every dimension beside its band."""
    rows = [
        (
            each.name,
            f"{each.value:.3f}",
            f"{each.uncertainty:.3f}",
            f"{each.lower:.3f}",
            f"{each.upper:.3f}",
            each.verdict,
        )
        for each in surface.dimensions
        if each.verdict != "not evaluable"
    ]
    head = ("dimension", "measured, mm", "± (k = 2)", "from", "to", "ISO 14253-1")
    return Rows(header=head, rows=tuple(rows), caption="Dimensions against general tolerances")


def _extremes(surface: Surface) -> Claim:
    local = surface.deviation.local
    top = max(LEAST_TOP, int(TOP * len(local)))

    def extra() -> float:
        return float(np.sort(local)[-top:].mean())

    def lacking() -> float:
        return float(-np.sort(local)[:top].mean())

    facts = {
        "extra": Fact(value=extra(), evidence="scan", measure=extra, digits=3, unit="mm"),
        "lacking": Fact(value=lacking(), evidence="scan", measure=lacking, digits=3, unit="mm"),
    }
    return Claim(template="The worst places are {extra} proud of the surface and {lacking} below it.", facts=facts)


def _regions(answer: Inspected) -> list[Claim]:
    """A claim for each of the first regions of the surface, measured again from its points."""
    claims = []
    scans = [each for each in answer.defects if each.modality == "scan"]
    for defect, points in list(zip(scans, answer.places, strict=False))[:3]:
        if defect.max_deviation_mm is None or answer.surface is None:
            continue
        patch = answer.surface.deviation.patch
        facts = {
            "kind": Fact(value=defect.kind, evidence="scan", measure=lambda kind=defect.kind: kind),  # type: ignore[misc]
            "area": Fact(
                value=float(defect.area_mm2 or 0.0),
                evidence="scan",
                measure=lambda points=points, patch=patch: len(points) * patch,  # type: ignore[misc]
                unit="mm²",
            ),
            "worst": Fact(
                value=defect.max_deviation_mm,
                evidence="scan",
                measure=lambda points=points: _worst(answer, points),  # type: ignore[misc]
                digits=2,
                unit="mm",
            ),
        }
        claims.append(Claim(template="A region of {area} shows {kind}, at worst {worst}.", facts=facts))
    return claims


def _worst(answer: Inspected, points: np.ndarray) -> float:
    from scipy.spatial import cKDTree

    assert answer.surface is not None
    index = cKDTree(answer.surface.deviation.points).query(points)[1]
    values = answer.surface.deviation.local[index]
    return float(values[np.abs(values).argmax()])


def _listed(defects: Sequence[Defect]) -> Rows:
    rows = []
    for number, each in enumerate(defects[:LISTED], start=1):
        place = " ".join(f"{value:.1f}" for value in each.centroid_mm or ())
        worst = "-" if each.max_deviation_mm is None else f"{each.max_deviation_mm:+.2f}"
        rows.append((f"{number}", each.kind, place, f"{each.area_mm2 or 0.0:.1f}", worst))
    more = f" ({len(defects) - LISTED} smaller ones are in result.json)" if len(defects) > LISTED else ""
    return Rows(
        header=("no.", "seen", "centre, mm", "area, mm²", "worst, mm"), rows=tuple(rows), caption=f"Regions{more}"
    )


def _appearance(answer: Inspected, pipeline: InspectionPipeline, evidence: dict[str, Evidence]) -> Section:
    assert answer.anomaly is not None
    photo, anomaly = answer.anomaly
    evidence["photo"] = Evidence(
        kind="image", shows="anomaly_map.npz: how strange each place is, as log-odds of a planted defect"
    )

    def strange() -> float:
        return float(anomaly.max())

    limit = pipeline.pixel_limit

    def share() -> float:
        return float((anomaly > limit).mean() * 100)

    facts = {
        "strange": Fact(value=float(anomaly.max()), evidence="photo", measure=strange, digits=3),
        "share": Fact(value=share(), evidence="photo", measure=share, digits=2, unit="%"),
    }
    claim = Claim(
        template="The strangest place of the picture scores {strange}; {share} of it is beyond good units.",
        facts=facts,
    )
    return Section(heading="Appearance", claims=(claim,), figures=Later(lambda: strangeness(photo, anomaly, limit)))


def _sound(seen: Seen, pipeline: InspectionPipeline, evidence: dict[str, Evidence]) -> Section:
    expert = pipeline.inspector.experts.sounds
    assert expert is not None
    sound, heard = seen.shown
    again = cache(lambda: expert.look(sound))
    evidence["sound"] = Evidence(kind="measurement", shows="the recording's spectrum, bands and lines")
    template, facts = "The recording lies {score} spreads from good ones", {}
    facts["score"] = Fact(value=seen.score, evidence="sound", measure=lambda: again().score, digits=1)
    if heard.lines:
        first = heard.lines[0]
        template += ", most at {name}: {line} spreads at {hertz}"
        facts["name"] = Fact(value=first.name, evidence="sound", measure=lambda: again().lines[0].name)
        facts["line"] = Fact(value=first.spreads, evidence="sound", measure=lambda: again().lines[0].spreads, digits=1)
        facts["hertz"] = Fact(
            value=first.hertz,
            evidence="sound",
            measure=lambda: again().lines[0].hertz,
            digits=1,
            unit="Hz",
        )
    claim = Claim(template=template + ".", facts=facts)
    return Section(heading="Sound", claims=(claim,), figures=Later(lambda: spectra(sound, heard)))
