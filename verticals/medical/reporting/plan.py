"""The plan of the report: which claims each section makes, from findings, earlier CT, patient and rules.

It chooses what is said and in which order; the words are the grammar's (sentences.py), the values the facts'
(facts.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ....core.types import Text, Volume
from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Section
from ..detection.findings import Operating
from ..ontology.background import background
from ..patient import COLUMNS, Clinical
from ..records import MASKS, Finding, Nodules
from ..studies.geometry import Scan
from . import sentences
from .advice import recommendation
from .facts import (
    Again,
    absent_facts,
    attribute_key,
    change_facts,
    mask_key,
    noun_fact,
    place_fact,
    present_facts,
    score_fact,
    size_facts,
    suspicion_facts,
)  # fmt: skip
from .impression import impression
from .limits import limits

DRAWN = 6  # findings that are told in full; each has a figure `Finding n`, and all have one `overview`


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """What an answer was made from. `volume` is the scan in canonical axes."""

    scan: Scan
    volume: Volume
    indication: Text | None = None
    patient: Clinical | None = None
    operating: Operating | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    wording: sentences.Wordings = "grammar"


def planned(answer: Nodules, context: Context, again: Again, evidence: dict[str, Evidence]) -> list[Section]:
    """The sections in the order of a radiologist's report; the evidence they cite is put into `evidence`."""
    evidence["given"] = Evidence(kind="text", shows=f"what was given: {', '.join(answer.used) or 'ct'}")
    evidence["scan"] = Evidence(kind="image", shows=_scan_line(context.scan))
    sections = [_indication(context, evidence), _technique(answer, context, evidence), _comparison(answer, evidence)]
    if not answer.reasons:
        sections += [
            _findings(answer, again, evidence),
            _with_background(impression(answer, again, evidence), answer, context.patient, evidence),
            recommendation(answer, context.patient, again, evidence),
        ]
    return [*sections, limits(answer, context.card, evidence)]


def _with_background(
    section: Section, answer: Nodules, patient: Clinical | None, evidence: dict[str, Evidence]
) -> Section:
    said = background(answer, patient, evidence) if answer.findings else ()
    part = Section(heading="What the knowledge graph adds", claims=said)
    return replace(section, parts=(*section.parts, part)) if said else section


def _indication(context: Context, evidence: dict[str, Evidence]) -> Section:
    claims = []
    words = context.indication
    if words is not None:
        evidence["indication"] = Evidence(kind="text", shows="the indication as it was given")
        fact = Fact(value=words.text, evidence="indication", measure=lambda: words.text)
        claims.append(Claim(template="Indication as given: {words}", facts={"words": fact}, kind="history"))
    else:
        claims.append(_absent("No indication was given.", "history"))
    if context.patient is None:
        claims.append(_absent("No patient table was given.", "history"))
    else:
        claims += _history(context.patient, evidence)
    return Section(heading="Indication", claims=tuple(claims))


def _absent(sentence: str, kind: str) -> Claim:
    return Claim(
        template="{absent}",
        facts={"absent": Fact(value=sentence, evidence="given", measure=lambda: sentence)},
        kind=kind,
    )


def _history(patient: Clinical, evidence: dict[str, Evidence]) -> list[Claim]:
    """What the table tells, column by column, and what it leaves open."""
    evidence["patient"] = Evidence(kind="row", shows="the patient table as it was given")
    known = {name: value for name, value in patient.told().items() if name != "days_since_earlier"}
    claims = []
    if known:
        facts = {name: _column(patient, name) for name in known}
        places = [f"{name.replace('_', ' ')} {{{name}}}" for name in known]
        template = f"The patient table gives {sentences.listed(places)}."
        claims.append(Claim(template=template, facts=facts, kind="history"))
    unknown = [name.replace("_", " ") for name in COLUMNS if name not in known and name != "days_since_earlier"]
    if unknown:
        told = sentences.listed(unknown)
        fact = Fact(value=told, evidence="patient", measure=lambda: told)
        claims.append(Claim(template="It leaves open: {open}.", facts={"open": fact}, kind="history"))
    return claims


def _column(patient: Clinical, name: str) -> Fact:
    value = getattr(patient, name)
    written = ("yes" if value else "no") if isinstance(value, bool) else value
    digits = 0 if isinstance(written, float) and written == int(written) else 1

    def again() -> str | float:
        found = getattr(patient, name)
        return ("yes" if found else "no") if isinstance(found, bool) else found

    return Fact(value=written, evidence="patient", measure=again, digits=digits, about=("patient", name))


def _technique(answer: Nodules, context: Context, evidence: dict[str, Evidence]) -> Section:
    spacing = context.scan.volume.spacing
    facts = {
        name: Fact(value=value, evidence="scan", digits=2, unit="mm", about=("scan", f"spacing_{name}"),
                   measure=lambda axis=axis: context.scan.volume.spacing[axis])  # type: ignore[misc]
        for axis, (name, value) in enumerate(zip("ijk", spacing, strict=True))
    }  # fmt: skip
    claims = [Claim(template="CT with voxels of {i} by {j} by {k}.", facts=facts, kind="technique")]
    evidence["lungs"] = Evidence(kind="measurement", shows="the air of the lungs, by threshold and morphology")
    lung = Fact(value=answer.lung_volume_ml / 1000, evidence="lungs", digits=2, unit="L", about=("scan", "lung_l"),
                measure=lambda: answer.lung_volume_ml / 1000)  # fmt: skip
    claims.append(Claim(template="The scan holds {lung} of lung.", facts={"lung": lung}, kind="technique"))
    evidence["scores"] = Evidence(
        kind="model",
        shows=f"scores by {context.model.get('name', 'a model not saved')}, sha256 "
        f"{str(context.model.get('sha256', ''))[:16] or 'none'}",
    )
    bar = Fact(value=answer.threshold, evidence="scores", measure=lambda: answer.threshold, digits=3,
               about=("scan", "threshold"))  # fmt: skip
    if not answer.reasons:
        claims.append(Claim(template="A candidate counts from a score of {bar}.", facts={"bar": bar}, kind="technique"))
    return Section(heading="Technique", claims=tuple(claims))


def _comparison(answer: Nodules, evidence: dict[str, Evidence]) -> Section:
    made = answer.comparison
    if made is None:
        given = "earlier" in answer.used
        said = "The earlier CT was not compared." if given else "No earlier CT was given."
        return Section(heading="Comparison", claims=(_absent(said, "technique"),))
    evidence["earlier"] = Evidence(kind="image", shows=f"the earlier CT, {made.days:g} days before by {made.days_from}")
    days = Fact(value=made.days, evidence="earlier", measure=lambda: made.days, digits=0, about=("scan", "days"))
    claims = [Claim(template="An earlier CT was made {days} days before.", facts={"days": days}, kind="technique")]
    if made.residual_mm is not None:
        residual = Fact(value=made.residual_mm, evidence="earlier", measure=lambda: made.residual_mm or 0.0, unit="mm",
                        about=("scan", "residual_mm"))  # fmt: skip
        claims.append(Claim(template="After alignment the surfaces of the lungs lie {residual} apart.",
                            facts={"residual": residual}, kind="technique"))  # fmt: skip
    for number, reason in enumerate(made.reasons):
        fact = Fact(value=reason, evidence="earlier", measure=lambda number=number: made.reasons[number])  # type: ignore[misc]
        claims.append(Claim(template="It was not compared: {reason}.", facts={"reason": fact}, kind="technique"))
    return Section(heading="Comparison", claims=tuple(claims))


def _findings(answer: Nodules, again: Again, evidence: dict[str, Evidence]) -> Section:
    parts = []
    for turn, finding in enumerate(answer.findings):
        full, heading = turn < DRAWN, f"Finding {finding.label}"
        _cite(finding, answer, evidence, drawn=full)
        claims = _told(finding, answer, again, turn, full=full)
        parts.append(Section(heading=heading, claims=claims, flowing=True))
    claims = (*_lost(answer, evidence), *_unseen(answer))
    if not answer.findings:
        claims = (*nothing(answer, again), *claims)
    return Section(heading="Findings", claims=claims, parts=tuple(parts))


def _cite(finding: Finding, answer: Nodules, evidence: dict[str, Evidence], *, drawn: bool) -> None:
    n, figure = finding.label, f"Finding {finding.label}" if drawn else ""
    evidence[mask_key(finding)] = Evidence(
        kind="mask", shows=f"finding {n}: {len(finding.mask)} voxels, label {n} in {MASKS}", figure=figure
    )
    if finding.attributes or finding.malignancy is not None:
        said = tuple(f"{name}: {each.value} {each.probability:.2f}" for name, each in finding.attributes.items())
        evidence[attribute_key(finding)] = Evidence(
            kind="model", shows=f"finding {n}: probabilities of its attributes", detail="\n".join(said), figure=figure
        )
    change = next((each for each in answer.changes if each.label == n), None)
    if change is not None:
        before = "none" if change.earlier is None else f"its finding {change.earlier}"
        faint = ", below the operating point there" if answer.comparison and change.earlier in answer.comparison.faint \
            else ""  # fmt: skip
        evidence[f"change {n}"] = Evidence(
            kind="measurement", shows=f"finding {n} and, in the earlier CT, {before}{faint}"
        )


def _told(finding: Finding, answer: Nodules, again: Again, turn: int, *, full: bool) -> tuple[Claim, ...]:
    """The sentences of one finding, the first ones in full."""
    facts = size_facts(finding, again)
    first = {**facts, "noun": noun_fact(finding, again), "place": place_fact(finding, again)}
    claims = [sentences.lead(first, turn), *sentences.appearance(present_facts(finding), absent_facts(finding)),
              sentences.sizes(facts, turn)]  # fmt: skip
    if full:
        claims += [
            sentences.bounds(facts, turn),
            sentences.center(facts),
            *sentences.suspicion(suspicion_facts(finding)),
        ]
        claims.append(sentences.score(score_fact(finding)))
    return (*claims, *sentences.change(change_facts(answer, again, finding.label), turn))


def nothing(answer: Nodules, again: Again) -> tuple[Claim, ...]:
    """Said only where the label map is empty."""
    word = "no finding"
    none = Fact(value=word, states=0.0, evidence="scores", about=("scan", "count"),
                measure=lambda: word if not again.sizes else f"{len(again.sizes)} findings")  # fmt: skip
    bar = Fact(value=answer.threshold, evidence="scores", measure=lambda: answer.threshold, digits=3,
               about=("scan", "threshold"))  # fmt: skip
    return (Claim(template="There is {none}: no candidate scored {bar} or more; a nodule may still be there.",
                  facts={"none": none, "bar": bar}, kind="finding"),)  # fmt: skip


def _lost(answer: Nodules, evidence: dict[str, Evidence]) -> list[Claim]:
    """Earlier findings that were not found again."""
    made = answer.comparison
    claims = []
    for change in answer.changes:
        if change.label is not None or made is None:
            continue
        before = next(each for each in made.earlier if each.label == change.earlier)
        n, key = before.label, f"earlier {before.label}"
        evidence[key] = Evidence(kind="mask", shows=f"finding {n} of the earlier CT, {len(before.mask)} voxels")
        facts = {
            "number": Fact(value=float(n), evidence=key, measure=lambda n=n: float(n), digits=0,  # type: ignore[misc]
                           about=(f"earlier finding {n}", "number")),
            "diameter": Fact(value=before.diameter_mm, evidence=key, measure=lambda b=before: b.diameter_mm, unit="mm",  # type: ignore[misc]
                             about=(f"earlier finding {n}", "diameter_mm")),
            "status": Fact(value=change.status, evidence=key, measure=lambda c=change: c.status,  # type: ignore[misc]
                           about=(f"earlier finding {n}", "change")),
        }  # fmt: skip
        tail = "; a candidate below the operating point lies there" if n in made.fainter else ""
        template = f"Finding {{number}} of the earlier CT ({{diameter}}) was {{status}}{tail}."
        claims.append(Claim(template=template, facts=facts, kind="comparison"))
    return claims


def _unseen(answer: Nodules) -> list[Claim]:
    made = answer.comparison
    if made is None or not made.unseen:
        return []
    named: Sequence[int] = made.unseen
    words = sentences.capital(sentences.findings(named))
    fact = Fact(value=words, evidence="earlier", measure=lambda: sentences.capital(sentences.findings(made.unseen)))
    verb = "lies" if len(named) == 1 else "lie"
    return [Claim(template=f"{{which}} {verb} outside the picture of the earlier CT.", facts={"which": fact},
                  kind="comparison")]  # fmt: skip


def _scan_line(scan: Scan) -> str:
    return f"the scan as given: {' x '.join(map(str, scan.volume.voxels.shape))} voxels, {scan.origin}"
