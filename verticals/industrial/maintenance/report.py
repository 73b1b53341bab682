"""The report on a machine: claims that are measured again from its data, and pictures.

It plans the sections; knowledge/reports verifies and renders them. A cause of wear is not guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ....core.version import __version__
from ....knowledge.claims import Claim, Evidence, Fact
from ....knowledge.reports import Key, Report, Rows, Section, Tone
from .answers import Fault, Maintained
from .bounds import COVERAGE
from .drawings import envelope_spectrum, fleet_errors, health_over_cycles, life_fan, sensor_moves
from .envelope import lines_of
from .faults import COMBS
from .features import START
from .health import SAID
from .life import LifeModel
from .records import CAP, FAULTS, Bearing, Machine

if TYPE_CHECKING:
    from .pipeline import MaintenancePipeline

TONES: dict[str, Tone] = {"run": "good", "plan": "warn", "act": "bad"}
HEADLINES = {
    "run": "Run on: nothing calls for maintenance within the lead time",
    "plan": "Plan maintenance",
    "act": "Act: maintenance is due",
}


def write(
    answer: Maintained, record: Mapping[str, Any], pipeline: MaintenancePipeline, *, warnings: Sequence[str]
) -> Report:
    """The report of one machine."""
    evidence: dict[str, Evidence] = {}
    sections = []
    if answer.course is not None and pipeline.life is not None:
        sections.append(_life(answer, record, pipeline.life, evidence))
        sections.append(_sensors(record, pipeline.life, evidence))
    if answer.fault is not None:
        sections.append(_vibration(answer.fault, record, pipeline, evidence))
    return Report(
        title="Condition of a machine",
        verdict=HEADLINES[answer.action],
        tone=TONES[answer.action],
        keys=_keys(answer),
        sections=(Section(heading="What to do", notes=answer.reasons), *sections),
        evidence=evidence,
        warnings=tuple(warnings),
        provenance={
            "task": "industrial/maintenance",
            "colonnade": __version__,
            "weights": str(pipeline.model.get("sha256", "not saved yet")),
            "learned from": "; ".join(
                str(pipeline.card[key]) for key in ("fleet", "recordings") if key in pipeline.card
            ),
            "origin": "; ".join(
                str(pipeline.card[key]) for key in ("fleet_origin", "recordings_origin") if key in pipeline.card
            ),
            "seed": str(pipeline.card.get("seed", "")),
        },
    )


def _keys(answer: Maintained) -> tuple[Key, ...]:
    keys = [
        Key(label="Advice", value=answer.action, note=f"lead time {answer.lead:g} cycles", tone=TONES[answer.action])
    ]
    if answer.remaining_life is not None:
        found = answer.remaining_life
        high = f"{CAP:g} or more" if answer.at_least else f"{found.high:.0f}"
        note = f"{COVERAGE:.0%} interval {found.low:.0f} to {high} cycles"
        keys.append(Key(label="Remaining life", value=f"{found.value:.0f}", note=note))
    parts = ", ".join(f"{name} {value:.2f}" for name, value in answer.health.items())
    keys.append(Key(label="Health index", value=f"{answer.health_index:.2f}", note=f"the lowest of: {parts}"))
    if answer.fault is not None:
        note = f"probability {answer.fault.probability:.2f}"
        tone: Tone = "good" if answer.fault.label == FAULTS[0] else "bad"
        keys.append(Key(label="Bearing", value=answer.fault.label, note=note, tone=tone))
    return tuple(keys)


def _life(answer: Maintained, record: Mapping[str, Any], life: LifeModel, evidence: dict[str, Evidence]) -> Section:
    history, course = record["sensors"], answer.course
    assert course is not None
    assert answer.remaining_life is not None
    evidence["series"] = Evidence(kind="row", shows=f"sensor series of machine {history.machine}")
    evidence["life"] = Evidence(
        kind="model", shows="course.csv: remaining life after every cycle, from the series alone"
    )
    last = [len(history) - 1]

    def again(name: str) -> float:
        return float(getattr(life.course(history, last), name)[0])

    said = answer.remaining_life
    facts = {
        "cycle": Fact(
            value=float(course.cycles[-1]), evidence="series", measure=lambda: float(history.cycles[-1]), digits=0
        ),
        "life": Fact(value=said.value, evidence="life", measure=lambda: again("life"), unit="cycles"),
        "low": Fact(value=said.low, evidence="life", measure=lambda: again("low")),
        "high": Fact(value=said.high, evidence="life", measure=lambda: again("high")),
    }
    claims = [
        Claim(template="After cycle {cycle} the machine has about {life} left, between {low} and {high}.", facts=facts),
        _health_claim(answer, life, record, evidence),
    ]
    if len(life.errors):
        claims.append(_coverage_claim(life, evidence))
    figures = (life_fan(course, answer.lead), health_over_cycles(course), fleet_errors(life.errors, said.value))
    notes = [
        f"Health index: {SAID}.",
        f"A life beyond {CAP:g} cycles cannot be told from a longer one and counts as it.",
    ]
    return Section(heading="Remaining life", claims=tuple(claims), figures=figures, notes=tuple(notes))


def _health_claim(
    answer: Maintained, life: LifeModel, record: Mapping[str, Any], evidence: dict[str, Evidence]
) -> Claim:
    def health() -> float:
        return float(life.health.index(life.scale.standard(record["sensors"]))[-1])

    fact = Fact(value=answer.health["sensors"], evidence="series", measure=health, digits=2)
    return Claim(template="The health index of its sensors is {health}.", facts={"health": fact})


def _coverage_claim(life: LifeModel, evidence: dict[str, Evidence]) -> Claim:
    from .recipes import left_out_numbers

    evidence["fleet"] = Evidence(kind="measurement", shows="lives said of machines that were left out of the fitting")

    def covered() -> float:
        return 100 * left_out_numbers(life)["coverage"]

    def count() -> float:
        return float(len(np.unique(life.errors[:, 0])))

    facts = {
        "covered": Fact(value=covered(), evidence="fleet", measure=covered, unit="%"),
        "count": Fact(value=count(), evidence="fleet", measure=count, digits=0),
    }
    return Claim(
        template="On {count} machines left out of the fitting, intervals made this way held {covered} of the lives.",
        facts=facts,
    )


def _sensors(record: Mapping[str, Any], life: LifeModel, evidence: dict[str, Evidence]) -> Section:
    history, scale = record["sensors"], life.scale

    def moves() -> np.ndarray:
        standard = scale.standard(history)[:, :-1]
        return np.asarray((standard[-START:].mean(axis=0) - standard[:START].mean(axis=0)) * scale.wear)

    found = moves()
    first = int(np.abs(found).argmax())
    facts = {
        "sensor": Fact(
            value=scale.sensors[first], evidence="series", measure=lambda: scale.sensors[int(np.abs(moves()).argmax())]
        ),
        "move": Fact(
            value=float(found[first]), evidence="series", measure=lambda: float(moves()[first]), unit="cycles of life"
        ),
    }
    claim = Claim(
        template="The sensor that moved the wear line most since the start is {sensor}, by {move}.", facts=facts
    )
    return Section(heading="Sensors", claims=(claim,), figures=(sensor_moves(scale.sensors, found),))


def _vibration(
    fault: Fault, record: Mapping[str, Any], pipeline: MaintenancePipeline, evidence: dict[str, Evidence]
) -> Section:
    wave = record["vibration"].wave
    bearing: Bearing = record.get("machine", Machine()).bearing
    evidence["envelope"] = Evidence(
        kind="measurement", shows="envelope spectrum of the recording in several bands, cepstrally whitened"
    )
    lines = lines_of(wave, fault.rpm / 60, "cepstral")
    part = max(COMBS, key=lambda name: fault.evidence[name]).removesuffix(", cepstral")

    def height() -> float:
        return float(np.sort(lines_of(wave, fault.rpm / 60, "cepstral").comb(bearing.orders[part]))[-2:].mean())

    def probability() -> float:
        assert pipeline.faults is not None
        return pipeline.faults.probabilities(fault.evidence)[fault.label]

    evidence["fault"] = Evidence(kind="model", shows="two logistic models on the comb heights (and the level in g)")
    facts = {
        "part": Fact(value=part, evidence="envelope", measure=lambda: part),
        "order": Fact(value=bearing.orders[part], evidence="envelope", measure=lambda: bearing.orders[part], digits=3),
        "height": Fact(value=fault.evidence[f"{part}, cepstral"], evidence="envelope", measure=height, digits=2),
    }
    said = {
        "label": Fact(value=fault.label, evidence="fault", measure=lambda: fault.label),
        "probability": Fact(value=fault.probability, evidence="fault", measure=probability, digits=2),
    }
    claims = (
        Claim(
            template="The tallest comb is that of the {part} ({order} times the shaft rate): {height} above its "
            "surroundings.",
            facts=facts,
        ),
        Claim(template="The state of the bearing is {label} with probability {probability}.", facts=said),
    )
    band = int(lines.comb(bearing.orders[part]).argmax())
    rows = tuple(
        (name, f"{bearing.orders[name]:.3f}", f"{bearing.orders[name] * fault.rpm / 60:.1f}",
         f"{fault.evidence[f'{name}, cepstral']:.2f}", f"{fault.evidence[f'{name}, smoothed']:.2f}")
        for name in ("outer race", "inner race", "ball", "cage")
    )  # fmt: skip
    head = ("part", "order", "rate, Hz", "comb height", "with smoothed whitening")
    table = Rows(header=head, rows=rows, caption="Mean height (log) of three harmonics, mean of the two tallest bands.")
    figure = envelope_spectrum(lines, bearing.orders, band=band)
    return Section(heading="Vibration", claims=claims, figures=(figure,), tables=(table,))
