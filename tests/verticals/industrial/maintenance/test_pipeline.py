from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from colonnade.core.errors import CheckpointError, FormatError, InputError, MissingModality
from colonnade.core.pipeline import FitOptions
from colonnade.core.types import Waveform
from colonnade.verticals.industrial.maintenance.envelope import RATE
from colonnade.verticals.industrial.maintenance.pipeline import MaintenancePipeline
from colonnade.verticals.industrial.maintenance.records import FAULTS
from colonnade.verticals.industrial.tasks import maintenance

from .conftest import machine, struck

SAMPLE = maintenance.sample()


@pytest.fixture(scope="module")
def shipped() -> MaintenancePipeline:
    return MaintenancePipeline.from_pretrained()


@pytest.fixture(scope="module")
def small(life, shipped) -> MaintenancePipeline:
    return MaintenancePipeline(life, shipped.faults)


def csv(path: Path, histories) -> Path:
    names = histories[0].sensors
    lines = [",".join(("machine", "cycle", *names))]
    for each in histories:
        rows = zip(each.cycles, each.values, strict=True)
        lines += [",".join(map(str, (each.machine, cycle, *values))) for cycle, values in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_sample_is_answered_with_a_report_whose_claims_hold(shipped, tmp_path):
    result = shipped.predict(**SAMPLE)
    life = result.remaining_life
    assert life.low <= life.value <= life.high
    assert result.fault.label == "outer race"
    assert result.action == "act"
    page = result.report.html()
    assert "Envelope spectrum" in page
    assert "held" in page
    result.save(tmp_path / "out")
    told = json.loads((tmp_path / "out" / "result.json").read_text())
    assert told["remaining_life"]["value"] == pytest.approx(life.value)
    assert told["fault"]["label"] == "outer race"
    assert (tmp_path / "out" / "course.csv").read_text().startswith("cycles,life,low,high,health\n")


@pytest.mark.parametrize(
    "names", [("sensors",), ("vibration", "machine"), ("sensors", "machine"), ("sensors", "vibration", "machine")]
)
def test_every_subset_that_is_enough_is_answered(shipped, names):
    result = shipped.predict(**{name: SAMPLE[name] for name in names})
    assert (result.remaining_life is None) == ("sensors" not in names)
    assert (result.fault is None) == ("vibration" not in names)
    assert result.health_index == min(result.health.values())


def test_what_one_modality_says_does_not_depend_on_the_other(shipped):
    both, one = shipped.predict(**SAMPLE), shipped.predict(sensors=SAMPLE["sensors"])
    assert both.remaining_life == one.remaining_life


def test_a_machine_alone_and_a_vibration_without_speed_are_refused(shipped):
    with pytest.raises(MissingModality, match="needs at least sensors or vibration"):
        shipped.predict(machine=SAMPLE["machine"])
    with pytest.raises(MissingModality, match="shaft speed is missing"):
        shipped.predict(vibration=struck("ball"))


def test_two_speeds_that_differ_are_said(shipped, tmp_path):
    path = tmp_path / "1000_run.wav"
    soundfile.write(path, struck("outer race").samples / 10, RATE, subtype="FLOAT")
    result = shipped.predict(vibration=path, machine={"rpm": 1750})
    assert result.fault.label == "outer race"
    assert any("name says 1000" in warning for warning in result.warnings)


def test_sensors_in_other_units_are_refused_and_one_strange_sensor_is_said(small):
    history = machine(70)
    with pytest.raises(FormatError, match="are the units the same"):
        small.predict(sensors=replace(history, values=history.values * 1000))


def test_a_stuck_sensor_is_said(small):
    history = machine(71)
    values = history.values.copy()
    values[-40:, 0] = values[-40, 0]
    result = small.predict(sensors=replace(history, values=values))
    assert any("heat did not move" in warning for warning in result.warnings)


def test_too_few_cycles_are_refused(small):
    with pytest.raises(FormatError, match="has 5 cycles: at least 25"):
        small.predict(sensors=machine(72).until(5))


def test_the_advice_follows_the_lower_bound_and_the_lead(small):
    history = machine(73, length=120)
    assert small.predict(sensors=history).action == "act"
    assert small.predict(sensors=history.until(40)).action in ("run", "plan")
    assert small.setting("lead", "110").predict(sensors=history.until(40)).action == "act"
    with pytest.raises(InputError, match="lead is a number"):
        small.setting("lead", "soon")


def test_explain_shares_out_the_health_index(shipped):
    found = shipped.explain(**SAMPLE)
    assert found.base + sum(found.modalities.values()) == pytest.approx(found.value)
    assert found.value == pytest.approx(shipped.predict(**SAMPLE).health_index)
    assert set(found.parts) == {"cycles_of_life_by_sensor", "combs"}


def test_a_checkpoint_gives_the_same_answers(small, tmp_path):
    small.save(tmp_path / "model")
    again = MaintenancePipeline.from_pretrained(tmp_path / "model")
    history = machine(74)
    one, other = small.predict(sensors=history), again.predict(sensors=history)
    assert one.remaining_life.value == pytest.approx(other.remaining_life.value, abs=1e-4)
    np.testing.assert_allclose(one.answer.course.health, other.answer.course.health)


def test_what_was_not_learned_is_said(life, shipped):
    with pytest.raises(CheckpointError, match="learned no recordings"):
        MaintenancePipeline(life, None).predict(vibration=struck("ball"), machine={"rpm": 1750})
    with pytest.raises(CheckpointError, match="learned no fleet"):
        MaintenancePipeline(None, shipped.faults).predict(sensors=machine(75))


def test_recordings_of_a_user_give_a_fault_model_and_keep_the_fleet(small, tmp_path):
    for seed in range(2):
        for part in FAULTS:
            place = tmp_path / "data" / part / f"1750_{seed}.wav"
            place.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(place, struck(part, seed=seed).samples / 10, RATE, subtype="FLOAT")
    small.fit(tmp_path / "data", out=tmp_path / "model")
    again = MaintenancePipeline.from_pretrained(tmp_path / "model")
    assert again.life is not None
    result = again.predict(
        vibration=Waveform(samples=struck("ball", seed=5).samples / 10, rate=RATE), machine={"rpm": 1750}
    )
    assert result.fault.label == "ball"
    found = again.evaluate(tmp_path / "data")
    assert found.metrics["accuracy"] == 1
    assert "vibration+machine" in found.subsets


def test_a_fleet_of_a_user_is_evaluated_beside_baselines(small, fleet, tmp_path):
    found = small.evaluate(csv(tmp_path / "fleet.csv", fleet))
    assert found.n == len(fleet)
    assert found.metrics["rmse"] < found.baselines["mean life"]["rmse"]
    assert 0 <= found.metrics["coverage"] <= 1
    assert found.subsets["sensors"]["rmse"] == found.metrics["rmse"]


def test_fit_on_a_table_makes_a_whole_checkpoint(small, fleet, tmp_path, monkeypatch):
    from colonnade.verticals.industrial.maintenance import recipes

    from .conftest import TINY

    monkeypatch.setattr(recipes, "schedule_of", lambda options: TINY)
    made = small.fit(csv(tmp_path / "fleet.csv", fleet), out=tmp_path / "model", options=FitOptions(epochs=1))
    assert made.card["fleet"] == "12 machines that ran to failure"
    assert 0 < made.card["left_out"]["coverage"] <= 1
    assert MaintenancePipeline.from_pretrained(tmp_path / "model").life.scale.sensors == ("heat", "pressure")


@pytest.mark.parametrize("method", ["lora", "progressive", "probe"])
def test_a_method_moves_the_network_and_leaves_the_boosting(small, fleet, tmp_path, monkeypatch, method):
    from colonnade.verticals.industrial.maintenance import recipes

    from .conftest import TINY

    monkeypatch.setattr(recipes, "schedule_of", lambda options: TINY)
    made = small.fit(csv(tmp_path / "fleet.csv", fleet), out=tmp_path / "model", options=FitOptions(method=method))
    assert made.card["method"] == method
    fitted = MaintenancePipeline.from_pretrained(tmp_path / "model").life
    before, after = small.life.network.state_dict(), fitted.network.state_dict()
    assert before.keys() == after.keys()  # merged: nothing of an adapter is left
    assert any(not torch.equal(before[name], after[name]) for name in before)
    np.testing.assert_array_equal(small.life.trees.value, fitted.trees.value)


def test_data_that_a_method_cannot_learn_from_are_refused(small, tmp_path):
    (tmp_path / "a.csv").write_text("cycle,heat\n1,1\n")
    with pytest.raises(InputError, match="at least 10 are needed"):
        small.fit(tmp_path, out=tmp_path / "out", options=FitOptions(method="lora"))
    with pytest.raises(InputError, match=r"reads .*/cmapss and .*/cwru"):
        small.fit(tmp_path, out=tmp_path / "out", options=FitOptions(recipe="shipped"))


def test_the_exported_network_equals_this_one(small, tmp_path):
    pytest.importorskip("onnxruntime")
    exported = small.export(out=tmp_path / "edge", format="onnx")
    assert max(exported.parity.values()) < 1e-4


def test_the_published_engines_are_judged_as_the_benchmark_says(shipped):
    data = Path(os.environ.get("COLONNADE_DATA", Path(__file__).parents[5] / "shared" / "data")) / "cmapss"
    if not data.is_dir():
        pytest.skip(f"no C-MAPSS data at {data}: set COLONNADE_DATA")
    found = shipped.evaluate(data)
    assert found.n == 100
    assert found.metrics["rmse"] < found.baselines["wear line (ridge)"]["rmse"]
