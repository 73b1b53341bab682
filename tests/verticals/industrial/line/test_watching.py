from __future__ import annotations

import json

from colonnade.core.random import numpy_generator
from colonnade.verticals.industrial.line.watching import Watching
from colonnade.verticals.industrial.monitoring.alarm import Rule


def line(number: int, *, decision: str = "pass", p_value: float = 0.5, image: float = 1.0) -> dict[str, object]:
    return {
        "number": number,
        "unit": f"u{number}",
        "time": f"2026-01-01T00:00:{number % 60:02d}+00:00",
        "decision": decision,
        "p_value": p_value,
        "scores": {"image": image},
        "judged": ["image"],
        "missing": [],
        "unusable": [],
        "promised_false_rejects": 0.01,
    }


def watching() -> Watching:
    return Watching(("image",), rule=Rule(m=3, n=20), lost_after=3)


def test_good_units_as_calibrated_raise_no_drift_and_a_slow_drift_does():
    generator, watched = numpy_generator(3, "watching"), watching()
    steady = generator.uniform(0.01, 1, size=250)
    for number, p_value in enumerate(steady):
        watched.update(line(number, p_value=float(p_value), image=float(generator.normal(1, 0.1))))
    assert watched.alarms["drift"].state == "normal"
    found = []
    for number in range(60):
        p_value = float(generator.uniform(0.01, 1) ** 2)  # good units that score higher than they used to
        found += watched.update(line(number, p_value=p_value, image=float(generator.normal(1, 0.1))))["alarm"]["raised"]
    assert "drift" in found
    assert {each["step"][0] for each in watched.causes} & {"inspection", "incoming material", "machining"}


def test_the_raw_score_of_a_sense_has_a_chart_of_its_own():
    generator, watched = numpy_generator(1, "watching"), watching()
    for number in range(200):
        shift = 0.2 if number >= 120 else 0.0
        told = watched.update(line(number, p_value=float(generator.uniform(0.01, 1)),
                                   image=float(generator.normal(1 + shift, 0.1))))  # fmt: skip
        if any(each.startswith("image (ewma)") for each in told["drift"]):
            break
    assert 120 <= number < 150


def test_rejected_units_are_no_drift():
    watched = watching()
    for number in range(30):
        watched.update(line(number, decision="reject", p_value=0.005))
    assert watched.alarms["drift"].state == "normal"
    assert watched.alarms["rejects"].state == "raised"
    assert watched.fused[0].count == 0


def test_everything_is_plain_data_for_a_page():
    watched = watching()
    for number in range(5):
        watched.update(line(number, decision="reject" if number < 3 else "pass"))
    told = json.loads(json.dumps(watched.to_dict()))
    assert told["alarm"]["level"] == "alarm"
    assert told["counts"] == {"pass": 2, "review": 0, "reject": 3, "unmeasurable": 0}
    assert [chart["kind"] for chart in told["charts"]] == ["ewma", "cusum", "individuals", "ewma"]
    promise = watched.promise(0.01)
    assert promise["units_between_false_alarms"] > 5_000
    assert promise["units_between_false_drift_signals"] == 841
